/* An event from a client on its way to the handlers, and the acknowledgement that goes back. */
#ifndef SOCKETIO_EVENT_H
#define SOCKETIO_EVENT_H

#include "socketio/packet.h"
#include "socketio/socketio.h"

struct sio_event {
    sio_socket *socket; /* borrowed; of a kept event NULL */
    eio_slice name;
    sio_args args;
    uint64_t ack_id;
    bool has_ack;
    unsigned refs; /* of a kept event; 0: it stands on the dispatcher's stack */
};

/* Call the handlers, until the socket is no longer connected. From the loop. */
void sio_event_dispatch(sio_socket *socket, const sio_packet *packet);

#endif
