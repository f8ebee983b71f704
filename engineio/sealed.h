/*
 * Outgoing packets: a payload whose type digit and frame header stand in its head room, written once, so that the very
 * same bytes serve every client on WebSocket, and all but the frame header every client on polling.
 */
#ifndef ENGINEIO_SEALED_H
#define ENGINEIO_SEALED_H

#include "engineio/packet.h"

/* Make it a text packet with that digit, or (0) a binary message. Nothing if it is one already. */
EIO_PRIVATE void eio_packet_seal(eio_buffer *payload, char digit);

/* A sealed buffer as a packet, borrowed from it. */
eio_packet eio_packet_of(const eio_buffer *sealed);

#endif
