/*
 * What the application registered: lists of callbacks, and lists by the name of an event. Most only
 * ever grow, so a walk by index stays valid while a callback registers more. Those of events may
 * shrink, and are walked with a sio_walk.
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
    sio_callback *items; /* own heap; those that were removed during a walk have no `call` */
    uint32_t count;
    uint32_t capacity;
    int32_t first;  /* the number of items[0]: less with each one that is put before the others */
    uint32_t walks; /* that are under way */
    bool has_gaps;
} sio_callbacks;

/* One walk over a list. Numbers stay while it is under way, whatever happens to the list. */
typedef struct sio_walk {
    sio_callbacks *list; /* borrowed: outlives the walk */
    int32_t next;
} sio_walk;

void sio_walk_begin(sio_walk *walk, sio_callbacks *list);
/* False at the end. */
bool sio_walk_next(sio_walk *walk, sio_callback *out);
void sio_walk_end(sio_walk *walk);

/* EIO_OK or EIO_E_NOMEM. */
int sio_callbacks_add(sio_callbacks *list, sio_callback callback);
/* The same, before all others; walks that are under way do not come to it. */
int sio_callbacks_prepend(sio_callbacks *list, sio_callback callback);
/* The latest one that is the same; nothing if there is none. */
void sio_callbacks_remove(sio_callbacks *list, sio_callback callback);
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
/* name: copied. EIO_OK or EIO_E_NOMEM. */
int sio_handlers_add(sio_handlers *handlers, eio_slice name, sio_callback callback);
int sio_handlers_copy(sio_handlers *to, const sio_handlers *from);
/* Borrowed; NULL if there is none. */
sio_callbacks *sio_handlers_find(const sio_handlers *handlers, eio_slice name);

#endif
