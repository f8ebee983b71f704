/*
 * The rooms profile: its events on the main namespace of a Socket.IO server, and the names its clients hold. Loop
 * thread only.
 */
#ifndef CHAT_ROOMS_ROOMS_H
#define CHAT_ROOMS_ROOMS_H

#include "chat/rooms/store.h"
#include "chat/rooms/validation.h"
#include "socketio/socketio.h"

typedef struct chat_rooms chat_rooms;

typedef struct chat_rooms_options {
    chat_text_limits limits;
    size_t max_rooms;           /* that one connection may be in */
    uint64_t events_per_second; /* of one connection, in the long run */
    uint64_t events_at_once;    /* in one burst */
    uint64_t grace_ms;          /* how long a name outlives its connection */
    uint64_t lease_ms; /* of a server: how often it is looked for dead ones follows from it */
    bool clustered;    /* other servers hear what is said on the namespace */
} chat_rooms_options;

/* Both are borrowed until chat_rooms_free. EIO_OK or EIO_E_NOMEM. */
int chat_rooms_new(chat_rooms **out, uv_loop_t *loop, sio_server *io, chat_store *store,
                   const chat_rooms_options *options);

/* The store can be reached again: look for names that dead servers have left. */
void chat_rooms_store_connected(chat_rooms *rooms);

/* Whether names that dead servers have left were looked for: before that they would be refused as taken. */
bool chat_rooms_is_ready(const chat_rooms *rooms);

/*
 * The server is about to close: call this just before sio_server_close. Names are released without grace; on_stopped
 * comes from the loop when every socket is gone and all that they asked for is done.
 */
void chat_rooms_stop(chat_rooms *rooms, void (*on_stopped)(void *data), void *data);

/* After on_stopped. on_freed comes from the loop. */
void chat_rooms_free(chat_rooms *rooms, void (*on_freed)(void *data), void *data);

#endif
