#include "engineio/net/stream_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "engineio/limits.h"
#include "engineio/net/connect.h"
#include "engineio/net/tls.h"
#include "engineio/net/write_queue.h"

enum {
    VECTORS_PER_WRITE = 256, /* of one writev; the kernel takes at most 1024 */
    VECTORS_PER_WAIT = 16,   /* handed to libuv when the kernel is full */
    READING_RESTS_ABOVE = EIO_SOFT_BUFFERED_BYTES,
};

/* A write that waits for the kernel. */
typedef struct stream_write {
    uv_write_t request;
    size_t bytes; /* of the queue's head, given to libuv */
    size_t left;  /* of what was given, when we last looked */
    char own[];   /* what a TLS stage gave: it is in no queue */
} stream_write;

typedef struct stream_unread {
    size_t len;
    char bytes[];
} stream_unread;

static const unsigned legal_next[STREAM_N_STATES] = {
    [STREAM_CONNECTING] = 1u << STREAM_SHAKING | 1u << STREAM_OPEN | 1u << STREAM_CLOSED,
    [STREAM_SHAKING] = 1u << STREAM_OPEN | 1u << STREAM_CLOSED,
    [STREAM_OPEN] = 1u << STREAM_CLOSING | 1u << STREAM_CLOSED,
    [STREAM_CLOSING] = 1u << STREAM_LINGERING | 1u << STREAM_CLOSED,
    [STREAM_LINGERING] = 1u << STREAM_CLOSED,
};

static void set_state(eio_stream *stream, stream_state state)
{
    assert((legal_next[stream->state] & 1u << state) != 0);
    stream->state = (uint8_t)state;
}

static eio_stream *stream_of_late(eio_late *late)
{
    return (eio_stream *)((char *)late - offsetof(eio_stream, late));
}

static eio_stream *stream_of_deadline(eio_deadline *deadline)
{
    return (eio_stream *)((char *)deadline - offsetof(eio_stream, deadline));
}

/* ---- closing ---- */

static void handle_uv_closed(uv_handle_t *handle)
{
    eio_stream_free(handle->data);
}

static void destroy(eio_stream *stream)
{
    if (stream->state == STREAM_CLOSED)
        return;
    eio_deadline_stop(stream->state == STREAM_OPEN ? &stream->loop->stalled
                                                   : &stream->loop->lingering,
                      &stream->deadline);
    set_state(stream, STREAM_CLOSED);
    stream->handler = NULL;
    eio_late_cancel(stream->loop, &stream->late);
    if (stream->tls != NULL)
        eio_tls_stop(stream->tls);
    if (stream->attempt != NULL)
        eio_connect_abandon(stream->attempt);
    else
        uv_close(&stream->uv.handle, handle_uv_closed);
}

static void leave(eio_stream_group *group)
{
    if (group != NULL && --group->open == 0)
        group->on_empty(group);
}

void eio_stream_join(eio_stream *stream, eio_stream_group *peers)
{
    assert(stream->peers == NULL);
    stream->peers = peers;
    peers->open++;
}

void eio_stream_free(eio_stream *stream)
{
    eio_loop *loop = stream->loop;
    eio_stream_group *group = stream->group;
    eio_stream_group *peers = stream->peers;

    eio_write_queue_clear(stream);
    eio_tls_free(stream->tls);
    free(stream->writing);
    free(stream->unread);
    free(stream);
    leave(peers);
    leave(group);
    eio_loop_release(loop);
}

/* All is sent: shut our end, so that the peer gets it all even if more of its bytes are under way, and wait for its. */
static void finish_closing(eio_stream *stream)
{
    if (stream->tls != NULL && !eio_tls_end(stream->tls))
        return; /* the kernel is full: called again when it has taken that */
    if (stream->peer_ended || shutdown(stream->fd, SHUT_WR) != 0) {
        destroy(stream);
        return;
    }
    set_state(stream, STREAM_LINGERING);
    eio_stream_update_reading(stream);
}

static void begin_closing(eio_stream *stream)
{
    stream->handler = NULL;
    eio_deadline_stop(&stream->loop->stalled, &stream->deadline);
    set_state(stream, STREAM_CLOSING);
    free(stream->unread);
    stream->unread = NULL;
    eio_deadline_start(&stream->loop->lingering, &stream->deadline);
    if (stream->first == NULL)
        finish_closing(stream);
    else
        eio_late_add(stream->loop, &stream->late);
}

void eio_stream_fail(eio_stream *stream, int reason)
{
    const eio_stream_handler *handler = stream->handler;

    stream->handler = NULL;
    if (reason == UV_EOF && stream->state == STREAM_OPEN)
        begin_closing(stream);
    else
        destroy(stream);
    if (handler != NULL)
        handler->on_close(stream, reason, stream->data);
}

void eio_stream_close(eio_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->state == STREAM_OPEN)
        begin_closing(stream);
    else if (stream->state < STREAM_OPEN)
        destroy(stream);
}

void eio_stream_abort(eio_stream *stream)
{
    if (stream != NULL)
        destroy(stream);
}

static void handle_linger_end(eio_deadline *deadline)
{
    destroy(stream_of_deadline(deadline));
}

/* ---- writing ---- */

static_assert(sizeof(uv_buf_t) == sizeof(struct iovec),
              "libuv says that one can be cast to the other");

/*
 * What the kernel takes at once: its count, or libuv's code. Not by uv_try_write: this is the one call that every
 * delivery makes, and costs a third of its instructions there; and a peer that is gone must not raise SIGPIPE.
 */
static ssize_t send_bytes(const eio_stream *stream, const char *bytes, size_t len)
{
    ssize_t sent;

    do {
        sent = send(stream->fd, bytes, len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

/* The same of the queue's head; bytes: how much that is. */
static ssize_t send_vectors(const eio_stream *stream, size_t *bytes)
{
    uv_buf_t vectors[VECTORS_PER_WRITE];
    struct msghdr message = { .msg_iov = (struct iovec *)vectors };
    ssize_t sent;

    message.msg_iovlen = eio_write_queue_gather(stream, vectors, VECTORS_PER_WRITE, bytes);
    do {
        sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

static ssize_t send_queue(const eio_stream *stream, size_t *bytes)
{
    const eio_write_node *first = stream->first;

    if (first->next != NULL)
        return send_vectors(stream, bytes);
    *bytes = first->len;
    return send_bytes(stream, first->base, first->len);
}

static void handle_sent(eio_stream *stream)
{
    if (!stream->reading)
        eio_stream_update_reading(stream);
    if (stream->first != NULL)
        return;
    if (stream->state == STREAM_CLOSING)
        finish_closing(stream);
    else if (stream->handler != NULL && stream->handler->on_drain != NULL)
        stream->handler->on_drain(stream, stream->data);
}

static void flush(eio_stream *stream);

static void handle_written(uv_write_t *request, int status)
{
    eio_stream *stream = request->data;
    stream_write *writing = stream->writing;

    stream->writing = NULL;
    if (stream->state == STREAM_OPEN)
        eio_deadline_stop(&stream->loop->stalled, &stream->deadline);
    if (status == 0)
        eio_write_queue_consume(stream, writing->bytes);
    free(writing);
    if (stream->state == STREAM_CLOSED)
        return;
    if (status != 0)
        eio_stream_fail(stream, status);
    else
        flush(stream);
}

/* Takes `writing`. EIO_OK or libuv's code. */
static int start_writing(eio_stream *stream, stream_write *writing, const uv_buf_t *vectors,
                         unsigned count)
{
    writing->request.data = stream;
    int rc = uv_write(&writing->request, &stream->uv.stream, vectors, count, handle_written);
    if (rc != 0) {
        free(writing);
        return rc;
    }
    stream->writing = writing;
    if (stream->state == STREAM_OPEN)
        eio_deadline_start(&stream->loop->stalled, &stream->deadline);
    eio_stream_update_reading(stream);
    return EIO_OK;
}

/* The kernel is full: let libuv wait for it with the head of the queue. */
static void wait_for_kernel(eio_stream *stream)
{
    uv_buf_t vectors[VECTORS_PER_WAIT];
    stream_write *writing = malloc(sizeof(*writing));

    if (writing == NULL) {
        eio_stream_fail(stream, EIO_E_NOMEM);
        return;
    }
    unsigned count = eio_write_queue_gather(stream, vectors, VECTORS_PER_WAIT, &writing->bytes);
    writing->left = writing->bytes;
    int rc = start_writing(stream, writing, vectors, count);
    if (rc != EIO_OK)
        eio_stream_fail(stream, rc);
}

int eio_stream_send_now(eio_stream *stream, const char *bytes, size_t len)
{
    if (stream->writing != NULL)
        return UV_EAGAIN;
    ssize_t sent = send_bytes(stream, bytes, len);
    if (sent < 0 && sent != UV_EAGAIN)
        return (int)sent;
    size_t left = len - (sent > 0 ? (size_t)sent : 0);
    if (left == 0)
        return EIO_OK;
    stream_write *writing = malloc(sizeof(*writing) + left);
    if (writing == NULL)
        return EIO_E_NOMEM;
    *writing = (stream_write){ .left = left };
    memcpy(writing->own, bytes + (len - left), left);
    uv_buf_t vector = { .base = writing->own, .len = left };
    return start_writing(stream, writing, &vector, 1);
}

static void flush_tls(eio_stream *stream)
{
    int rc = eio_tls_flush(stream->tls);

    if (rc == EIO_OK && stream->writing == NULL)
        handle_sent(stream);
    else if (rc != EIO_OK && rc != UV_EAGAIN)
        eio_stream_fail(stream, rc);
}

/* One vectored write for all that is queued; the rest waits for the kernel. */
static void flush(eio_stream *stream)
{
    if (stream->writing != NULL || stream->state == STREAM_CONNECTING)
        return;
    if (stream->tls != NULL) {
        flush_tls(stream);
        return;
    }
    while (stream->first != NULL) {
        size_t bytes;
        ssize_t sent = send_queue(stream, &bytes);
        if (sent < 0 && sent != UV_EAGAIN) {
            eio_stream_fail(stream, (int)sent);
            return;
        }
        if (sent > 0)
            eio_write_queue_consume(stream, (size_t)sent);
        if (sent < 0 || (size_t)sent < bytes) {
            wait_for_kernel(stream);
            return;
        }
    }
    handle_sent(stream);
}

static void handle_stall(eio_deadline *deadline)
{
    eio_stream *stream = stream_of_deadline(deadline);
    size_t left = uv_stream_get_write_queue_size(&stream->uv.stream);

    if (left < stream->writing->left) {
        stream->writing->left = left;
        eio_deadline_start(&stream->loop->stalled, &stream->deadline);
        return;
    }
    eio_stream_fail(stream, EIO_E_BACKLOG);
}

int eio_stream_write(eio_stream *stream, eio_buffer *buffer, eio_slice bytes)
{
    if (stream->state > STREAM_OPEN)
        return EIO_E_CLOSED;
    if (stream->first != NULL &&
        (stream->queued >= stream->limit || bytes.len > stream->limit - stream->queued))
        return EIO_E_BACKLOG;
    if (bytes.len == 0)
        return EIO_OK;
    int rc = eio_write_queue_add(stream, buffer, bytes);
    if (rc != EIO_OK)
        return rc;
    if (stream->queued > READING_RESTS_ABOVE)
        eio_stream_update_reading(stream);
    eio_late_add(stream->loop, &stream->late);
    return EIO_OK;
}

/* ---- reading ---- */

static void handle_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    eio_stream *stream = handle->data;

    (void)wanted;
    out->base = stream->loop->read_buffer;
    out->len = sizeof(stream->loop->read_buffer);
    if (stream->tls != NULL) {
        out->base += EIO_TLS_READ_OFFSET;
        out->len = stream->state == STREAM_SHAKING ? EIO_TLS_HANDSHAKE_READ_BYTES
                                                   : out->len - EIO_TLS_READ_OFFSET;
    }
}

static void handle_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer)
{
    eio_stream *stream = handle->data;

    if (len == 0 || len == UV_EAGAIN)
        return;
    if (len < 0) {
        stream->peer_ended = true;
        eio_stream_update_reading(stream);
        if (stream->state == STREAM_SHAKING || stream->state == STREAM_OPEN)
            eio_stream_fail(stream, (int)len);
        else if (len != UV_EOF || stream->state == STREAM_LINGERING)
            destroy(stream);
        return;
    }
    if (stream->handler == NULL)
        return; /* it is closing, and what still comes is of no interest */
    if (stream->tls != NULL)
        eio_tls_take(stream->tls, buffer->base, (size_t)len);
    else
        stream->handler->on_read(stream, buffer->base, (size_t)len, stream->data);
}

static bool wants_reading(const eio_stream *stream)
{
    if (stream->peer_ended)
        return false;
    switch ((stream_state)stream->state) {
    case STREAM_SHAKING: return !stream->resting;
    case STREAM_OPEN:
        return !stream->paused && !stream->resting && stream->unread == NULL &&
               stream->queued <= READING_RESTS_ABOVE;
    case STREAM_CLOSING:
    case STREAM_LINGERING: return true;
    case STREAM_CONNECTING:
    case STREAM_CLOSED:
    case STREAM_N_STATES: break;
    }
    return false;
}

void eio_stream_update_reading(eio_stream *stream)
{
    bool wanted = wants_reading(stream);

    if (wanted == stream->reading || stream->state == STREAM_CLOSED)
        return;
    stream->reading = wanted;
    if (wanted)
        uv_read_start(&stream->uv.stream, handle_alloc, handle_read);
    else
        uv_read_stop(&stream->uv.stream);
}

int eio_stream_unread(eio_stream *stream, eio_slice bytes)
{
    assert(stream->unread == NULL);
    if (bytes.len == 0 || stream->state != STREAM_OPEN)
        return EIO_OK;
    stream->unread = malloc(sizeof(*stream->unread) + bytes.len);
    if (stream->unread == NULL)
        return EIO_E_NOMEM;
    stream->unread->len = bytes.len;
    memcpy(stream->unread->bytes, bytes.base, bytes.len);
    eio_stream_update_reading(stream);
    eio_late_add(stream->loop, &stream->late);
    return EIO_OK;
}

static void deliver_unread(eio_stream *stream)
{
    stream_unread *unread = stream->unread;

    if (unread == NULL || stream->paused)
        return;
    stream->unread = NULL;
    eio_stream_update_reading(stream);
    if (stream->handler != NULL)
        stream->handler->on_read(stream, unread->bytes, unread->len, stream->data);
    free(unread);
}

static void run_late(eio_late *late)
{
    eio_stream *stream = stream_of_late(late);

    deliver_unread(stream);
    if (stream->state != STREAM_CLOSED)
        flush(stream);
}

/* ---- the rest ---- */

eio_stream *eio_stream_new(eio_loop *loop, eio_stream_group *group, size_t handle_bytes)
{
    eio_stream *stream = calloc(1, offsetof(eio_stream, uv) + handle_bytes);
    if (stream == NULL)
        return NULL;
    stream->loop = loop;
    loop->refs++;
    stream->group = group;
    if (group != NULL)
        group->open++;
    stream->late.run = run_late;
    stream->last = &stream->first;
    stream->limit = EIO_MAX_BUFFERED_BYTES;
    stream->fd = -1;
    return stream;
}

void eio_stream_opened(eio_stream *stream)
{
    set_state(stream, stream->tls == NULL ? STREAM_OPEN : STREAM_SHAKING);
    stream->uv.handle.data = stream;
    (void)uv_fileno(&stream->uv.handle, &stream->fd); /* of one that is not to be, there is none */
    eio_stream_update_reading(stream);
    if (stream->first != NULL)
        eio_late_add(stream->loop, &stream->late);
}

void eio_stream_shaken(eio_stream *stream)
{
    set_state(stream, STREAM_OPEN);
    eio_stream_update_reading(stream);
    if (stream->first != NULL)
        eio_late_add(stream->loop, &stream->late);
    if (stream->attempt != NULL)
        eio_connect_finish(stream->attempt);
}

void eio_stream_set_handler(eio_stream *stream, const eio_stream_handler *handler, void *data)
{
    stream->handler = handler;
    stream->data = data;
}

void eio_stream_set_reading(eio_stream *stream, bool reading)
{
    stream->paused = !reading;
    eio_stream_update_reading(stream);
    if (reading && (stream->unread != NULL || stream->resting))
        eio_late_add(stream->loop, &stream->late);
}

void eio_stream_set_limit(eio_stream *stream, size_t bytes)
{
    assert(bytes > 0);
    stream->limit = bytes;
}

size_t eio_stream_queued(const eio_stream *stream)
{
    return stream->queued;
}

void eio_stream_init_queues(eio_loop *loop)
{
    eio_deadline_queue_init(&loop->stalled, loop, EIO_STALL_TIMEOUT_MS, handle_stall);
    eio_deadline_queue_init(&loop->lingering, loop, EIO_LINGER_TIMEOUT_MS, handle_linger_end);
}

void eio_stream_fini_queues(eio_loop *loop)
{
    eio_deadline_queue_fini(&loop->stalled);
    eio_deadline_queue_fini(&loop->lingering);
    eio_write_nodes_free(loop);
}
