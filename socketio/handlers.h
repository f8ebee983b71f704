/*
 * What the application registered: lists of callbacks, and lists by the name of an event. Only ever
 * grows, so a walk by index stays valid while a callback registers more.
 */
#ifndef SOCKETIO_HANDLERS_H
#define SOCKETIO_HANDLERS_H

#include <stdint.h>

#include "socketio/socketio.h"

typedef struct sio_callback {
    union { /* which one: what the list is for */
        sio_connection_cb *on_connection;
        sio_disconnect_cb *on_disconnect;
        sio_event_cb *on_event;
        sio_error_cb *on_error;
        sio_middleware_cb *middleware;
        sio_server_event_cb *on_server_event;
        sio_namespace_cb *on_namespace;
        sio_event_middleware_cb *filter;
        sio_room_cb *on_room;
        sio_outgoing_cb *on_outgoing;
    } call;
    void *data;
} sio_callback;

/* All zeros is an empty one. */
typedef struct sio_callbacks {
    sio_callback *items; /* own heap */
    uint32_t count;
    uint32_t capacity;
} sio_callbacks;

/* EIO_OK or EIO_E_NOMEM. */
int sio_callbacks_add(sio_callbacks *list, sio_callback callback);
/* Append all of another list. EIO_OK or EIO_E_NOMEM. */
int sio_callbacks_copy(sio_callbacks *to, const sio_callbacks *from);
void sio_callbacks_fini(sio_callbacks *list);

/*
 * Lists by name, each of which lives as long as the table. Only names that were registered are in
 * it, so peers cannot make it slow. Expected load: one look-up an event; a table of its own, since
 * names are short and one word of them nearly always says it all. All zeros is an empty one.
 */
typedef struct sio_handlers {
    struct sio_named_list **slots; /* own heap; at least half of them free */
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
} sio_handlers;

void sio_handlers_fini(sio_handlers *handlers);
/* name: copied. EIO_OK, EIO_E_RESERVED or EIO_E_NOMEM. */
int sio_handlers_add(sio_handlers *handlers, eio_slice name, sio_callback callback);
int sio_handlers_copy(sio_handlers *to, const sio_handlers *from);
/* Borrowed; NULL if there is none. */
const sio_callbacks *sio_handlers_find(const sio_handlers *handlers, eio_slice name);

#endif
