/*
 * Where users, sessions, rooms and messages are kept: one interface of questions, two homes (store_sqlite.c and
 * store_redis.c). A question is a verb with texts, its answer an outcome with texts; a check and the write that depends
 * on it are one step in either home. Questions are done in the order in which they are asked. Loop thread only,
 * nothing blocks. Expected load: thousands a second.
 */
#ifndef CHAT_DEMO_STORE_H
#define CHAT_DEMO_STORE_H

#include <uv.h>

#include "engineio/buffer.h"

/* The arguments, and behind -> the texts of the answer if it is CHAT_FOUND. Ids are decimal. */
typedef enum chat_demo_verb {
    CHAT_LOAD_SESSION,  /* sid -> json; its life is renewed. CHAT_ABSENT */
    CHAT_SAVE_SESSION,  /* sid, json, sid of the one that it takes the place of, or empty */
    CHAT_DROP_SESSION,  /* sid */
    CHAT_FIND_LOGIN,    /* name -> id, hash. CHAT_ABSENT */
    CHAT_ADD_USER,      /* name, hash -> id. CHAT_EXISTS -> id, hash of who was faster */
    CHAT_LIST_USERS,    /* id... -> (id, name, "1" if online else "0")... of those that there are */
    CHAT_LIST_ONLINE,   /* own id, which counts as online -> the same */
    CHAT_MAKE_ROOM,     /* low, high -> name of low, name of high. CHAT_ABSENT: no such user */
    CHAT_LIST_ROOMS,    /* user -> (id, name or empty, names of low, high)... */
    CHAT_LIST_ROOM_IDS, /* user -> id... */
    CHAT_ENTER_ROOM,    /* room, user, "1" if it is private. CHAT_DENIED */
    CHAT_LIST_MESSAGES, /* room, "1" if it needs no name, first, last -> json... CHAT_DENIED */
    CHAT_ADD_MESSAGE,   /* room, user, "1" if private, date, json, low, high -> "1" if new, names */
    CHAT_HOLD_USER,     /* user, json to tell, "1" to tell always -> "1" if he was nowhere online */
    CHAT_RELEASE_USER, /* user, json to tell, former holder or empty -> "1" if he is nowhere online any more */
    CHAT_LIST_HELD,  /* -> user... that this server has put online */
    CHAT_LOOK_EMPTY, /* CHAT_EXISTS: there are users, or there were */
    CHAT_ADD_DEMO, /* hash, then names of four users, then (room, date, json)... CHAT_EXISTS: too late */
    CHAT_N_VERBS
} chat_demo_verb;

typedef enum chat_demo_outcome {
    CHAT_FOUND, /* or done */
    CHAT_ABSENT,
    CHAT_EXISTS,
    CHAT_DENIED,
    CHAT_FAILED, /* the store cannot be reached, or does not understand what stands there */
    CHAT_N_OUTCOMES
} chat_demo_outcome;

/* Borrowed until the callback returns. */
typedef struct chat_demo_answer {
    chat_demo_outcome outcome;
    const eio_slice *texts;
    size_t count;
} chat_demo_answer;

typedef void chat_demo_cb(const chat_demo_answer *answer, void *data);

enum {
    CHAT_SESSION_SECONDS = 86400,
    CHAT_VISIT_SECONDS = 3600, /* of a session in which nobody is logged in */
    CHAT_MOST_LISTED = 1000,   /* rooms of a user */
};

typedef struct chat_demo_store chat_demo_store;

/*
 * What a store tells on its own; none of it happens with a store that has one server. SQLite's servers are those of one
 * process: they come together and go together, so that it tells of envelopes and sessions alone.
 */
typedef struct chat_demo_hearer {
    /* It can be reached (again), and this server is known there: register what it holds. */
    void (*on_ready)(void *data);
    /* Users that a dead server held are this one's to release. */
    void (*on_adopted)(const char *from, const eio_slice *users, size_t count, void *data);
    /* Another server's envelope: `data` is one JSON value. */
    void (*on_envelope)(eio_slice type, eio_slice json, void *data);
    /* A session has ended at another server. */
    void (*on_session_end)(eio_slice sid, void *data);
    /* It cannot be used, ever. */
    void (*on_refused)(const char *why, void *data);
    void *data;
} chat_demo_hearer;

/* What a home implements; its own struct begins with a chat_demo_store. */
typedef struct chat_demo_store_type {
    int (*ask)(chat_demo_store *store, chat_demo_verb verb, const eio_slice *texts, size_t count,
               chat_demo_cb *callback, void *data);
    bool (*is_ready)(const chat_demo_store *store);
    void (*close)(chat_demo_store *store, void (*on_closed)(void *data), void *data);
} chat_demo_store_type;

struct chat_demo_store {
    const chat_demo_store_type *type;
};

/* SIO_ARGS' like for texts: lives in its block. */
#define CHAT_TEXTS(...)                                                                            \
    (const eio_slice[]){ __VA_ARGS__ },                                                            \
        sizeof((const eio_slice[]){ __VA_ARGS__ }) / sizeof(eio_slice)

/*
 * The texts are copied. EIO_OK: the callback comes, from the loop, exactly once. EIO_E_NOMEM, EIO_E_CLOSED,
 * EIO_E_LIMIT: it does not.
 */
static inline int chat_demo_store_ask(chat_demo_store *store, chat_demo_verb verb,
                                      const eio_slice *texts, size_t count, chat_demo_cb *callback,
                                      void *data)
{
    return store->type->ask(store, verb, texts, count, callback, data);
}

/* Whether a question would be answered at present. */
static inline bool chat_demo_store_is_ready(const chat_demo_store *store)
{
    return store->type->is_ready(store);
}

/* What was asked is answered, then the store is gone and on_closed is called. The store is taken. */
static inline void chat_demo_store_close(chat_demo_store *store, void (*on_closed)(void *data),
                                         void *data)
{
    store->type->close(store, on_closed, data);
}

typedef struct chat_database chat_database;

/* The database that all servers of the process share. `file` NULL: in memory. As chat_database_open. */
int chat_demo_sqlite_database(chat_database **out, const char *file, eio_error *why);

/* In SQLite; `server` is a number of its own, from 1 on. EIO_OK; EIO_E_NOMEM; libuv's codes. */
int chat_demo_sqlite_open(chat_demo_store **out, uv_loop_t *loop, chat_database *database,
                          unsigned server, const chat_demo_hearer *hearer, eio_error *why);

typedef struct chat_demo_redis_options {
    const char *url, *ca_file; /* copied */
    const char *prefix;        /* of every key; borrowed until closed */
    uint64_t lease_ms;
    chat_demo_hearer hearer;
} chat_demo_redis_options;

/* In Redis; connects by itself. EIO_OK; EIO_E_INVALID; EIO_E_UNSUPPORTED (by this build); EIO_E_NOMEM; EIO_E_RANDOM. */
int chat_demo_redis_open(chat_demo_store **out, uv_loop_t *loop,
                         const chat_demo_redis_options *options, eio_error *why);

#endif
