/*
 * What a stream has to send: a list of references into shared buffers. Its nodes come from, and go back to, the loop's
 * spare ones, so that queueing costs no call of malloc and an idle stream keeps nothing.
 */
#ifndef ENGINEIO_NET_WRITE_QUEUE_H
#define ENGINEIO_NET_WRITE_QUEUE_H

#include "engineio/net/loop.h"

typedef struct eio_write_node {
    struct eio_write_node *next;
    eio_buffer *buffer; /* one reference */
    const char *base;
    size_t len;
} eio_write_node;

/* Append; EIO_OK or EIO_E_NOMEM. */
int eio_write_queue_add(eio_stream *stream, eio_buffer *buffer, eio_slice bytes);
/* Fill at most `most` vectors with the head of the queue. Returns how many, and the sum of their bytes. */
unsigned eio_write_queue_gather(const eio_stream *stream, uv_buf_t *vectors, unsigned most,
                                size_t *bytes);
/* The first bytes are sent. */
void eio_write_queue_consume(eio_stream *stream, size_t bytes);
/* Drop all. */
void eio_write_queue_clear(eio_stream *stream);
/* Give the spare nodes of a loop back. */
void eio_write_nodes_free(eio_loop *loop);

#endif
