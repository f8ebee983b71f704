/* Events and acknowledgements to one socket. */
#ifndef SOCKETIO_EMIT_H
#define SOCKETIO_EMIT_H

#include "socketio/socketio.h"

/* Answer an event that asked for it. As sio_emit. */
int sio_socket_send_ack(sio_socket *socket, uint64_t id, sio_args args);

#endif
