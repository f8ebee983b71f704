/*
 * A connection between two loops: a stream is taken from one and given to another, with its descriptor, the state of
 * TLS and the bytes that TLS has not decrypted. What the stream had handed out already is its owner's to carry along.
 * Expected load: one for each connection that comes to the wrong worker, once.
 */
#ifndef ENGINEIO_NET_HANDOVER_H
#define ENGINEIO_NET_HANDOVER_H

#include "engineio/net/stream_private.h"

/* On no loop; any one thread at a time. */
typedef struct eio_detached {
    int fd;                    /* own */
    struct eio_tls_stage *tls; /* own; NULL: plain */
    bool paused;
    bool peer_ended;
    bool resting;
} eio_detached;

/* Whether it is open and nothing of it waits to be sent or handed out again: only then it can be taken. */
bool eio_stream_is_quiet(const eio_stream *stream);
/* Take the connection out of a quiet stream, which closes and calls nobody. Not from within its callbacks. */
void eio_stream_detach(eio_detached *out, eio_stream *stream);
/* Close it: nobody wants it. */
void eio_detached_close(eio_detached *detached);

/* For the listener: open it on a shell from eio_stream_new, which is freed if it cannot be. detached: taken. */
int eio_stream_attach(eio_stream *stream, eio_detached *detached);
/*
 * Open it on the loop of a listener, as if that had accepted it. detached: taken. out: its owner sets the handler.
 * EIO_OK, EIO_E_NOMEM or libuv's.
 */
int eio_listener_adopt(eio_stream **out, eio_listener *listener, eio_detached *detached);

#endif
