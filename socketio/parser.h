/*
 * How packets look on the wire: what Node calls a parser. One a server, chosen by its options, for
 * all of its clients. Everything above this table handles packets alike. Expected load: one call a
 * packet that comes, one a packet that goes out, whatever number of clients it goes to.
 */
#ifndef SOCKETIO_PARSER_H
#define SOCKETIO_PARSER_H

#include "socketio/packet.h"
#include "socketio/socketio.h"

/* Static. The functions are as in packet.h. */
typedef struct sio_parser {
    unsigned packet_flags; /* EIO_SEND_…: of a packet's own message; attachments are binary */
    /* One Engine.IO message; out, decoder and pending as sio_decode_text has them. */
    sio_decode_result (*decode)(sio_packet *out, sio_decoder *decoder, sio_reassembly **pending,
                                eio_slice message, bool binary);
    int (*encode_event)(sio_encoded *out, eio_slice nsp, bool has_id, uint64_t id, eio_slice name,
                        sio_args args);
    int (*encode_ack)(sio_encoded *out, eio_slice nsp, uint64_t id, sio_args args);
    int (*encode_connect)(eio_buffer **out, eio_slice nsp, eio_slice payload);
    int (*encode_connect_error)(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data);
    /* The ERROR of protocol 4: data if there is any, else the message. */
    int (*encode_error4)(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data);
    int (*encode_disconnect)(eio_buffer **out, eio_slice nsp);
} sio_parser;

/* Borrowed for ever; NULL: there is none of that kind. */
const sio_parser *sio_parser_of(sio_parser_kind kind);

#endif
