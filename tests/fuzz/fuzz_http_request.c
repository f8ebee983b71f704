/*
 * Requests over a real connection: whole, and again cut in two where the first byte of the input says. The answers are
 * the same (but for their dates), and there are never more of them than the input has heads.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engineio/http/server.h"
#include "engineio/net/stream_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_OUTPUT = 1 << 20, MOST_INPUT = 32768 };

static uv_loop_t loop;
static eio_http_server *server;
static size_t answers;

static void on_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    (void)data;
    (void)eio_http_respond_text(request, status == EIO_OK ? 200 : 413, NULL, body);
}

static void on_request(eio_http_request *request, void *data)
{
    (void)data;
    eio_http_read_body(request, 1000, on_body, NULL);
}

static void on_response(const eio_http_request *request, int status, size_t bytes, void *data)
{
    (void)request;
    (void)status;
    (void)bytes;
    (void)data;
    answers++;
}

static void set_up(void)
{
    eio_http_options options;

    if (server != NULL)
        return;
    eio_http_options_init(&options);
    options.max_head_bytes = 512;
    options.max_target_bytes = 128;
    options.max_headers = 8;
    options.max_framing_bytes = 64;
    options.on_response = on_response;
    int rc = uv_loop_init(&loop);
    assert(rc == 0);
    rc = eio_http_server_new(&server, &loop, &options);
    assert(rc == EIO_OK);
    eio_http_server_set_fallback(server, on_request, NULL);
}

static eio_stream *open_stream(int fd)
{
    eio_stream *stream = eio_stream_new(server->loop, NULL);

    assert(stream != NULL);
    int rc = eio_stream_set_socket(stream, fd);
    assert(rc == 0);
    eio_stream_opened(stream);
    rc = eio_http_connection_open(server, stream);
    assert(rc == EIO_OK);
    return stream;
}

static void send_part(int fd, const uint8_t *bytes, size_t len)
{
    if (len > 0)
        (void)send(fd, bytes, len, MSG_NOSIGNAL); /* it may have closed already */
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
}

/* Dates differ, and are of no interest. */
static size_t blank_dates(char *out, size_t len)
{
    for (size_t i = 0; i + 6 + EIO_HTTP_DATE_LEN <= len; i++)
        if (memcmp(out + i, "Date: ", 6) == 0)
            memset(out + i + 6, '-', EIO_HTTP_DATE_LEN);
    return len;
}

/* Everything that comes back, up to the end of the connection or of what there is to say. */
static size_t exchange(const uint8_t *bytes, size_t len, size_t cut, char *out)
{
    int fds[2];
    size_t got = 0;
    ssize_t more;
    int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);

    assert(rc == 0);
    (void)open_stream(fds[0]);
    send_part(fds[1], bytes, cut);
    send_part(fds[1], bytes + cut, len - cut);
    while (got < MOST_OUTPUT && (more = recv(fds[1], out + got, MOST_OUTPUT - got, 0)) > 0)
        got += (size_t)more;
    close(fds[1]);
    for (int i = 0; i < 4; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert(LIST_EMPTY(&server->connections));
    return blank_dates(out, got);
}

static size_t count_heads(const uint8_t *bytes, size_t len)
{
    size_t heads = 1; /* one that is refused before its end */

    for (size_t i = 0; i + 4 <= len; i++)
        heads += memcmp(bytes + i, "\r\n\r\n", 4) == 0;
    return heads;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char whole[MOST_OUTPUT];
    static char parts[MOST_OUTPUT];

    if (len < 3 || len > MOST_INPUT)
        return 0;
    set_up();
    size_t cut = (size_t)(bytes[0] << 8 | bytes[1]) % (len - 2);
    bytes += 2;
    len -= 2;
    answers = 0;
    size_t whole_len = exchange(bytes, len, 0, whole);
    assert(answers <= count_heads(bytes, len));
    size_t parts_len = exchange(bytes, len, cut, parts);
    assert(whole_len == parts_len && memcmp(whole, parts, whole_len) == 0);
    return 0;
}
