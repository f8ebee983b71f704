/* Who a broadcast is meant for, and how an event is encoded for all of them at once. */
#ifndef SOCKETIO_BROADCAST_H
#define SOCKETIO_BROADCAST_H

#include "socketio/adapter.h"

typedef void sio_walk_cb(sio_socket *socket, void *data);

/*
 * Visit each socket that is meant, once, connected or not. The visitor calls nothing that joins or
 * leaves.
 */
void sio_walk_target(sio_namespace *nsp, const sio_target *target, sio_walk_cb *visit, void *data);

/* The target of those who give none: everybody. */
extern const sio_target sio_everybody;

#endif
