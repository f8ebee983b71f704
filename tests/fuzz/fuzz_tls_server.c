/*
 * What a stranger sends to a listener with TLS: the first byte says how it is cut. Nothing of it may reach the stream's
 * owner, since nobody can guess a handshake; and when the peer ends, the stream ends.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engineio/net/stream_private.h"
#include "engineio/net/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uv_loop_t uv;
static eio_loop *loop;
static eio_tls *tls;
static eio_tls_gate gate;
static int ends;

static void ignore_room(eio_tls_gate *unused)
{
    (void)unused;
}

static void ignore_empty(eio_stream_group *unused)
{
    (void)unused;
}

static void refuse_read(eio_stream *stream, char *from, size_t len, void *data)
{
    (void)stream;
    (void)from;
    (void)len;
    (void)data;
    abort();
}

static void note_close(eio_stream *stream, int reason, void *data)
{
    char why[200];

    (void)data;
    assert(reason < 0);
    (void)eio_stream_tls_failure(stream, why, sizeof(why));
    ends++;
}

static const eio_stream_handler handler = { .on_read = refuse_read, .on_close = note_close };

static void set_up(void)
{
    eio_tls_options options;

    eio_tls_options_init(&options);
    options.cert_file = TLS_FILES "server.pem";
    options.key_file = TLS_FILES "server.key";
    if (uv_loop_init(&uv) != 0 || eio_tls_new(&tls, &options, NULL) != EIO_OK)
        abort();
    loop = eio_loop_acquire(&uv);
    if (loop == NULL)
        abort();
    eio_tls_gate_init(&gate, loop, tls, ignore_room);
}

static eio_stream *open_stream(eio_stream_group *group, int fd)
{
    eio_stream *stream = eio_stream_new(loop, group);

    if (stream == NULL || eio_stream_set_socket(stream, fd) != EIO_OK ||
        eio_tls_accept(stream, tls, &gate) != EIO_OK)
        abort();
    eio_stream_set_handler(stream, &handler, NULL);
    eio_stream_opened(stream);
    return stream;
}

/* What is not taken any more is lost, and so is the answer. */
static void send_piece(int fd, const uint8_t *bytes, size_t len)
{
    char answer[4096];

    (void)send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    uv_run(&uv, UV_RUN_NOWAIT);
    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
        continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_stream_group group = { .on_empty = ignore_empty };
    int pair[2];

    if (loop == NULL)
        set_up();
    if (len == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        return 0;
    size_t cut = bytes[0] == 0 ? len : (size_t)bytes[0] * 4;
    ends = 0;
    gate.steps = 0;
    open_stream(&group, pair[0]);
    for (size_t at = 1; at < len; at += cut)
        send_piece(pair[1], bytes + at, len - at < cut ? len - at : cut);
    shutdown(pair[1], SHUT_WR);
    while (group.open > 0)
        uv_run(&uv, UV_RUN_ONCE);
    close(pair[1]);
    assert(ends == 1 && gate.open == 0);
    return 0;
}
