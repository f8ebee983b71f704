/*
 * What all WebSockets of one loop with the same options share: the options, the queues of their deadlines, the bytes of
 * their pings. Found by loop and options, counted, and made with the first of them; so that ten thousand idle clients
 * hold a pointer each. Loop thread only, but for the look-up, which is locked and happens once a connection.
 */
#ifndef ENGINEIO_WEBSOCKET_GROUP_H
#define ENGINEIO_WEBSOCKET_GROUP_H

#include "engineio/net/loop.h"
#include "engineio/websocket.h"
#include "engineio/websocket/deflate.h"
#include "engineio/websocket/frame.h"

typedef struct eio_websocket_group {
    eio_loop *loop; /* a reference */
    unsigned refs;
    uint64_t ping_interval_ms;
    eio_frame_limits limits;
    eio_deflate deflate;
    eio_deadline_queue pinging; /* open, with pings */
    eio_deadline_queue closing; /* the peer's close frame is awaited */
    eio_deadline_queue failing; /* to be ended with the next loop pass */
    eio_buffer *ping;           /* sealed; shared by all */
    LIST_ENTRY(eio_websocket_group) link;
} eio_websocket_group;

/* What to do with one that is due. */
typedef struct eio_websocket_due {
    void (*ping)(eio_deadline *deadline);
    void (*close)(eio_deadline *deadline);
    void (*fail)(eio_deadline *deadline);
} eio_websocket_due;

/* A reference to the group. options: copied, with 0 for any default; NULL: the defaults. NULL when out of memory. */
eio_websocket_group *eio_websocket_group_acquire(uv_loop_t *loop,
                                                 const eio_websocket_options *options,
                                                 const eio_websocket_due *due);
void eio_websocket_group_release(eio_websocket_group *group);

#endif
