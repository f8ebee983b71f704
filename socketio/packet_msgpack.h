/*
 * The packets of Socket.IO's msgpack parser (socket.io-msgpack-parser): each is one binary message,
 * a map of type, nsp, data and id. Pure. What is decoded, and what can be encoded, is the same as
 * with JSON (packet.h); there are no types for binary packets, and no text messages at all.
 *
 * Expected load: as packet.h, for those who chose this parser on both sides.
 */
#ifndef SOCKETIO_PACKET_MSGPACK_H
#define SOCKETIO_PACKET_MSGPACK_H

#include "socketio/packet.h"

/*
 * Decode one binary message. SIO_DECODE_PACKET, or SIO_DECODE_FAULT with decoder->fault; never
 * SIO_DECODE_PENDING. Unlike Node's we refuse reserved event names, too, and bytes but in events and
 * acknowledgements.
 *
 * out:   borrows from bytes and decoder, until the next call with it; holds the rest, so
 *        sio_packet_fini it after use
 * bytes: borrowed until *out is done with
 */
sio_decode_result sio_msgpack_decode(sio_packet *out, sio_decoder *decoder, eio_slice bytes);

/*
 * The encoders: `out` is new, and written on success only; no packet has attachments behind it.
 * nsp: "/" or "/name". EIO_OK, EIO_E_NOMEM; where there is JSON, EIO_E_INVALID (it is none, or a
 * placeholder names no attachment) and EIO_E_TOO_BIG (it is nested too deeply). Attachments that no
 * placeholder names are left out.
 */

/* name: UTF-8, as it is; EIO_E_RESERVED for a reserved one. id: where the client is to answer. */
int sio_msgpack_encode_event(sio_encoded *out, eio_slice nsp, bool has_id, uint64_t id,
                             eio_slice name, sio_args args);
int sio_msgpack_encode_ack(sio_encoded *out, eio_slice nsp, uint64_t id, sio_args args);

/* payload: a JSON object's text, or absent. */
int sio_msgpack_encode_connect(eio_buffer **out, eio_slice nsp, eio_slice payload);

/* message: UTF-8, as it is; absent ({NULL, 0}) leaves it out. data: JSON text, or absent. */
int sio_msgpack_encode_connect_error(eio_buffer **out, eio_slice nsp, eio_slice message,
                                     eio_slice data);

/* Protocol 4: bare data, or if there is none the bare message. */
int sio_msgpack_encode_error4(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data);

int sio_msgpack_encode_disconnect(eio_buffer **out, eio_slice nsp);

#endif
