/* Compressed messages over a WebSocket of its own loop: what may be done inside callbacks, and what is sent how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/net/buffer_private.h"
#include "engineio/websocket.h"
#include "engineio/websocket/mask.h"

enum { GUARD_MS = 5000, MAX_BYTES = 65536, LONG = 2000 };

#define HEAD                                                                                       \
    "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nHost: x\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00" /* RFC 7692 §7.2.3.1 */
#define HELLO_AGAIN "\xf2\x00\x11\x00\x00"   /* §7.2.3.2: with what was said before */
#define HEAD_END "\r\n\r\n"

typedef enum reaction { REACT_NONE, REACT_CLOSE, REACT_ABORT } reaction;

typedef struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool guard_fired;
    eio_http_server *http;
    eio_deflate_options deflate;
    eio_websocket *ws; /* NULL once it is gone */
    reaction reaction;
    char said[64]; /* all messages */
    size_t said_len, messages, closes;
    int code;
    eio_stream *client; /* NULL once it is gone */
    size_t got_len;
    char got[MAX_BYTES];
    size_t wanted; /* bytes to run for */
} fixture;

static void on_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    fixture *f = data;

    (void)binary;
    assert_true(payload.base != NULL && f->said_len + payload.len < sizeof(f->said));
    memcpy(f->said + f->said_len, payload.base, payload.len);
    f->said_len += payload.len;
    f->messages++;
    switch (f->reaction) {
    case REACT_NONE: break;
    case REACT_CLOSE: eio_websocket_close(ws, EIO_WS_GOING_AWAY, EIO_STR("")); break;
    case REACT_ABORT:
        eio_websocket_abort(ws);
        f->ws = NULL;
        break;
    }
}

static void on_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    fixture *f = data;

    (void)reason;
    (void)failed;
    f->closes++;
    f->code = code;
    if (f->reaction == REACT_ABORT)
        eio_websocket_abort(ws);
    f->ws = NULL;
}

static const eio_websocket_handler handler = { .on_message = on_message, .on_close = on_close };

static void handle_request(eio_http_request *request, void *data)
{
    fixture *f = data;
    eio_websocket_options options;

    eio_websocket_options_init(&options);
    options.deflate = &f->deflate;
    assert_int_equal(eio_websocket_accept(&f->ws, request, &options, &handler, f), EIO_OK);
}

/* ---- the client ---- */

static void write_client(fixture *f, eio_slice bytes)
{
    eio_buffer *buffer = eio_buffer_copy(bytes);

    assert_int_equal(eio_stream_write(f->client, buffer, eio_buffer_slice(buffer)), EIO_OK);
    eio_buffer_unref(buffer);
}

/* A masked frame of at most 125 bytes, at `to`; its length. */
static size_t put_frame(char *to, unsigned first, eio_slice payload)
{
    static const uint8_t mask[4] = { 1, 2, 3, 4 };

    to[0] = (char)first;
    to[1] = (char)(0x80 | payload.len);
    memcpy(to + 2, mask, 4);
    eio_unmask(to + 6, payload.base, payload.len, mask);
    return 6 + payload.len;
}

static void on_client_connect(eio_stream *stream, void *data)
{
    (void)stream;
    write_client(data, EIO_STR(HEAD));
}

static void on_client_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    fixture *f = data;

    (void)stream;
    assert_true(f->got_len + len <= sizeof(f->got));
    memcpy(f->got + f->got_len, bytes, len);
    f->got_len += len;
}

static void on_client_close(eio_stream *stream, int reason, void *data)
{
    fixture *f = data;

    (void)stream;
    (void)reason;
    f->client = NULL;
}

static const eio_stream_handler client_handler = {
    .on_read = on_client_read,
    .on_close = on_client_close,
    .on_connect = on_client_connect,
};

/* ---- running ---- */

static void handle_guard(uv_timer_t *timer)
{
    fixture *f = timer->data;

    f->guard_fired = true;
}

static void run_until(fixture *f, bool (*done)(const fixture *))
{
    uv_timer_start(&f->guard, handle_guard, GUARD_MS, 0);
    while (!done(f)) {
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_false(f->guard_fired);
    }
    uv_timer_stop(&f->guard);
}

static bool is_open(const fixture *f)
{
    return f->got_len > 0 && memmem(f->got, f->got_len, HEAD_END, 4) != NULL;
}

static bool has_bytes(const fixture *f)
{
    return f->got_len >= f->wanted;
}

static bool is_client_gone(const fixture *f)
{
    return f->client == NULL;
}

static bool is_http_gone(const fixture *f)
{
    return f->http == NULL;
}

static bool has_two_messages(const fixture *f)
{
    return f->messages >= 2;
}

static bool is_closed(const fixture *f)
{
    return f->closes > 0;
}

static void on_http_closed(void *data)
{
    fixture *f = data;

    f->http = NULL;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    eio_listen_options listen;
    eio_connect_options options;

    assert_non_null(f);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->guard);
    f->guard.data = f;
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    assert_int_equal(eio_http_server_new(&f->http, &f->loop, NULL), EIO_OK);
    assert_int_equal(eio_http_server_route(f->http, NULL, "/ws", handle_request, f), EIO_OK);
    assert_int_equal(eio_http_server_listen(f->http, &listen, NULL), EIO_OK);
    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_http_server_port(f->http);
    assert_int_equal(eio_stream_connect(&f->client, &f->loop, &options, &client_handler, f),
                     EIO_OK);
    run_until(f, is_open);
    f->got_len = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    eio_websocket_abort(f->ws);
    eio_stream_abort(f->client);
    eio_http_server_close(f->http, on_http_closed, f);
    run_until(f, is_http_gone);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

/* ---- the tests ---- */

/* Two messages in one read, the second with a reference to the first. */
static void say_hello_twice(fixture *f)
{
    char frames[64];
    size_t len = put_frame(frames, 0xc1, EIO_STR(HELLO));

    len += put_frame(frames + len, 0xc1, EIO_STR(HELLO_AGAIN));
    write_client(f, (eio_slice){ frames, len });
}

static void messages_are_inflated_with_what_was_said_before(void **state)
{
    fixture *f = *state;

    say_hello_twice(f);
    run_until(f, has_two_messages);
    assert_string_equal(f->said, "HelloHello");
}

static void closing_inside_a_message_ends_what_follows(void **state)
{
    fixture *f = *state;

    f->reaction = REACT_CLOSE;
    f->wanted = 4;
    say_hello_twice(f);
    run_until(f, has_bytes);
    assert_memory_equal(f->got, "\x88\x02\x03\xe9", 4);
    assert_string_equal(f->said, "Hello");
}

static void aborting_inside_a_message_is_allowed(void **state)
{
    fixture *f = *state;

    f->reaction = REACT_ABORT;
    say_hello_twice(f);
    run_until(f, is_client_gone);
    assert_string_equal(f->said, "Hello");
    assert_int_equal(f->closes, 0);
}

static void bad_data_is_reported_as_1007(void **state)
{
    fixture *f = *state;
    char frame[16];

    f->reaction = REACT_ABORT; /* inside on_close, too */
    write_client(f, (eio_slice){ frame, put_frame(frame, 0xc1, EIO_STR("\x06\x00")) });
    run_until(f, is_closed);
    assert_int_equal(f->code, EIO_WS_INVALID_TEXT);
    run_until(f, is_client_gone);
    assert_memory_equal(f->got, "\x88\x02\x03\xef", 4);
}

static eio_buffer *long_text(void)
{
    eio_buffer *buffer = eio_buffer_new(LONG);

    assert_non_null(buffer);
    memset(eio_buffer_reserve(&buffer, LONG), 'x', LONG);
    eio_buffer_commit(buffer, LONG);
    return buffer;
}

static void a_plain_message_is_sent_as_it_is_however_long(void **state)
{
    fixture *f = *state;
    eio_buffer *plain = long_text();
    eio_buffer *other = long_text();

    eio_buffer_set_plain(plain);
    assert_int_equal(eio_websocket_send(f->ws, plain, false), EIO_OK);
    f->wanted = 4 + LONG;
    run_until(f, has_bytes);
    assert_memory_equal(f->got, "\x81\x7e\x07\xd0xxxx", 8);
    f->got_len = 0;
    f->wanted = 10;
    assert_int_equal(eio_websocket_send(f->ws, other, false), EIO_OK);
    run_until(f, has_bytes);
    assert_int_equal((uint8_t)f->got[0], 0xc1);
    assert_in_range(f->got_len, 10, 60);
    eio_buffer_unref(plain);
    eio_buffer_unref(other);
}

#define compressed_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        compressed_test(messages_are_inflated_with_what_was_said_before),
        compressed_test(closing_inside_a_message_ends_what_follows),
        compressed_test(aborting_inside_a_message_is_allowed),
        compressed_test(bad_data_is_reported_as_1007),
        compressed_test(a_plain_message_is_sent_as_it_is_however_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
