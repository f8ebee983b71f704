/*
 * A handshake and a message, with one allocation after the other failing, in mbedTLS and in our own code alike. It
 * brings its own malloc, so it is not built with sanitizers, which bring theirs.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engineio/stream.h"

enum { MESSAGE_BYTES = 100000, WAIT_MS = 300, SAMPLES = 120 };

/* ---- the allocator: glibc's, but for the one that shall fail ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static bool counting;
static size_t allocations; /* since it began to count */
static size_t failing;     /* which one fails; 0: none */
static long live;          /* pieces in use */

static bool fails(void)
{
    return counting && ++allocations == failing;
}

static void *count(void *memory)
{
    live += memory != NULL;
    return memory;
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return fails() ? no_memory() : count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return fails() ? no_memory() : count(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size)
{
    if (fails())
        return no_memory();
    void *memory = __libc_realloc(old, size);
    return old == NULL ? count(memory) : memory;
}

void free(void *memory)
{
    live -= memory != NULL;
    __libc_free(memory);
}

/* ---- two ends ---- */

typedef struct side {
    eio_stream *stream;
    size_t bytes;
    bool closed, connected;
} side;

static uv_loop_t uv;
static eio_tls *server_tls, *client_tls;
static eio_listener *listener;
static side client, server;
static char path[64];

static void send_message(eio_stream *stream)
{
    eio_buffer *buffer = eio_buffer_new(MESSAGE_BYTES);

    if (buffer == NULL) {
        eio_stream_close(stream);
        return;
    }
    memset(eio_buffer_reserve(&buffer, MESSAGE_BYTES), 'x', MESSAGE_BYTES);
    eio_buffer_commit(buffer, MESSAGE_BYTES);
    if (eio_stream_write(stream, buffer, eio_buffer_slice(buffer)) != EIO_OK)
        eio_stream_close(stream);
    eio_buffer_unref(buffer);
}

static void note_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    side *who = data;

    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], 'x');
    who->bytes += len;
    if (who->bytes == MESSAGE_BYTES)
        eio_stream_close(stream);
}

static void note_close(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    assert_true(reason < 0);
    ((side *)data)->closed = true;
}

static void note_connect(eio_stream *stream, void *data)
{
    ((side *)data)->connected = true;
    send_message(stream);
}

static const eio_stream_handler handler = {
    .on_read = note_read,
    .on_close = note_close,
    .on_connect = note_connect,
};

static void accept_stream(eio_listener *from, eio_stream *stream, void *data)
{
    (void)from;
    (void)data;
    server.stream = stream;
    eio_stream_set_handler(stream, &handler, &server);
}

static void end_listener(void)
{
    eio_listener_close(listener, NULL, NULL);
    listener = NULL;
}

static void handle_deadline(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    end_listener();
}

/* One connection, of whose allocations the nth fails. Both ends are gone when it returns. */
static void connect_once(size_t nth)
{
    eio_listen_options listen;
    eio_connect_options options;
    uv_timer_t timer;

    server = client = (side){ 0 };
    eio_listen_options_init(&listen);
    listen.path = path;
    listen.tls = server_tls;
    assert_int_equal(eio_listener_new(&listener, &uv, &listen, accept_stream, NULL, NULL), EIO_OK);
    eio_connect_options_init(&options);
    options.path = path;
    options.timeout_ms = WAIT_MS;
    options.tls = client_tls;
    options.server_name = "localhost";
    allocations = 0;
    failing = nth;
    counting = true;
    if (eio_stream_connect(&client.stream, &uv, &options, &handler, &client) != EIO_OK)
        client.closed = true;
    uv_timer_init(&uv, &timer);
    uv_timer_start(&timer, handle_deadline, 2 * WAIT_MS, 0);
    while (!client.closed && server.bytes < MESSAGE_BYTES && listener != NULL)
        uv_run(&uv, UV_RUN_ONCE);
    counting = false;
    if (listener != NULL) {
        uv_close((uv_handle_t *)&timer, NULL);
        end_listener();
    }
    uv_run(&uv, UV_RUN_DEFAULT);
}

static void each_allocation_of_a_connection_may_fail(void **state)
{
    size_t broken = 0;

    (void)state;
    connect_once(0); /* libuv has all it keeps from now on, and for that it would end the process */
    connect_once(0);
    size_t all = allocations;
    long before = live;
    assert_int_equal(server.bytes, MESSAGE_BYTES);
    assert_true(all > 0); /* or something else brings its own malloc, and nothing is tested here */
    for (size_t nth = 1; nth <= all; nth += nth < SAMPLES / 2 ? 1 : 1 + all / (SAMPLES / 2)) {
        connect_once(nth);
        broken += server.bytes < MESSAGE_BYTES;
        assert_true(server.bytes == MESSAGE_BYTES || !client.connected || client.closed ||
                    server.closed);
        assert_int_equal(live, before);
    }
    assert_true(broken > 0);
    connect_once(0);
    assert_int_equal(server.bytes, MESSAGE_BYTES);
}

static void each_allocation_of_loading_may_fail(void **state)
{
    eio_tls_options options;
    size_t all = 0;

    (void)state;
    eio_tls_options_init(&options);
    options.cert_file = TLS_FILES "server.pem";
    options.key_file = TLS_FILES "server.key";
    options.client_ca_file = TLS_FILES "ca.pem";
    for (size_t nth = 0, step = 1; nth == 0 || nth <= all; nth += step) {
        eio_tls *tls = NULL;
        eio_error why = { 0 };
        allocations = 0;
        failing = nth;
        counting = true;
        long before = live;
        int rc = eio_tls_new(&tls, &options, &why);
        counting = false;
        if (nth == 0) {
            assert_int_equal(rc, EIO_OK);
            all = allocations;
            step = 1 + all / SAMPLES;
        }
        assert_true(rc == EIO_OK || why.text[0] != '\0');
        eio_tls_unref(tls);
        assert_int_equal(live, before);
    }
}

static int begin(void **state)
{
    eio_tls_options options;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof(path), "/tmp/eio-tls-memory-%d.sock", (int)getpid());
    uv_loop_init(&uv);
    eio_tls_options_init(&options);
    options.cert_file = TLS_FILES "server.pem";
    options.key_file = TLS_FILES "server.key";
    options.handshake_timeout_ms = WAIT_MS;
    assert_int_equal(eio_tls_new(&server_tls, &options, NULL), EIO_OK);
    eio_tls_options_init(&options);
    options.role = EIO_TLS_CLIENT;
    options.ca_file = TLS_FILES "ca.pem";
    return eio_tls_new(&client_tls, &options, NULL);
}

static int end(void **state)
{
    (void)state;
    eio_tls_unref(server_tls);
    eio_tls_unref(client_tls);
    return uv_loop_close(&uv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_connection_may_fail),
        cmocka_unit_test(each_allocation_of_loading_may_fail),
    };

    return cmocka_run_group_tests_name("tls memory", tests, begin, end);
}
