/* Sockets in answers to other servers, and out of theirs: redis-adapters of Node, all three. Pure but for accessors. */
#ifndef SOCKETIO_ADAPTER_FOUND_H
#define SOCKETIO_ADAPTER_FOUND_H

#include "socketio/adapter/wire.h"

/* {"id","handshake","rooms","data"}, of a socket of this server or one that was described already. */
void sio_write_found(sio_writer *to, const sio_found_socket *found);
/* An array of them. */
void sio_write_all_found(sio_writer *to, const sio_found_socket *sockets, size_t count);

/*
 * Of a question for sockets to servers of ours: only their number is wanted. Node's pass over it, and tell the sockets.
 * So one question is right in every cluster, and cheap where it can be.
 */
void sio_write_count_wish(sio_writer *to);
bool sio_wants_count(eio_slice question);
/* ,"sockets":[],"count":N */
void sio_write_found_count(sio_writer *to, size_t number);

/*
 * Add the sockets of an answer, or the number that it tells, to what is gathered; elements that are none are passed
 * over.
 *
 * answer: an object, a part of the wire. EIO_OK; EIO_E_PROTOCOL: there is no array in it; EIO_E_NOMEM.
 */
int sio_gather_add_found(sio_gather *gather, const sio_wire *wire, eio_slice answer);

#endif
