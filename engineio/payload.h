/*
 * Engine.IO v4 payloads, the bodies of polling: packets joined by 0x1e, bytes as base64. Pure.
 * Expected load: each poll and each POST of clients that do not, or not yet, use WebSocket.
 */
#ifndef ENGINEIO_PAYLOAD_H
#define ENGINEIO_PAYLOAD_H

#include "engineio/packet.h"

enum { EIO_PAYLOAD_PACKETS_MAX = 10000 };

/* A walk over the packets of a body. Private inside. */
typedef struct eio_payload {
    char *at;
    char *end;
    size_t packets;
    bool over;
} eio_payload;

/*
 * Make a body UTF-8, as Node reads it: each sequence that is none, as far as it could have been
 * one, becomes U+FFFD.
 *
 * out: new, or NULL when the body is UTF-8 as it is. EIO_OK or EIO_E_NOMEM.
 */
EIO_PRIVATE int eio_payload_repair(eio_buffer **out, eio_slice body);

/* body: UTF-8, borrowed as long as its packets; changed where it holds base64. */
void eio_payload_init(eio_payload *payload, char *body, size_t len);

/*
 * The next packet, borrowed from the body. What came before a bad one was good.
 *
 * 1: there is one. 0: the body ended. EIO_E_PROTOCOL: not a packet (an empty body is none, either);
 * EIO_E_LIMIT: more than EIO_PAYLOAD_PACKETS_MAX. The walk is over then.
 */
int eio_payload_next(eio_payload *payload, eio_packet *out);

/* What eio_payload_append adds: at most; there is no separator before the first packet. */
size_t eio_payload_packet_len(const eio_packet *packet);

/*
 * Join one more packet to a body.
 *
 * payload: in and out, not shared yet; with room for all from the start it does not move.
 * packet:  copied. EIO_OK or EIO_E_NOMEM (the body stays as it was).
 */
int eio_payload_append(eio_buffer **payload, const eio_packet *packet);

#endif
