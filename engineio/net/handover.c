#include "engineio/net/handover.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "engineio/net/tls.h"

bool eio_stream_is_quiet(const eio_stream *stream)
{
    return stream->state == STREAM_OPEN && stream->first == NULL && stream->writing == NULL &&
           stream->unread == NULL;
}

int eio_stream_detach(eio_detached *out, eio_stream *stream)
{
    uv_os_fd_t fd;

    assert(eio_stream_is_quiet(stream));
    int rc = uv_fileno(&stream->uv.handle, &fd);
    if (rc != 0)
        return rc;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *out = (eio_detached){
        .fd = fd,
        .tls = stream->tls,
        .is_pipe = stream->uv.handle.type != UV_TCP,
        .paused = stream->paused,
        .peer_ended = stream->peer_ended,
        .resting = stream->resting,
    };
    stream->tls = NULL;
    eio_stream_abort(stream);
    return EIO_OK;
}

void eio_detached_close(eio_detached *detached)
{
    eio_tls_free(detached->tls);
    (void)close(detached->fd);
}

int eio_stream_attach(eio_stream *stream, eio_detached *detached)
{
    int rc;

    if (detached->is_pipe) {
        uv_pipe_init(stream->loop->uv, &stream->uv.pipe, 0);
        rc = uv_pipe_open(&stream->uv.pipe, detached->fd);
    } else {
        uv_tcp_init(stream->loop->uv, &stream->uv.tcp);
        rc = uv_tcp_open(&stream->uv.tcp, detached->fd);
    }
    stream->paused = detached->paused;
    stream->peer_ended = detached->peer_ended;
    stream->resting = detached->resting;
    eio_stream_opened(stream);
    stream->tls = detached->tls; /* not before: its handshake is over */
    if (stream->tls != NULL)
        eio_tls_adopt(stream->tls, stream);
    if (rc != 0) {
        (void)close(detached->fd);
        eio_stream_abort(stream);
        return rc;
    }
    eio_late_add(stream->loop, &stream->late); /* TLS may have kept something */
    return EIO_OK;
}
