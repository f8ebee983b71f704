#include "tests/support/ws_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/websocket/mask.h"

enum { GUARD_MS = 5000 };

/* ---- the server's end ---- */

static void on_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    ws_fixture *f = data;
    char queued[WS_FIXTURE_QUEUES] = { 0 };

    f->messages++;
    snprintf(f->said, sizeof(f->said), "%.*s", (int)payload.len, payload.base);
    switch (f->reaction) {
    case REACT_ECHO: {
        eio_buffer *echo = eio_buffer_copy(payload);
        assert_int_equal(eio_websocket_send(ws, echo, binary), EIO_OK);
        eio_buffer_unref(echo);
        break;
    }
    case REACT_CLOSE: eio_websocket_close(ws, EIO_WS_GOING_AWAY, EIO_STR("enough")); break;
    case REACT_ABORT:
        eio_websocket_abort(ws);
        f->ws = NULL;
        break;
    case REACT_QUEUE:
        assert_int_equal(eio_websocket_send_text(ws, (eio_slice){ queued, sizeof(queued) }),
                         EIO_OK);
        break;
    }
}

static void on_control(eio_websocket *ws, void *data)
{
    ws_fixture *f = data;

    (void)ws;
    f->controls++;
}

static void on_drain(eio_websocket *ws, void *data)
{
    ws_fixture *f = data;

    assert_int_equal(eio_stream_queued(eio_websocket_stream(ws)), 0);
    f->drains++;
}

static void on_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    ws_fixture *f = data;

    f->closes++;
    f->code = code;
    f->failed = failed;
    snprintf(f->reason, sizeof(f->reason), "%.*s", (int)reason.len,
             reason.len == 0 ? "" : reason.base);
    assert_int_equal(eio_websocket_send_text(ws, EIO_STR("too late")), EIO_E_CLOSED);
    assert_int_equal(eio_websocket_ping(ws, EIO_STR("")), EIO_E_CLOSED);
    eio_websocket_close(ws, EIO_WS_NORMAL, EIO_STR(""));
    if (f->abort_in_close)
        eio_websocket_abort(ws);
    f->ws = NULL;
}

static const eio_websocket_handler handler = {
    .on_message = on_message,
    .on_control = on_control,
    .on_drain = on_drain,
    .on_close = on_close,
};

static void handle_request(eio_http_request *request, void *data)
{
    ws_fixture *f = data;

    f->accept_rc = eio_websocket_accept(&f->ws, request, &f->options, &handler, f);
}

/* ---- the client's end ---- */

static void on_client_connect(eio_stream *stream, void *data)
{
    ws_fixture *f = data;
    eio_buffer *bytes = eio_buffer_copy((eio_slice){ f->to_send, f->to_send_len });

    assert_int_equal(eio_stream_write(stream, bytes, eio_buffer_slice(bytes)), EIO_OK);
    eio_buffer_unref(bytes);
    f->to_send_len = 0;
}

static void on_client_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    ws_fixture *f = data;

    (void)stream;
    assert_true(f->got_len + len <= sizeof(f->got));
    memcpy(f->got + f->got_len, bytes, len);
    f->got_len += len;
}

static void on_client_close(eio_stream *stream, int reason, void *data)
{
    ws_fixture *f = data;

    (void)stream;
    (void)reason;
    f->client = NULL;
    f->client_gone = true;
}

static const eio_stream_handler client_handler = {
    .on_read = on_client_read,
    .on_close = on_client_close,
    .on_connect = on_client_connect,
};

void ws_put(ws_fixture *f, eio_slice bytes)
{
    memcpy(f->to_send + f->to_send_len, bytes.base, bytes.len);
    f->to_send_len += bytes.len;
}

/* A masked frame of at most 125 bytes. */
void ws_put_frame(ws_fixture *f, unsigned first, eio_slice payload)
{
    static const uint8_t mask[4] = { 1, 2, 3, 4 };
    char *head = f->to_send + f->to_send_len;

    head[0] = (char)first;
    head[1] = (char)(0x80 | payload.len);
    memcpy(head + 2, mask, 4);
    eio_unmask(head + 6, payload.base, payload.len, mask);
    f->to_send_len += 6 + payload.len;
}

void ws_send_all(ws_fixture *f)
{
    assert_non_null(f->client);
    on_client_connect(f->client, f);
}

/* ---- running ---- */

static void handle_guard(uv_timer_t *timer)
{
    ws_fixture *f = timer->data;

    f->guard_fired = true;
}

void ws_run_until(ws_fixture *f, bool (*done)(const ws_fixture *))
{
    uv_timer_start(&f->guard, handle_guard, GUARD_MS, 0);
    while (!done(f)) {
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_false(f->guard_fired);
    }
    uv_timer_stop(&f->guard);
}

static bool has_wanted(const ws_fixture *f)
{
    return f->got_len >= f->wanted_len &&
           memmem(f->got, f->got_len, f->wanted, f->wanted_len) != NULL;
}

static bool is_closed(const ws_fixture *f)
{
    return f->closes > 0;
}

bool ws_is_client_gone(const ws_fixture *f)
{
    return f->client_gone;
}

static bool is_http_closed(const ws_fixture *f)
{
    return f->http_closed;
}

bool ws_has_message(const ws_fixture *f)
{
    return f->messages > 0;
}

void ws_expect(ws_fixture *f, eio_slice bytes)
{
    f->wanted = bytes.base;
    f->wanted_len = bytes.len;
    ws_run_until(f, has_wanted);
}

/* Connect, and send what has been ws_put. */
void ws_connect_client(ws_fixture *f)
{
    eio_connect_options options;

    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_http_server_port(f->http);
    assert_int_equal(eio_stream_connect(&f->client, &f->loop, &options, &client_handler, f),
                     EIO_OK);
}

/* An open WebSocket; what the client gets from now on are frames. */
void ws_open_websocket(ws_fixture *f)
{
    ws_put(f, EIO_STR(GOOD_HEAD));
    ws_connect_client(f);
    ws_expect(f, EIO_STR(HEAD_END));
    assert_int_equal(f->accept_rc, EIO_OK);
    f->got_len = 0;
}

void ws_assert_closed_with(ws_fixture *f, int code, const char *reason, bool failed)
{
    ws_run_until(f, is_closed);
    assert_int_equal(f->closes, 1);
    assert_int_equal(f->code, code);
    assert_string_equal(f->reason, reason);
    assert_int_equal(f->failed, failed);
}

static void on_http_closed(void *data)
{
    ws_fixture *f = data;

    f->http_closed = true;
}

int ws_set_up(void **state)
{
    ws_fixture *f = calloc(1, sizeof(*f));
    eio_listen_options listen;

    assert_non_null(f);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->guard);
    f->guard.data = f;
    eio_websocket_options_init(&f->options);
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    assert_int_equal(eio_http_server_new(&f->http, &f->loop, NULL), EIO_OK);
    assert_int_equal(eio_http_server_route(f->http, NULL, "/ws", handle_request, f), EIO_OK);
    assert_int_equal(eio_http_server_listen(f->http, &listen, NULL), EIO_OK);
    *state = f;
    return 0;
}

int ws_tear_down(void **state)
{
    ws_fixture *f = *state;

    eio_websocket_abort(f->ws);
    eio_stream_abort(f->client);
    eio_http_server_close(f->http, on_http_closed, f);
    ws_run_until(f, is_http_closed);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}
