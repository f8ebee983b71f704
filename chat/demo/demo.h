/*
 * The demo profile: what its HTTP routes and its Socket.IO events share. Loop thread only.
 *
 * Rooms of Socket.IO: `r:ID` a chat room, `u:ID` the sockets of a user, `s:SID` those of a session, `users` all that
 * are logged in. A chat room's id never reaches Socket.IO without that letter.
 */
#ifndef CHAT_DEMO_DEMO_H
#define CHAT_DEMO_DEMO_H

#include "chat/demo/attempts.h"
#include "chat/demo/ids.h"
#include "chat/demo/password.h"
#include "chat/demo/store.h"
#include "chat/profile.h"
#include "socketio/socketio.h"

typedef struct chat_demo_own {
    const char *static_dir, *links_file, *secret, *public_url;
    const char *redis_endpoint, *redis_endpoint_uri, *redis_password;
    long login_failures;
    bool secure_cookie;
} chat_demo_own;

typedef struct chat_bound_route chat_bound_route;

typedef struct chat_demo {
    const chat_host *host;
    const chat_demo_own *own;
    chat_demo_store *store;
    chat_desk *passwords;
    chat_attempts *attempts; /* borrowed */
    sio_server *io;
    sio_namespace *nsp;       /* NULL once the server is closing */
    char *links;              /* JSON text, own */
    chat_bound_route *routes; /* own */
    uint64_t stamp_ms;        /* of the latest message */
    bool seeded;              /* there are users: it can serve */
    bool seeding;
    size_t asked; /* of store and passwords, and not answered yet */
    bool stopping;
    void (*on_idle)(void *data); /* stopping, and nothing is asked any more */
    void *idle_data;
} chat_demo;

/* Names of rooms of Socket.IO. */
enum { CHAT_ROOM_NAME_BYTES = 80 };
eio_slice chat_demo_room(char out[CHAT_ROOM_NAME_BYTES], char kind, eio_slice id);
eio_slice chat_demo_number(char out[CHAT_ID_BYTES], uint64_t number);

/*
 * Ask the store. The callback comes exactly once; from within, with CHAT_FAILED, if it cannot even be asked.
 */
void chat_demo_ask(chat_demo *demo, chat_demo_verb verb, const eio_slice *texts, size_t count,
                   chat_demo_cb *callback, void *data);

/* One thing that was asked is answered: a stop may be complete. */
void chat_demo_answered(chat_demo *demo);

/* Now, in ms, later than ever before. */
uint64_t chat_demo_stamp(chat_demo *demo);

#endif
