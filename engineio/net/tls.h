/*
 * TLS between a stream and its socket. The stream hands over what came and asks for its queue to be sent; the stage
 * takes from that queue, and calls the stream's owner with what it has decrypted. The handshake is complete before
 * anything is read or written (CVE-2026-50581 and others), and a context is never used twice.
 *
 * What came is decrypted in one go, in place: an idle connection keeps nothing but mbedTLS's own two buffers, some
 * 35 KB. Input is kept only while the handshake waits for its turn, the kernel is full, or the owner does not read.
 * Expected load: every connection of a listener with TLS; a plain stream has no stage.
 */
#ifndef ENGINEIO_NET_TLS_H
#define ENGINEIO_NET_TLS_H

#include "engineio/net/loop.h"

typedef struct eio_tls_stage eio_tls_stage;

/* Where in the read buffer a stream with a stage reads to: what is decrypted never catches up with what is not. */
enum { EIO_TLS_READ_OFFSET = 32 * 1024, EIO_TLS_HANDSHAKE_READ_BYTES = 18 * 1024 };

/*
 * The handshakes of one listener: how many there are, how long they may take, and how much of their work one turn of
 * the loop does.
 */
typedef struct eio_tls_gate {
    eio_loop *loop;              /* borrowed */
    eio_deadline_queue timeouts; /* from the accept on */
    eio_deadline_queue turns;    /* those that have to wait for the next one */
    size_t open, most;
    uint64_t turn_ms;                           /* the loop's clock tells turns apart */
    unsigned steps;                             /* done in it */
    void (*on_room)(struct eio_tls_gate *gate); /* there were `most`, and one has ended */
} eio_tls_gate;

void eio_tls_gate_init(eio_tls_gate *gate, eio_loop *loop, const eio_tls *tls,
                       void (*on_room)(eio_tls_gate *));
/* No stage is left. */
void eio_tls_gate_fini(eio_tls_gate *gate);

/*
 * Give a stream its stage, before it is opened: the end of a server, whose gate is borrowed until the stream is gone,
 * or of a client. EIO_OK or EIO_E_NOMEM.
 */
int eio_tls_accept(eio_stream *stream, eio_tls *tls, eio_tls_gate *gate);
int eio_tls_connect(eio_stream *stream, eio_tls *tls, const char *server_name);

/* The options it was made with. Borrowed. */
const eio_tls_options *eio_tls_get_options(const eio_tls *tls);

/* Its connection goes on in another stream, on another loop. The handshake is over. */
void eio_tls_adopt(eio_tls_stage *stage, eio_stream *stream);

/* For stream.c. Bytes came; the stream may be closed afterwards. Borrowed. */
void eio_tls_take(eio_tls_stage *stage, const char *bytes, size_t len);
/*
 * Go on: something is queued, the kernel took what waited, or the owner reads again. EIO_OK: all is with the kernel;
 * UV_EAGAIN: not all; else it failed with this reason.
 */
int eio_tls_flush(eio_tls_stage *stage);
/* Say goodbye to the peer. False: call again when the kernel has room. */
bool eio_tls_end(eio_tls_stage *stage);
/* The stream is closed: no deadline will fire. */
void eio_tls_stop(eio_tls_stage *stage);
void eio_tls_free(eio_tls_stage *stage);

#endif
