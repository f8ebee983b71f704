/*
 * Where rooms, members and messages are kept: one interface, two homes (sqlite.c and redis.c). Questions are answered
 * on the loop, each exactly once, in the order in which they were asked; a check and the write that depends on it are
 * one step in either home. Everything here blocks nothing. Loop thread only. Expected load: thousands a second.
 */
#ifndef CHAT_ROOMS_STORE_H
#define CHAT_ROOMS_STORE_H

#include <uv.h>

#include "engineio/buffer.h"

enum {
    CHAT_KEPT_MESSAGES = 1000, /* the newest of each room */
    /* Of one CHAT_LIST_CHATS: texts may be 64 KiB each, and an answer has to fit into a client's output queue. */
    CHAT_LIST_BYTES = 2 * 1024 * 1024,
};

typedef enum chat_store_op {
    CHAT_CREATE_ROOM, /* room, username */
    CHAT_ADD_MEMBER,  /* room, username, take_over */
    CHAT_REMOVE_MEMBER, /* room, username, take_over: who asks may remove one that is held elsewhere */
    CHAT_ADD_CHAT,      /* room, username, text */
    CHAT_RELEASE_MEMBER, /* the same, but only what this process has; CHAT_NAME_TAKEN if it has not */
    CHAT_FREE_MEMBER, /* room, username: its connection has ended; anybody may take it, at any server */
    CHAT_LIST_CHATS, /* room, limit */
    CHAT_ADOPT_MEMBERS, /* those left over by a server that did not stop in order: they are this one's from now on */
} chat_store_op;

/* All of it is borrowed until chat_store_ask returns. */
typedef struct chat_query {
    chat_store_op op;
    eio_slice room, username, text;
    bool take_over; /* the name may be there already: its former holder is gone */
    size_t limit;   /* 1 to CHAT_KEPT_MESSAGES */
} chat_query;

typedef enum chat_outcome {
    CHAT_DONE,
    CHAT_ROOM_EXISTS,
    CHAT_ROOM_UNKNOWN,
    CHAT_NAME_TAKEN,
    CHAT_NOT_ALLOWED, /* a live connection at another server holds the name */
    CHAT_UNAVAILABLE, /* the store failed, and nothing has changed */
    CHAT_UNKNOWN,     /* no answer came: what was asked may have taken effect, or not */
} chat_outcome;

/* One message, or one member (then room is set and text is not). */
typedef struct chat_entry {
    eio_slice room, username, text;
} chat_entry;

/* Borrowed until the callback returns. Messages stand oldest first. */
typedef struct chat_answer {
    chat_outcome outcome;
    const chat_entry *entries;
    size_t count;
    bool lost; /* of CHAT_ADOPT_MEMBERS: others may have adopted what this server holds */
} chat_answer;

typedef void chat_store_cb(const chat_answer *answer, void *data);

typedef struct chat_store chat_store;

/* What a home implements; its own struct begins with a chat_store. */
typedef struct chat_store_type {
    int (*ask)(chat_store *store, const chat_query *query, chat_store_cb *callback, void *data);
    bool (*is_ready)(const chat_store *store);
    void (*close)(chat_store *store, void (*on_closed)(void *data), void *data);
} chat_store_type;

struct chat_store {
    const chat_store_type *type;
};

/* EIO_OK: the callback comes, from the loop. EIO_E_NOMEM, EIO_E_CLOSED, EIO_E_LIMIT (too many wait): it does not. */
static inline int chat_store_ask(chat_store *store, const chat_query *query,
                                 chat_store_cb *callback, void *data)
{
    return store->type->ask(store, query, callback, data);
}

/* Whether a question would be answered at present. */
static inline bool chat_store_is_ready(const chat_store *store)
{
    return store->type->is_ready(store);
}

/* What was asked is finished, then the store is gone and on_closed is called. The store is taken. */
static inline void chat_store_close(chat_store *store, void (*on_closed)(void *data), void *data)
{
    store->type->close(store, on_closed, data);
}

#endif
