/* An event from a client on its way to the handlers, and the acknowledgement that goes back. */
#ifndef SOCKETIO_EVENT_H
#define SOCKETIO_EVENT_H

#include <sys/queue.h>

#include "socketio/packet.h"
#include "socketio/socketio.h"

struct sio_event {
    sio_socket *socket; /* borrowed, counted while in middlewares; of a kept event NULL */
    eio_slice name;
    sio_args args;
    void *parts; /* own heap: what name and args point into; NULL: the packet's memory */
    uint64_t ack_id;
    bool has_ack;
    bool in_chain; /* it is a sio_chained_event's, in the middlewares */
    unsigned refs; /* of a kept event; 0: it is on its way */
};

/* Of event_chain.c. */
typedef TAILQ_HEAD(sio_event_list, sio_chained_event) sio_event_list;

/* Run middlewares and handlers, until the socket is no longer connected. From the loop. */
void sio_event_dispatch(sio_socket *socket, const sio_packet *packet);
/* Call the handlers of the event's name. */
void sio_event_call_named(sio_event *event);

/* Let name and args point to a copy of what they point to. EIO_OK or EIO_E_NOMEM: nothing changed. */
int sio_event_copy_parts(sio_event *event);
void sio_event_free_parts(sio_event *event);

/* Run the middlewares and then the handlers on a copy of this event, without its parts. */
void sio_event_chain_begin(const sio_event *event);
/* Go on with the events that were answered late. From the loop. */
void sio_event_chain_run_ready(sio_server *server);

#endif
