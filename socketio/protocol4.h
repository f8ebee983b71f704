/*
 * Socket.IO protocol 4, as clients of Socket.IO 1 and 2 speak it over Engine.IO v3: where it differs from protocol 5.
 * The server connects them to `/` by itself, a query in a CONNECT takes the place of auth, ids derive from the
 * session's, and a refusal is an ERROR with bare data. Events, acks and attachments are the same. Expected load: old
 * clients only.
 */
#ifndef SOCKETIO_PROTOCOL4_H
#define SOCKETIO_PROTOCOL4_H

#include "engineio/buffer.h"

/* Split what a CONNECT names, `/chat?token=1`, at its first question mark; no query: {NULL, 0}. */
void sio_protocol4_split(eio_slice whole, eio_slice *name, eio_slice *query);

/* A query as a JSON object of texts, duplicates in their order. New, or NULL when out of memory. */
eio_buffer *sio_protocol4_auth(eio_slice query);

/* The id of a socket: the session's for `/`, else with the namespace in front. New, or NULL when out of memory. */
eio_buffer *sio_protocol4_id(eio_slice sid, eio_slice nsp);

/* An ERROR packet: data if there is any, else the message as a JSON text. out: new. EIO_OK or EIO_E_NOMEM. */
int sio_protocol4_encode_error(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data);

#endif
