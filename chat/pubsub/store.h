/*
 * Where presence and history are kept: one interface, two homes (redis.c, which other servers share, and sqlite.c).
 * Questions are answered on the loop, each exactly once, in the order in which they were asked; each is one step.
 * Rooms and users are named by their canonical texts. Loop thread only. Expected load: thousands a second.
 */
#ifndef CHAT_PUBSUB_STORE_H
#define CHAT_PUBSUB_STORE_H

#include <uv.h>

#include "chat/options.h"
#include "engineio/buffer.h"

enum {
    PUBSUB_KEPT = 1000,      /* the newest messages of each room */
    PUBSUB_SHOWN = 50,       /* of them, to who joins */
    PUBSUB_LIFE_S = 2592000, /* of a room's messages after the newest */
    PUBSUB_ID_BYTES = 37,    /* a UUID, with NUL */
    PUBSUB_SERVER_BYTES = 9, /* 8 hex digits, with NUL */
};

typedef enum pubsub_op {
    PUBSUB_ONLINE,  /* connection, user */
    PUBSUB_OFFLINE, /* connection, user, from_held */
    PUBSUB_JOIN, /* connection, user, room, json: changed says that it is the user's first connection there */
    PUBSUB_LEAVE,   /* the same, from_held: changed says that it was the last one */
    PUBSUB_MESSAGE, /* room, json, score */
    PUBSUB_TELL,    /* room, json: not kept */
    PUBSUB_USERS,
    PUBSUB_MEMBERS, /* room */
    PUBSUB_SINCE,   /* room, score: what came after it */
    PUBSUB_PING,
    PUBSUB_N_OPS
} pubsub_op;

/* All of it is borrowed until the call returns. */
typedef struct pubsub_query {
    pubsub_op op;
    eio_slice connection, user, room;
    eio_slice
        json; /* the object that other servers are told, in the same step if something has changed */
    double score;
    eio_slice from_held; /* where a dead server kept what it held; absent: it is our own */
} pubsub_query;

/* Texts are borrowed until the callback returns: messages oldest first, users, members. */
typedef struct pubsub_answer {
    int status; /* EIO_OK, or what went wrong: then it is not known whether anything has changed */
    bool changed;
    const eio_slice *texts;
    size_t count;
} pubsub_answer;

typedef void pubsub_answer_cb(const pubsub_answer *answer, void *data);

typedef struct pubsub_store pubsub_store;

typedef struct pubsub_store_type {
    int (*ask)(pubsub_store *store, const pubsub_query *query, pubsub_answer_cb *callback,
               void *data);
    bool (*is_ready)(const pubsub_store *store);
    void (*close)(pubsub_store *store, void (*on_closed)(void *data), void *data);
} pubsub_store_type;

struct pubsub_store {
    const pubsub_store_type *type;
    char server_id[PUBSUB_SERVER_BYTES];
};

/* What a store that is shared with others tells by itself. Static table. */
typedef struct pubsub_store_events {
    void (*on_connect)(void *data);
    /* Another server, or an original, told this to a room. */
    void (*on_told)(eio_slice room, eio_slice json, void *data);
    /* What was told in the meantime was missed. */
    void (*on_missed)(void *data);
    /* A connection of a dead server, and a room that it was in (absent: that it was online): it is ours to release. */
    void (*on_adopted)(eio_slice connection, eio_slice user, eio_slice room, eio_slice from_held,
                       void *data);
    /* What we hold was released by others: register it again. */
    void (*on_lost)(void *data);
    /* It cannot be used, ever. */
    void (*on_refused)(const char *why, void *data);
} pubsub_store_events;

/* EIO_OK, EIO_E_UNSUPPORTED by this build, as sio_redis_new. */
int pubsub_redis_open(pubsub_store **out, uv_loop_t *loop, const chat_options *options,
                      const pubsub_store_events *events, void *data, eio_error *why);

typedef struct chat_database chat_database;

/* The database that all servers of the process share. `file` NULL: in memory. As chat_database_open. */
int pubsub_sqlite_database(chat_database **out, const char *file, eio_error *why);

/* Of the events on_told alone comes, from the other servers of the process. EIO_OK, EIO_E_NOMEM, libuv's codes. */
int pubsub_sqlite_open(pubsub_store **out, uv_loop_t *loop, chat_database *database,
                       const pubsub_store_events *events, void *data, eio_error *why);

/* EIO_OK: the callback comes, from the loop, never from within. Else it does not. */
static inline int pubsub_store_ask(pubsub_store *store, const pubsub_query *query,
                                   pubsub_answer_cb *callback, void *data)
{
    return store->type->ask(store, query, callback, data);
}

#endif
