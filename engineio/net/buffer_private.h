/*
 * The inside of an eio_buffer, for the layers that put something in front of a payload: a WebSocket frame header, an
 * Engine.IO type digit. That prefix is written once, before the buffer is shared, so that the very same bytes go to
 * every client. Expected load: one per packet, hundreds of thousands a second.
 */
#ifndef ENGINEIO_NET_BUFFER_PRIVATE_H
#define ENGINEIO_NET_BUFFER_PRIVATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "engineio/buffer.h"

/* The largest server frame header (RFC 6455 §5.2) is 10 bytes; then the Engine.IO type digit, and one to spare. */
enum { EIO_HEAD_ROOM = 12 };

struct eio_buffer {
    atomic_uint refs;
    uint8_t head; /* bytes of the head room in use: they stand right before the payload */
    uint8_t seal; /* what the prefix says, in the terms of who wrote it; 0: not sealed */
    size_t len;
    size_t capacity;
    char room[EIO_HEAD_ROOM];
    char payload[];
};

/* The prefix and the payload, as they go to the wire. */
static inline eio_slice eio_buffer_sealed(const eio_buffer *buffer)
{
    return (eio_slice){ buffer->payload - buffer->head, buffer->head + buffer->len };
}

#endif
