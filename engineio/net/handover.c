#include "engineio/net/handover.h"

#include <assert.h>
#include <unistd.h>

#include "engineio/net/tls.h"
#include "engineio/net/write_queue.h"

bool eio_stream_is_quiet(const eio_stream *stream)
{
    return stream->state == STREAM_OPEN && eio_write_queue_is_empty(stream) && !stream->blocked &&
           stream->unread == NULL;
}

void eio_stream_detach(eio_detached *out, eio_stream *stream)
{
    assert(eio_stream_is_quiet(stream));
    *out = (eio_detached){
        .fd = stream->fd,
        .tls = stream->tls,
        .paused = stream->paused,
        .peer_ended = stream->peer_ended,
        .resting = stream->resting,
    };
    stream->fd = -1;
    stream->tls = NULL;
    eio_stream_abort(stream);
}

void eio_detached_close(eio_detached *detached)
{
    eio_tls_free(detached->tls);
    (void)close(detached->fd);
}

int eio_stream_attach(eio_stream *stream, eio_detached *detached)
{
    int rc = eio_stream_set_socket(stream, detached->fd);

    if (rc != EIO_OK) {
        eio_tls_free(detached->tls);
        eio_stream_free(stream);
        return rc;
    }
    stream->paused = detached->paused;
    stream->peer_ended = detached->peer_ended;
    stream->resting = detached->resting;
    eio_stream_opened(stream);
    stream->tls = detached->tls; /* not before: its handshake is over */
    if (stream->tls != NULL)
        eio_tls_adopt(stream->tls, stream);
    eio_late_add(stream->loop, &stream->late); /* TLS may have kept something */
    return EIO_OK;
}
