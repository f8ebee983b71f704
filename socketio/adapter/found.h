/* Sockets in answers to other servers, and out of theirs: redis-adapters of Node, all three. Pure but for accessors. */
#ifndef SOCKETIO_ADAPTER_FOUND_H
#define SOCKETIO_ADAPTER_FOUND_H

#include "socketio/adapter/wire.h"

/* {"id","handshake","rooms","data"}, of a socket of this server or one that was described already. */
void sio_write_found(sio_writer *to, const sio_found_socket *found);
/* An array of them. */
void sio_write_all_found(sio_writer *to, const sio_found_socket *sockets, size_t count);

/*
 * Add the sockets of an answer to what is gathered; elements that are none are passed over.
 *
 * json: an array, a part of the wire. EIO_OK; EIO_E_PROTOCOL: no array; EIO_E_NOMEM.
 */
int sio_gather_add_found(sio_gather *gather, const sio_wire *wire, eio_slice json);

#endif
