/* Events and acknowledgements to one socket. */
#ifndef SOCKETIO_EMIT_H
#define SOCKETIO_EMIT_H

#include "socketio/packet.h"
#include "socketio/socketio.h"

/*
 * Encode an event that asks for no acknowledgement; with recovery it is kept for those it is meant
 * for. As sio_emit.
 */
int sio_encode_event(sio_encoded *out, sio_namespace *nsp, const sio_target *target, eio_slice name,
                     sio_args args);

/* The same with this offset as last argument: printable ASCII without quotes. Nothing is kept. */
int sio_encode_with_offset(sio_encoded *out, sio_namespace *nsp, eio_slice name, sio_args args,
                           eio_slice offset);

/* Answer an event that asked for it. As sio_emit. */
int sio_socket_send_ack(sio_socket *socket, uint64_t id, sio_args args);

#endif
