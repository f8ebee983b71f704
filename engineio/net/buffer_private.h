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
    uint8_t head;      /* bytes of the head room in use: they stand right before the payload */
    uint8_t seal;      /* what the prefix says, in the terms of who wrote it; 0: not sealed */
    uint8_t form;      /* of a companion: which one it is, in the terms of who made it */
    atomic_bool plain; /* is never to be compressed */
    _Atomic(eio_buffer *) companions;
    size_t len;
    size_t capacity;
    char room[EIO_HEAD_ROOM];
    char payload[];
};

/* As eio_buffer_copy, of bytes that are soon given back: one of a usual size is there for the next. */
EIO_PRIVATE eio_buffer *eio_buffer_copy_for_now(eio_slice bytes);

/* The prefix and the payload, as they go to the wire. */
static inline eio_slice eio_buffer_sealed(const eio_buffer *buffer)
{
    return (eio_slice){ buffer->payload - buffer->head, buffer->head + buffer->len };
}

/*
 * Companions: the same message in other forms, such as compressed; each is made when its first receiver wants it, kept
 * for those after that, and freed with the buffer. Any thread: two that make one form at the same time waste work, no
 * more.
 */

/* The companion of that form, borrowed for as long as the buffer is held; NULL: not made yet. */
eio_buffer *eio_buffer_companion(const eio_buffer *buffer, uint8_t form);
/* Add one. companion: taken; complete, its form set. The one that stays, borrowed: it, or another thread's. */
eio_buffer *eio_buffer_add_companion(eio_buffer *buffer, eio_buffer *companion);

/* Say that it is never to be compressed: for all who send it, from now on. Any thread. */
static inline void eio_buffer_set_plain(eio_buffer *buffer)
{
    atomic_store_explicit(&buffer->plain, true, memory_order_relaxed);
}

static inline bool eio_buffer_is_plain(const eio_buffer *buffer)
{
    return atomic_load_explicit(&buffer->plain, memory_order_relaxed);
}

#endif
