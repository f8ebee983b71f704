/*
 * What a stream has to send: references into shared buffers. The first stands in the stream itself, because mostly
 * there is but one; those behind it are nodes that come from, and go back to, the loop's spare ones. So queueing costs
 * no call of malloc, and an idle stream keeps nothing.
 *
 * Short pieces that follow each other become one, a joint: a copy in a buffer of the queue's own. That takes less than
 * to note where each is, and they are in the processor's cache now, which they would not be when all is sent.
 */
#ifndef ENGINEIO_NET_WRITE_QUEUE_H
#define ENGINEIO_NET_WRITE_QUEUE_H

#include "engineio/net/stream_private.h"

enum { EIO_MOST_SPARE_NODES = 4096 };

typedef struct eio_write_node {
    struct eio_write_node *next; /* of the ring: behind the last comes the first */
    eio_write_ref ref;
} eio_write_node;

static inline bool eio_write_queue_is_empty(const eio_stream *stream)
{
    return stream->first.buffer == NULL;
}

/* Append; EIO_OK or EIO_E_NOMEM. */
int eio_write_queue_add(eio_stream *stream, eio_buffer *buffer, eio_slice bytes);
/* Fill at most `most` vectors with the head of the queue. Returns how many, and the sum of their bytes. */
unsigned eio_write_queue_gather(const eio_stream *stream, uv_buf_t *vectors, unsigned most,
                                size_t *bytes);
/* The first `len` bytes, there, or copied together to `scratch` if they do not stand in one piece. */
const char *eio_write_queue_peek(const eio_stream *stream, char *scratch, size_t len);
/* All of it, of several pieces, copied together; out: room for what the stream has queued. */
void eio_write_queue_join(const eio_stream *stream, char *out);
/* The first bytes are sent. */
void eio_write_queue_consume(eio_stream *stream, size_t bytes);
/* Drop all. */
void eio_write_queue_clear(eio_stream *stream);

#endif
