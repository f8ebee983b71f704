#include "engineio/net/write_queue.h"

#include <assert.h>

#include "engineio/net/buffer_private.h"

enum { SHORT_PIECE = 256, LEAST_JOINT = 512, LARGEST_JOINT = 4096 };

static eio_write_ref *last_piece(eio_stream *stream)
{
    return stream->last == NULL ? &stream->first : &stream->last->ref;
}

static size_t room_behind(const eio_write_ref *joint)
{
    return (size_t)(joint->buffer->payload + joint->buffer->capacity - (joint->base + joint->len));
}

/* Make the last piece a joint, or a larger one. False: it would be too large, or there is no memory. */
static bool make_joint(eio_stream *stream, eio_write_ref *last, size_t more)
{
    size_t capacity = LEAST_JOINT;

    if (last->len + more > LARGEST_JOINT)
        return false;
    while (capacity < last->len + more)
        capacity *= 2;
    eio_buffer *joint = eio_buffer_new(capacity);
    if (joint == NULL)
        return false;
    memcpy(joint->payload, last->base, last->len);
    eio_buffer_unref(last->buffer);
    last->buffer = joint;
    last->base = joint->payload;
    stream->has_joint = true;
    return true;
}

/* Whether it is short, and stands behind a short one or a joint. */
static inline bool may_join(eio_stream *stream, size_t len)
{
    return len <= SHORT_PIECE && (stream->has_joint || last_piece(stream)->len <= SHORT_PIECE);
}

/* Copy such a piece behind the last one. False: it has to be noted. */
static inline bool join(eio_stream *stream, eio_slice bytes)
{
    eio_write_ref *last = last_piece(stream);

    if ((!stream->has_joint || room_behind(last) < bytes.len) &&
        !make_joint(stream, last, bytes.len))
        return false;
    memcpy((char *)(uintptr_t)last->base + last->len, bytes.base, bytes.len);
    last->len += bytes.len;
    return true;
}

/* Kept out of the short way, where nothing is queued yet. */
__attribute__((noinline)) static int add_behind(eio_stream *stream, eio_buffer *buffer,
                                                eio_slice bytes)
{
    if (may_join(stream, bytes.len) && join(stream, bytes))
        return EIO_OK;
    eio_write_node *node = eio_spares_take(&stream->loop->spare_nodes);
    eio_write_node *last = stream->last;
    if (node == NULL)
        return EIO_E_NOMEM;
    node->ref = (eio_write_ref){ eio_buffer_ref(buffer), bytes.base, bytes.len };
    node->next = last == NULL ? node : last->next;
    if (last != NULL)
        last->next = node;
    stream->last = node;
    stream->has_joint = false;
    return EIO_OK;
}

int eio_write_queue_add(eio_stream *stream, eio_buffer *buffer, eio_slice bytes)
{
    if (eio_write_queue_is_empty(stream))
        stream->first = (eio_write_ref){ eio_buffer_ref(buffer), bytes.base, bytes.len };
    else if (add_behind(stream, buffer, bytes) != EIO_OK)
        return EIO_E_NOMEM;
    stream->queued += bytes.len;
    return EIO_OK;
}

unsigned eio_write_queue_gather(const eio_stream *stream, uv_buf_t *vectors, unsigned most,
                                size_t *bytes)
{
    const eio_write_ref *ref = &stream->first;
    const eio_write_node *node = stream->last;
    unsigned count = 0;

    *bytes = 0;
    for (;;) {
        /* libuv's vectors are not const, but nothing is written. */
        vectors[count].base = (char *)(uintptr_t)ref->base;
        vectors[count++].len = ref->len;
        *bytes += ref->len;
        if (count == most || node == NULL || ref == &stream->last->ref)
            return count;
        node = node->next; /* the first, to begin with */
        ref = &node->ref;
    }
}

const char *eio_write_queue_peek(const eio_stream *stream, char *scratch, size_t len)
{
    const eio_write_ref *ref = &stream->first;
    const eio_write_node *node = stream->last;
    size_t done = 0;

    if (ref->len >= len)
        return ref->base;
    while (done < len) {
        size_t piece = ref->len < len - done ? ref->len : len - done;
        memcpy(scratch + done, ref->base, piece);
        done += piece;
        if (done < len) {
            node = node->next; /* the first, to begin with */
            ref = &node->ref;
        }
    }
    return scratch;
}

void eio_write_queue_join(const eio_stream *stream, char *out)
{
    const eio_write_node *last = stream->last;
    const eio_write_node *node = last;

    memcpy(out, stream->first.base, stream->first.len);
    out += stream->first.len;
    do {
        node = node->next; /* the first, to begin with */
        memcpy(out, node->ref.base, node->ref.len);
        out += node->ref.len;
    } while (node != last);
}

/* Its place is taken by the one behind it. */
static void drop_first(eio_stream *stream)
{
    eio_write_node *last = stream->last;

    assert(last != NULL); /* bytes are left */
    eio_write_node *node = last->next;
    eio_buffer_unref(stream->first.buffer);
    stream->first = node->ref;
    last->next = node->next;
    if (node == last)
        stream->last = NULL;
    eio_spares_give(&stream->loop->spare_nodes, node);
}

static void consume_some(eio_stream *stream, size_t bytes)
{
    assert(bytes <= stream->queued);
    stream->queued -= bytes;
    while (bytes >= stream->first.len) {
        bytes -= stream->first.len;
        drop_first(stream);
    }
    stream->first.base += bytes;
    stream->first.len -= bytes;
}

void eio_write_queue_consume(eio_stream *stream, size_t bytes)
{
    if (bytes == stream->queued)
        eio_write_queue_clear(stream);
    else
        consume_some(stream, bytes);
}

__attribute__((noinline)) static void clear_behind(eio_stream *stream)
{
    eio_write_node *last = stream->last;
    eio_write_node *node = last;

    stream->last = NULL;
    do {
        eio_write_node *next = node->next;
        eio_buffer_unref(node->ref.buffer);
        eio_spares_give(&stream->loop->spare_nodes, node);
        node = next;
    } while (node != last);
}

void eio_write_queue_clear(eio_stream *stream)
{
    if (eio_write_queue_is_empty(stream))
        return;
    eio_buffer_unref(stream->first.buffer);
    stream->first.buffer = NULL;
    stream->queued = 0;
    stream->has_joint = false;
    if (stream->last != NULL)
        clear_behind(stream);
}
