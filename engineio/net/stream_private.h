/*
 * The inside of a stream, for the files of net/ that make one: listener.c and connect.c.
 *
 * A stream is owned (handler set), then closing (owner gone, what is queued is sent), then lingering (our end is shut,
 * the peer's is awaited), then closed (libuv has the memory until its close callback). An idle stream owns no heap.
 * With TLS a stage (tls.h) stands between it and its socket, and before it is open it shakes hands.
 *
 * What each message touches stands first, here as in a session, a client and a socket: a broadcast's cost above the
 * kernel's is mostly that of fetching those lines into the processor's cache.
 * Expected load: tens of thousands a loop.
 */
#ifndef ENGINEIO_NET_STREAM_PRIVATE_H
#define ENGINEIO_NET_STREAM_PRIVATE_H

#include "engineio/net/loop.h"

typedef enum stream_state {
    STREAM_CONNECTING,
    STREAM_SHAKING, /* TLS: what is written waits */
    STREAM_OPEN,
    STREAM_CLOSING,
    STREAM_LINGERING,
    STREAM_CLOSED,
    STREAM_N_STATES
} stream_state;

/* Streams that somebody waits for: a listener, until all that it accepted are gone. */
typedef struct eio_stream_group {
    size_t open;
    void (*on_empty)(struct eio_stream_group *group); /* the last one is gone */
} eio_stream_group;

/* Bytes to send. */
typedef struct eio_write_ref {
    eio_buffer *buffer; /* a reference */
    const char *base;
    size_t len;
} eio_write_ref;

struct eio_stream {
    const eio_stream_handler *handler; /* borrowed; NULL once the owner is gone */
    void *data;
    eio_loop *loop;
    eio_write_ref first;         /* of what is queued; its buffer NULL: nothing is */
    struct eio_write_node *last; /* of those behind it, a ring; NULL: none */
    size_t queued;
    eio_late late;
    int fd; /* own; -1: none */
    uint8_t state;
    uint8_t watched;     /* UV_READABLE and UV_WRITABLE: what libuv waits for */
    bool paused : 1;     /* the owner does not want to read */
    bool blocked : 1;    /* the kernel is full: what is queued waits until it is not */
    bool peer_ended : 1; /* nothing more will come */
    bool resting : 1;    /* the TLS stage has to work off first what it has read */
    bool has_joint : 1;  /* the last of what is queued is one: see write_queue.h */
    size_t limit;
    struct eio_tls_stage *tls;    /* own; NULL: plain */
    struct stream_unread *unread; /* own heap: bytes to hand out again */
    eio_deadline deadline;        /* open: in the loop's `stalled`; closing: in its `lingering` */
    struct connect_attempt *attempt; /* connect.c's, while connecting */
    eio_stream_group *group;         /* borrowed; may be NULL */
    eio_stream_group *peers;         /* the same: those from one address, where that is limited */
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_timer_t timer; /* connect.c's, instead of a socket that it could not get */
    } uv;
};

/* A shell without a socket. NULL when out of memory. */
eio_stream *eio_stream_new(eio_loop *loop, eio_stream_group *group);
/* Give it its socket, connected or connecting. fd: taken. EIO_OK or libuv's: then it is a shell as before. */
int eio_stream_set_socket(eio_stream *stream, int fd);
/* Close its socket, if it has one: before that its handle is closed, or stopped. */
void eio_stream_close_socket(eio_stream *stream);
/* How many streams a listener has accepted that are not gone, whoever owns them. */
size_t eio_listener_streams(const eio_listener *listener);
/* Count it among those of a second group. Once, right after it was accepted. */
void eio_stream_join(eio_stream *stream, eio_stream_group *peers);
/* Its socket is connected, and its TLS stage set if it has one: read, and send what was queued meanwhile. */
void eio_stream_opened(eio_stream *stream);
/* Tell the owner that it is gone, and close. */
void eio_stream_fail(eio_stream *stream, int reason);

/* ---- for its TLS stage ---- */

/* The handshake is complete. */
void eio_stream_shaken(eio_stream *stream);
/* Write: how much the kernel took, UV_EAGAIN, or libuv's code. Until it takes more, the stream is blocked. */
ssize_t eio_stream_send_now(eio_stream *stream, const char *bytes, size_t len);
/* Read if everybody wants to, and wait for the kernel if it is full. */
void eio_stream_update_watch(eio_stream *stream);

/* Give the memory back of a shell, or of one whose libuv handle is closed. May be NULL. */
void eio_stream_free(eio_stream *stream);

/*
 * Hand bytes out again to the handler that is set by then, before anything new is read and before the loop sleeps.
 * They are copied. EIO_OK or EIO_E_NOMEM.
 */
int eio_stream_unread(eio_stream *stream, eio_slice bytes);

/* The part of a loop that belongs to streams. */
void eio_stream_init_queues(eio_loop *loop);
void eio_stream_fini_queues(eio_loop *loop);

#endif
