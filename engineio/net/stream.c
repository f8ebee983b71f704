#include "engineio/net/stream_private.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engineio/limits.h"
#include "engineio/net/connect.h"
#include "engineio/net/tls.h"
#include "engineio/net/write_queue.h"

enum {
    VECTORS_PER_WRITE = 256,  /* of one writev; the kernel takes at most 1024 */
    JOINED_BYTES = 16 * 1024, /* at most, of several pieces that are sent as one */
    READING_RESTS_ABOVE = EIO_SOFT_BUFFERED_BYTES,
    LARGE_ANSWER_BYTES = 8 * 1024, /* leaves at once, whatever comes */
};

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
    eio_stream_close_socket(stream);
}

void eio_stream_close_socket(eio_stream *stream)
{
    if (stream->fd >= 0)
        (void)close(stream->fd);
    stream->fd = -1;
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
    if (stream == NULL)
        return;
    eio_loop *loop = stream->loop;
    eio_stream_group *group = stream->group;
    eio_stream_group *peers = stream->peers;

    eio_write_queue_clear(stream);
    eio_tls_free(stream->tls);
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
    eio_stream_update_watch(stream);
}

static void begin_closing(eio_stream *stream)
{
    stream->handler = NULL;
    eio_deadline_stop(&stream->loop->stalled, &stream->deadline);
    set_state(stream, STREAM_CLOSING);
    free(stream->unread);
    stream->unread = NULL;
    eio_deadline_start(&stream->loop->lingering, &stream->deadline);
    if (eio_write_queue_is_empty(stream))
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

/* The same of the queue's head; bytes: how much that is. As all that is marked so, kept out of the short way. */
__attribute__((noinline)) static ssize_t send_vectors(const eio_stream *stream, size_t *bytes)
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

/* The same where there is little: together, because a vector costs the kernel more than copying a short piece does. */
__attribute__((noinline)) static ssize_t send_joined(const eio_stream *stream, size_t *bytes)
{
    char together[JOINED_BYTES];

    *bytes = stream->queued;
    eio_write_queue_join(stream, together);
    return send_bytes(stream, together, stream->queued);
}

static ssize_t send_queue(const eio_stream *stream, size_t *bytes)
{
    if (stream->last != NULL)
        return stream->queued <= JOINED_BYTES ? send_joined(stream, bytes)
                                              : send_vectors(stream, bytes);
    *bytes = stream->first.len;
    return send_bytes(stream, stream->first.base, stream->first.len);
}

static void handle_sent(eio_stream *stream)
{
    if ((stream->watched & UV_READABLE) == 0)
        eio_stream_update_watch(stream);
    if (!eio_write_queue_is_empty(stream))
        return;
    if (stream->state == STREAM_CLOSING)
        finish_closing(stream);
    else if (stream->handler != NULL && stream->handler->on_drain != NULL)
        stream->handler->on_drain(stream, stream->data);
}

/* The kernel is full, and wakes us when the peer has taken something. */
static void wait_for_kernel(eio_stream *stream)
{
    stream->blocked = true;
    if (stream->state == STREAM_OPEN && !eio_deadline_is_waiting(&stream->deadline))
        eio_deadline_start(&stream->loop->stalled, &stream->deadline);
    eio_stream_update_watch(stream);
}

/* The kernel took something: the peer has not stalled. */
static void note_progress(eio_stream *stream)
{
    if (eio_deadline_is_waiting(&stream->deadline) && stream->state == STREAM_OPEN)
        eio_deadline_stop(&stream->loop->stalled, &stream->deadline);
}

ssize_t eio_stream_send_now(eio_stream *stream, const char *bytes, size_t len)
{
    if (stream->blocked)
        return UV_EAGAIN;
    ssize_t sent = send_bytes(stream, bytes, len);
    if (sent > 0)
        note_progress(stream);
    if (sent == UV_EAGAIN || (sent >= 0 && (size_t)sent < len))
        wait_for_kernel(stream);
    return sent;
}

__attribute__((noinline)) static void flush_tls(eio_stream *stream)
{
    int rc = eio_tls_flush(stream->tls);

    if (rc == EIO_OK && !stream->blocked)
        handle_sent(stream);
    else if (rc != EIO_OK && rc != UV_EAGAIN)
        eio_stream_fail(stream, rc);
}

/* One vectored write for all that is queued; the rest waits for the kernel. */
static void flush(eio_stream *stream)
{
    if (stream->blocked || stream->state == STREAM_CONNECTING || stream->state == STREAM_CLOSED)
        return;
    if (stream->tls != NULL) {
        flush_tls(stream);
        return;
    }
    while (!eio_write_queue_is_empty(stream)) {
        size_t bytes;
        ssize_t sent = send_queue(stream, &bytes);
        if (sent < 0 && sent != UV_EAGAIN) {
            eio_stream_fail(stream, (int)sent);
            return;
        }
        if (sent > 0) {
            eio_write_queue_consume(stream, (size_t)sent);
            note_progress(stream);
        }
        if (sent < 0 || (size_t)sent < bytes) {
            wait_for_kernel(stream);
            return;
        }
    }
    handle_sent(stream);
}

static void handle_stall(eio_deadline *deadline)
{
    eio_stream_fail(stream_of_deadline(deadline), EIO_E_BACKLOG);
}

int eio_stream_write(eio_stream *stream, eio_buffer *buffer, eio_slice bytes)
{
    if (stream->state > STREAM_OPEN)
        return EIO_E_CLOSED;
    if (!eio_write_queue_is_empty(stream) &&
        (stream->queued >= stream->limit || bytes.len > stream->limit - stream->queued))
        return EIO_E_BACKLOG;
    if (bytes.len == 0)
        return EIO_OK;
    int rc = eio_write_queue_add(stream, buffer, bytes);
    if (rc != EIO_OK)
        return rc;
    if (stream->queued > READING_RESTS_ABOVE)
        eio_stream_update_watch(stream);
    eio_late_add(stream->loop, &stream->late);
    return EIO_OK;
}

/* ---- reading ---- */

/* Nothing more will come: UV_EOF or an error. */
static void handle_end(eio_stream *stream, int reason)
{
    stream->peer_ended = true;
    if (stream->state == STREAM_SHAKING || stream->state == STREAM_OPEN)
        eio_stream_fail(stream, reason);
    else if (reason != UV_EOF || stream->state == STREAM_LINGERING)
        destroy(stream);
}

/* One read a wake-up: whoever has more to read comes again, after all others. */
static void read_once(eio_stream *stream)
{
    char *room = stream->loop->read_buffer;
    size_t size = EIO_READ_BUFFER_BYTES;
    ssize_t len;

    if (stream->tls != NULL) {
        room += EIO_TLS_READ_OFFSET;
        size = stream->state == STREAM_SHAKING ? EIO_TLS_HANDSHAKE_READ_BYTES
                                               : size - EIO_TLS_READ_OFFSET;
    }
    do {
        len = recv(stream->fd, room, size, 0);
    } while (len < 0 && errno == EINTR);
    if (len < 0 && uv_translate_sys_error(errno) == UV_EAGAIN)
        return;
    if (len <= 0)
        handle_end(stream, len == 0 ? UV_EOF : uv_translate_sys_error(errno));
    else if (stream->handler == NULL)
        return; /* it is closing, and what still comes is of no interest */
    else if (stream->tls != NULL)
        eio_tls_take(stream->tls, room, (size_t)len);
    else
        stream->handler->on_read(stream, room, (size_t)len, stream->data);
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

/* What is large wins little by being joined, and the processor's cache would have lost it by the end of the pass. */
static bool leaves_at_once(const eio_stream *stream, bool waited)
{
    if (stream->queued == 0 || stream->state != STREAM_OPEN || stream->unread != NULL)
        return false;
    return stream->queued >= LARGE_ANSWER_BYTES || !(waited || stream->loop->joins);
}

static void read_and_answer(eio_stream *stream)
{
    bool waited = eio_late_is_waiting(&stream->late);

    stream->loop->reads++;
    stream->loop->reads_behind += waited;
    read_once(stream);
    if (leaves_at_once(stream, waited)) {
        eio_late_cancel(stream->loop, &stream->late);
        flush(stream);
    } else if (waited) { /* in line with those of a broadcast, and now for an answer, too */
        eio_late_hasten(stream->loop, &stream->late);
    }
}

static void handle_event(uv_poll_t *poll, int status, int events)
{
    eio_stream *stream = poll->data;

    if (status != 0) {
        /* An error waits in the socket, for recv or send to tell; and libuv has stopped the handle. */
        events = stream->watched;
        stream->watched = 0;
    }
    if ((events & UV_READABLE) != 0 && wants_reading(stream))
        read_and_answer(stream);
    if ((events & UV_WRITABLE) != 0) {
        stream->blocked = false;
        flush(stream);
    }
    eio_stream_update_watch(stream);
}

void eio_stream_update_watch(eio_stream *stream)
{
    int wanted = (wants_reading(stream) ? UV_READABLE : 0) | (stream->blocked ? UV_WRITABLE : 0);

    if (wanted == stream->watched || stream->state == STREAM_CLOSED)
        return;
    stream->watched = (uint8_t)wanted;
    if (wanted == 0)
        uv_poll_stop(&stream->uv.poll);
    else
        uv_poll_start(&stream->uv.poll, wanted, handle_event);
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
    eio_stream_update_watch(stream);
    eio_late_add(stream->loop, &stream->late);
    return EIO_OK;
}

__attribute__((noinline)) static void deliver_unread_and_flush(eio_stream *stream)
{
    stream_unread *unread = stream->unread;

    if (!stream->paused) {
        stream->unread = NULL;
        eio_stream_update_watch(stream);
        if (stream->handler != NULL)
            stream->handler->on_read(stream, unread->bytes, unread->len, stream->data);
        free(unread);
    }
    flush(stream);
}

static void run_late(eio_late *late)
{
    eio_stream *stream = stream_of_late(late);

    if (stream->unread != NULL)
        deliver_unread_and_flush(stream);
    else
        flush(stream);
}

/* ---- the rest ---- */

eio_stream *eio_stream_new(eio_loop *loop, eio_stream_group *group)
{
    eio_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->loop = loop;
    loop->refs++;
    stream->group = group;
    if (group != NULL)
        group->open++;
    stream->late.run = run_late;
    stream->limit = EIO_MAX_BUFFERED_BYTES;
    stream->fd = -1;
    return stream;
}

int eio_stream_set_socket(eio_stream *stream, int fd)
{
    int on = 1;
    int rc = uv_poll_init(stream->loop->uv, &stream->uv.poll, fd); /* it will not block, then */

    if (rc != 0) {
        (void)close(fd);
        return rc;
    }
    stream->fd = fd;
    stream->uv.handle.data = stream;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a unix socket has none */
    return EIO_OK;
}

void eio_stream_opened(eio_stream *stream)
{
    set_state(stream, stream->tls == NULL ? STREAM_OPEN : STREAM_SHAKING);
    eio_stream_update_watch(stream);
    if (!eio_write_queue_is_empty(stream))
        eio_late_add(stream->loop, &stream->late);
}

void eio_stream_shaken(eio_stream *stream)
{
    set_state(stream, STREAM_OPEN);
    eio_stream_update_watch(stream);
    if (!eio_write_queue_is_empty(stream))
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
    eio_stream_update_watch(stream);
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
    eio_spares_init(&loop->spare_nodes, sizeof(eio_write_node), EIO_MOST_SPARE_NODES);
    eio_deadline_queue_init(&loop->lingering, loop, EIO_LINGER_TIMEOUT_MS, handle_linger_end);
}

void eio_stream_fini_queues(eio_loop *loop)
{
    eio_deadline_queue_fini(&loop->stalled);
    eio_deadline_queue_fini(&loop->lingering);
    eio_spares_fini(&loop->spare_nodes);
}
