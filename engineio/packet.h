/*
 * Engine.IO v4 packets as text: a type digit, then data. Pure. On WebSocket a text frame is one
 * packet, a binary frame a message without a digit; on polling, packets are joined to payloads
 * (payload.h). Expected load: every message.
 */
#ifndef ENGINEIO_PACKET_H
#define ENGINEIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "engineio/buffer.h"

/* The digits of the wire. */
typedef enum eio_packet_type {
    EIO_PACKET_OPEN,
    EIO_PACKET_CLOSE,
    EIO_PACKET_PING,
    EIO_PACKET_PONG,
    EIO_PACKET_MESSAGE,
    EIO_PACKET_UPGRADE,
    EIO_PACKET_NOOP,
} eio_packet_type;

typedef struct eio_packet {
    eio_packet_type type;
    bool binary;    /* a message of bytes */
    eio_slice data; /* borrowed */
} eio_packet;

/*
 * Decode one packet. `b` and base64, a binary message, is decoded where it stands, as leniently as
 * Node does.
 *
 * text: changed; out->data borrows from it. EIO_OK, or EIO_E_PROTOCOL: empty, or of no known type.
 */
int eio_packet_decode(eio_packet *out, char *text, size_t len);

/* Whether it is a ping or pong that says "probe": the two first words of an upgrade. */
static inline bool eio_packet_is_probe(const eio_packet *packet, eio_packet_type type)
{
    return packet->type == type && eio_slice_equal(packet->data, EIO_STR("probe"));
}

#endif
