#include "engineio/net/write_queue.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/net/stream_private.h"

enum { MOST_SPARE_NODES = 4096 };

static eio_write_node *node_take(eio_loop *loop)
{
    eio_write_node *node = loop->spare_nodes;

    if (node == NULL)
        return malloc(sizeof(*node));
    loop->spare_nodes = node->next;
    loop->spare_count--;
    return node;
}

static void node_give(eio_loop *loop, eio_write_node *node)
{
    if (loop->spare_count >= MOST_SPARE_NODES) {
        free(node);
        return;
    }
    node->next = loop->spare_nodes;
    loop->spare_nodes = node;
    loop->spare_count++;
}

int eio_write_queue_add(eio_stream *stream, eio_buffer *buffer, eio_slice bytes)
{
    eio_write_node *node = node_take(stream->loop);
    if (node == NULL)
        return EIO_E_NOMEM;
    *node =
        (eio_write_node){ .buffer = eio_buffer_ref(buffer), .base = bytes.base, .len = bytes.len };
    *stream->last = node;
    stream->last = &node->next;
    stream->queued += bytes.len;
    return EIO_OK;
}

unsigned eio_write_queue_gather(const eio_stream *stream, uv_buf_t *vectors, unsigned most,
                                size_t *bytes)
{
    unsigned count = 0;

    *bytes = 0;
    for (const eio_write_node *node = stream->first; node != NULL && count < most;
         node = node->next) {
        /* libuv only reads, but its vectors are not const. */
        vectors[count].base = (char *)(uintptr_t)node->base;
        vectors[count++].len = node->len;
        *bytes += node->len;
    }
    return count;
}

static void pop(eio_stream *stream)
{
    eio_write_node *node = stream->first;

    stream->first = node->next;
    if (stream->first == NULL)
        stream->last = &stream->first;
    eio_buffer_unref(node->buffer);
    node_give(stream->loop, node);
}

void eio_write_queue_consume(eio_stream *stream, size_t bytes)
{
    assert(bytes <= stream->queued);
    stream->queued -= bytes;
    while (stream->first != NULL && stream->first->len <= bytes) {
        bytes -= stream->first->len;
        pop(stream);
    }
    if (bytes > 0) {
        assert(stream->first != NULL);
        stream->first->base += bytes;
        stream->first->len -= bytes;
    }
}

void eio_write_queue_clear(eio_stream *stream)
{
    while (stream->first != NULL)
        pop(stream);
    stream->queued = 0;
}

void eio_write_nodes_free(eio_loop *loop)
{
    while (loop->spare_nodes != NULL) {
        eio_write_node *node = loop->spare_nodes;
        loop->spare_nodes = node->next;
        free(node);
    }
    loop->spare_count = 0;
}
