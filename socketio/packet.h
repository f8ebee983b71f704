/*
 * Socket.IO protocol 5: packets as JSON text with binary attachments. Pure: texts and bytes in,
 * packets out; packets in, one buffer out.
 *
 * A client's state is one pointer, NULL unless it owes us attachments. What decoding needs besides
 * stands once a loop, in a sio_decoder. Expected load: hundreds of thousands of packets a second
 * and loop; a packet without attachments allocates nothing.
 */
#ifndef SOCKETIO_PACKET_H
#define SOCKETIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socketio/args.h"

/* The digits of the wire. */
typedef enum sio_packet_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
} sio_packet_type;

enum {
    SIO_ATTACHMENTS_MAX = 10,        /* Node's; clients of 2026 close the connection on more */
    SIO_ARGS_MAX = 1024,             /* after the event's name */
    SIO_EVENT_NAME_MAX_BYTES = 1024, /* decoded */
    SIO_NSP_MAX_BYTES = 256,
};
#define SIO_ACK_ID_MAX ((UINT64_C(1) << 53) - 1) /* Number.MAX_SAFE_INTEGER */

/* A binary packet that waits for attachments, or the home of one that has them all. */
typedef struct sio_reassembly sio_reassembly;

/* All slices are borrowed from the text that was decoded, from the decoder or from `held`. */
typedef struct sio_packet {
    sio_packet_type type; /* of a binary packet that is complete: SIO_EVENT or SIO_ACK */
    bool has_id;
    uint64_t id;
    eio_slice nsp;        /* "/" when none was sent */
    eio_slice payload;    /* the JSON, checked; absent is {NULL, 0} */
    eio_slice name;       /* events: the decoded name, or a number's text; {NULL, 0}: no payload */
    sio_args args;        /* events: what follows the name; acks: all; else none */
    sio_reassembly *held; /* of a packet with attachments: what sio_packet_fini frees */
} sio_packet;

/* What decoding needs beside a client's pointer. One a loop: some 24 KB. */
typedef struct sio_decoder {
    const char *fault; /* why the last call gave SIO_DECODE_FAULT: a text that lives for ever */
    size_t max_attachments;  /* 1 to SIO_ATTACHMENTS_MAX */
    size_t max_packet_bytes; /* text and attachments of one binary packet */
    eio_slice args[1 + SIO_ARGS_MAX];
    char name[6 * SIO_EVENT_NAME_MAX_BYTES]; /* an escaped name is at most six times as long */
} sio_decoder;

typedef enum sio_decode_result {
    SIO_DECODE_FAULT,   /* the client broke the rules: decoder->fault says which; close it */
    SIO_DECODE_PACKET,  /* *out was written: sio_packet_fini it after use */
    SIO_DECODE_PENDING, /* attachments are missing; *pending holds the packet */
} sio_decode_result;

/* decoder: caller's memory; holds nothing to be freed. max_packet_bytes: its limit. */
void sio_decoder_init(sio_decoder *decoder, size_t max_packet_bytes);

/*
 * Decode the text of one Engine.IO message. It is read once, and nothing of it is copied unless
 * attachments follow.
 *
 * out:     borrows from text and decoder, until the next call with this decoder
 * pending: in and out, the client's own; starts as NULL; sio_reassembly_free it with the client
 * text:    UTF-8, borrowed until *out is done with
 */
sio_decode_result sio_decode_text(sio_packet *out, sio_decoder *decoder, sio_reassembly **pending,
                                  eio_slice text);

/* Add the next attachment. bytes: copied. With the last one *out is the packet, *pending NULL. */
sio_decode_result sio_decode_binary(sio_packet *out, sio_decoder *decoder, sio_reassembly **pending,
                                    eio_slice bytes);

/* Free what a decoded packet holds: its attachments, if any. A second call does nothing. */
void sio_packet_fini(sio_packet *packet);

/* pending: taken; may be NULL. */
void sio_reassembly_free(sio_reassembly *pending);

bool sio_name_of_that_length_is_reserved(eio_slice name);
/* Whether applications and clients may not emit this name: connect, disconnect … */
static inline bool sio_event_name_is_reserved(eio_slice name)
{
    const unsigned lengths = 1u << 7 | 1u << 10 | 1u << 11 | 1u << 13 | 1u << 14;

    return name.len <= 14 && (lengths >> name.len & 1) != 0 &&
           sio_name_of_that_length_is_reserved(name);
}

/* A packet ready to be sent: the text, then the attachments as binary messages, unseparated. */
typedef struct sio_encoded {
    eio_buffer *text; /* new: unref it; with msgpack the bytes of it all */
    eio_buffer *attachments[SIO_ATTACHMENTS_MAX]; /* borrowed from the arguments */
    size_t attachment_count;
} sio_encoded;

/*
 * The encoders: `out` is written on success only. nsp: "/" or "/name". EIO_OK or EIO_E_NOMEM, and
 * where there are arguments EIO_E_LIMIT (more than SIO_ATTACHMENTS_MAX attachments are used) and
 * EIO_E_INVALID (a placeholder names none).
 *
 * Arguments without attachments are not looked into. Otherwise attachments that are used go out in
 * the order of their first use, the placeholders renumbered to match.
 */

/* name: UTF-8, as it is; EIO_E_RESERVED for a reserved one. id: where the client is to answer. */
int sio_packet_encode_event(sio_encoded *out, eio_slice nsp, bool has_id, uint64_t id,
                            eio_slice name, sio_args args);
int sio_packet_encode_ack(sio_encoded *out, eio_slice nsp, uint64_t id, sio_args args);

/* payload: a JSON object's text, or absent. */
int sio_packet_encode_connect(eio_buffer **out, eio_slice nsp, eio_slice payload);

/* message: UTF-8, as it is; absent ({NULL, 0}) leaves it out. data: JSON text, or absent. */
int sio_packet_encode_connect_error(eio_buffer **out, eio_slice nsp, eio_slice message,
                                    eio_slice data);

int sio_packet_encode_disconnect(eio_buffer **out, eio_slice nsp);

#endif
