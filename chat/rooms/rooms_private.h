/* What the files of the rooms profile share. */
#ifndef CHAT_ROOMS_ROOMS_PRIVATE_H
#define CHAT_ROOMS_ROOMS_PRIVATE_H

#include "chat/rooms/member.h"
#include "chat/rooms/rooms.h"

struct chat_rooms {
    uv_loop_t *loop;
    sio_namespace *nsp; /* NULL once the server is closing: there is nobody left to tell */
    chat_store *store;
    chat_rooms_options options;
    chat_members members;
    size_t connections;
    size_t asked; /* of the store, for names rather than for a connection, and not answered yet */
    uv_timer_t grace;    /* of the names whose holder is gone */
    uv_timer_t adoption; /* of names that a dead server has left */
    uint64_t started_ms;
    bool clustered;
    bool adopted; /* at least once */
    bool stopping;
    void (*on_stopped)(void *data);
    void *stopped_data;
    unsigned open_handles;
    void (*on_freed)(void *data);
    void *freed_data;
};

/* Look whether a stop is complete. */
void chat_rooms_check_stopped(chat_rooms *rooms);

#endif
