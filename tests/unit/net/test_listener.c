#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_without_memory_is_accepted_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
