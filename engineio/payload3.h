/*
 * Engine.IO v3, for clients of Socket.IO 1 and 2: packets, and the payloads of polling. Pure. The
 * types are those of v4 (packet.h), and so is a text packet, `4hello`; bytes and payloads differ:
 *
 *                      a text packet             a message of bytes
 *   WebSocket          text frame `4hello`       binary frame: 04, the bytes; with b64: text `b4AQI=`
 *   text payload       `6:4hello`                `6:b4AQI=`; counted are UTF-16 units
 *   binary payload     00 06 ff `4hello`         01 03 ff 04 01 02; counted are bytes, a digit each
 *
 * A response is a binary payload when one of its packets is binary and the client did not ask for
 * b64; its Content-Type, and that of a POST, is application/octet-stream then. Expected load: few
 * clients, that are old.
 */
#ifndef ENGINEIO_PAYLOAD3_H
#define ENGINEIO_PAYLOAD3_H

#include "engineio/packet.h"

enum {
    EIO_PAYLOAD3_PACKETS_MAX = 10000, /* empty ones (`0:`) are counted, too */
    EIO_PAYLOAD3_DIGITS_MAX = 310,    /* of a length; Node's */
    EIO_PACKET3_MESSAGE_BYTE = 4,     /* what a binary frame of ours begins with */
};

/*
 * Decode a text frame. `b`, a type and base64 is decoded where it stands, as leniently as Node
 * does; what is no message then is given without `binary`.
 *
 * text: changed; out->data borrows from it. EIO_OK, or EIO_E_PROTOCOL: empty, or of no known type.
 */
int eio_packet3_decode_text(eio_packet *out, char *text, size_t len);

/* Decode a binary frame. bytes: borrowed by out->data. As eio_packet3_decode_text. */
int eio_packet3_decode_binary(eio_packet *out, eio_slice bytes);

/* The text frame of a message of bytes, for clients that asked for b64. out: new. Or EIO_E_NOMEM. */
int eio_packet3_encode_base64(eio_buffer **out, eio_slice bytes);

/* A walk over the packets of a body. Private inside. */
typedef struct eio_payload3 {
    char *at;
    char *end;
    size_t packets;
    bool binary;
    bool over;
} eio_payload3;

/*
 * body:   borrowed as long as its packets; changed where it holds base64. As text it is UTF-8:
 *         eio_payload_repair has seen to that
 * binary: it came as application/octet-stream
 */
void eio_payload3_init(eio_payload3 *payload, char *body, size_t len, bool binary);

/*
 * The next packet, borrowed from the body. What came before a bad one was good.
 *
 * 1: there is one. 0: the body ended. EIO_E_PROTOCOL: not a packet, or a length that is none or not
 * the packet's (an empty text is no payload, `0:` is one without packets); EIO_E_LIMIT: more than
 * EIO_PAYLOAD3_PACKETS_MAX. The walk is over then.
 */
int eio_payload3_next(eio_payload3 *payload, eio_packet *out);

/* What eio_payload3_append adds: at most. */
size_t eio_payload3_packet_len(const eio_packet *packet);

/*
 * Join one more packet to a body.
 *
 * payload: in and out, not shared yet; with room for all from the start it does not move.
 * packet:  copied; its data is UTF-8 unless `binary`, and bytes are messages.
 * binary:  the kind of payload, the same for all its packets. EIO_OK or EIO_E_NOMEM (the body stays
 *          as it was).
 */
int eio_payload3_append(eio_buffer **payload, const eio_packet *packet, bool binary);

#endif
