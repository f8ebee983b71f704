#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "engineio/stream.h"
#include "tests/support/failing_alloc.h"

static eio_listener *listener;
static size_t accepted;

static void ignore_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    (void)stream;
    (void)bytes;
    (void)len;
    (void)data;
}

static void ignore_close(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    (void)reason;
    (void)data;
}

static void leave_at_once(eio_stream *stream, void *data)
{
    (void)data;
    eio_stream_abort(stream);
}

static const eio_stream_handler handler = {
    .on_read = ignore_read,
    .on_close = ignore_close,
    .on_connect = leave_at_once,
};

static void count_stream(eio_listener *from, eio_stream *stream, void *data)
{
    (void)from;
    (void)data;
    accepted++;
    eio_stream_abort(stream);
    eio_listener_close(listener, NULL, NULL);
}

static void a_connection_without_memory_is_accepted_later(void **state)
{
    uv_loop_t uv;
    eio_listen_options listen;
    eio_connect_options connect;
    eio_stream *client;

    (void)state;
    uv_loop_init(&uv);
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    assert_int_equal(eio_listener_new(&listener, &uv, &listen, count_stream, NULL, NULL), EIO_OK);
    eio_connect_options_init(&connect);
    connect.host = "127.0.0.1";
    connect.port = eio_listener_port(listener);
    assert_int_equal(eio_stream_connect(&client, &uv, &connect, &handler, NULL), EIO_OK);
    fail_allocation(0); /* the next one of ours: the accepted stream's */
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_true(allocation_has_failed());
    assert_int_equal(accepted, 1);
    assert_int_equal(uv_loop_close(&uv), 0);
}

/* ---- descriptors ---- */

static void stay(eio_listener *from, eio_stream *stream, void *data)
{
    (void)from;
    (void)data;
    accepted++;
    eio_stream_set_handler(stream, &handler, NULL);
}

/* Connected as soon as the kernel has it in the backlog. */
static int connect_raw(int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_return_code(fd, 0);
    assert_return_code(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* No descriptor above those that are open now. Returns the limit before. */
static rlim_t forbid_descriptors(void)
{
    struct rlimit limit;
    int lowest = dup(STDIN_FILENO);

    assert_return_code(lowest, 0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &limit);
    return before;
}

static void allow_descriptors(rlim_t soft)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = soft;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void without_a_descriptor_connections_are_closed_until_there_is_one(void **state)
{
    uv_loop_t uv;
    eio_listen_options listen;
    char byte;

    (void)state;
    accepted = 0;
    uv_loop_init(&uv);
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    assert_int_equal(eio_listener_new(&listener, &uv, &listen, stay, NULL, NULL), EIO_OK);
    int first = connect_raw(eio_listener_port(listener));
    int second = connect_raw(eio_listener_port(listener));
    uv_run(&uv, UV_RUN_NOWAIT);
    assert_int_equal(accepted, 2);
    int third = connect_raw(eio_listener_port(listener));
    rlim_t before = forbid_descriptors();
    uv_run(&uv, UV_RUN_NOWAIT);
    allow_descriptors(before);
    assert_int_equal(accepted, 2);
    assert_int_equal(recv(third, &byte, 1, MSG_DONTWAIT), 0); /* the end */
    int fourth = connect_raw(eio_listener_port(listener));
    uv_run(&uv, UV_RUN_NOWAIT);
    assert_int_equal(accepted, 3);
    close(first);
    close(second);
    close(third);
    close(fourth);
    eio_listener_close(listener, NULL, NULL);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_without_memory_is_accepted_later),
        cmocka_unit_test(without_a_descriptor_connections_are_closed_until_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
