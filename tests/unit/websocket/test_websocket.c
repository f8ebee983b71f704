#include "engineio/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/websocket/mask.h"

enum { GUARD_MS = 5000, MAX_BYTES = 65536, ON_MESSAGE_QUEUES = 4000 };

#define KEY_LINES                                                                                  \
    "Host: x\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"            \
    "Sec-WebSocket-Version: 13\r\n"
#define GOOD_HEAD "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" KEY_LINES "\r\n"
#define HEAD_END "\r\n\r\n"

/* What the server does with a message. */
typedef enum reaction { REACT_ECHO, REACT_CLOSE, REACT_ABORT, REACT_QUEUE } reaction;

typedef struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool guard_fired;
    eio_http_server *http;
    bool http_closed;
    eio_websocket_options options;

    eio_websocket *ws; /* the server's end; NULL once it is gone */
    int accept_rc;
    reaction reaction;
    bool abort_in_close;
    char said[256]; /* the last message */
    size_t messages, controls, drains, closes;
    int code;
    bool failed;
    char reason[128];

    eio_stream *client; /* NULL once it is gone */
    bool client_gone;
    size_t to_send_len;
    char to_send[MAX_BYTES];
    size_t got_len;
    char got[MAX_BYTES];
    const char *wanted; /* run until this came */
    size_t wanted_len;
} fixture;

/* ---- the server's end ---- */

static void on_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    fixture *f = data;
    char queued[ON_MESSAGE_QUEUES] = { 0 };

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
    fixture *f = data;

    (void)ws;
    f->controls++;
}

static void on_drain(eio_websocket *ws, void *data)
{
    fixture *f = data;

    assert_int_equal(eio_stream_queued(eio_websocket_stream(ws)), 0);
    f->drains++;
}

static void on_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    fixture *f = data;

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
    fixture *f = data;

    f->accept_rc = eio_websocket_accept(&f->ws, request, &f->options, &handler, f);
}

/* ---- the client's end ---- */

static void on_client_connect(eio_stream *stream, void *data)
{
    fixture *f = data;
    eio_buffer *bytes = eio_buffer_copy((eio_slice){ f->to_send, f->to_send_len });

    assert_int_equal(eio_stream_write(stream, bytes, eio_buffer_slice(bytes)), EIO_OK);
    eio_buffer_unref(bytes);
    f->to_send_len = 0;
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
    f->client_gone = true;
}

static const eio_stream_handler client_handler = {
    .on_read = on_client_read,
    .on_close = on_client_close,
    .on_connect = on_client_connect,
};

static void put(fixture *f, eio_slice bytes)
{
    memcpy(f->to_send + f->to_send_len, bytes.base, bytes.len);
    f->to_send_len += bytes.len;
}

/* A masked frame of at most 125 bytes. */
static void put_frame(fixture *f, unsigned first, eio_slice payload)
{
    static const uint8_t mask[4] = { 1, 2, 3, 4 };
    char *head = f->to_send + f->to_send_len;

    head[0] = (char)first;
    head[1] = (char)(0x80 | payload.len);
    memcpy(head + 2, mask, 4);
    eio_unmask(head + 6, payload.base, payload.len, mask);
    f->to_send_len += 6 + payload.len;
}

static void send_all(fixture *f)
{
    assert_non_null(f->client);
    on_client_connect(f->client, f);
}

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

static bool has_wanted(const fixture *f)
{
    return f->got_len >= f->wanted_len &&
           memmem(f->got, f->got_len, f->wanted, f->wanted_len) != NULL;
}

static bool is_closed(const fixture *f)
{
    return f->closes > 0;
}

static bool is_client_gone(const fixture *f)
{
    return f->client_gone;
}

static bool is_http_closed(const fixture *f)
{
    return f->http_closed;
}

static bool has_message(const fixture *f)
{
    return f->messages > 0;
}

static void expect(fixture *f, eio_slice bytes)
{
    f->wanted = bytes.base;
    f->wanted_len = bytes.len;
    run_until(f, has_wanted);
}

/* Connect, and send what has been put. */
static void connect_client(fixture *f)
{
    eio_connect_options options;

    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_http_server_port(f->http);
    assert_int_equal(eio_stream_connect(&f->client, &f->loop, &options, &client_handler, f),
                     EIO_OK);
}

/* An open WebSocket; what the client gets from now on are frames. */
static void open_websocket(fixture *f)
{
    put(f, EIO_STR(GOOD_HEAD));
    connect_client(f);
    expect(f, EIO_STR(HEAD_END));
    assert_int_equal(f->accept_rc, EIO_OK);
    f->got_len = 0;
}

static void assert_closed_with(fixture *f, int code, const char *reason, bool failed)
{
    run_until(f, is_closed);
    assert_int_equal(f->closes, 1);
    assert_int_equal(f->code, code);
    assert_string_equal(f->reason, reason);
    assert_int_equal(f->failed, failed);
}

static void on_http_closed(void *data)
{
    fixture *f = data;

    f->http_closed = true;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
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

static int tear_down(void **state)
{
    fixture *f = *state;

    eio_websocket_abort(f->ws);
    eio_stream_abort(f->client);
    eio_http_server_close(f->http, on_http_closed, f);
    run_until(f, is_http_closed);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

/* ---- the tests ---- */

static void accepting_answers_101_and_takes_the_first_subprotocol(void **state)
{
    fixture *f = *state;

    put(f, EIO_STR("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" KEY_LINES
                   "Sec-WebSocket-Protocol: one, two\r\n\r\n"));
    connect_client(f);
    expect(f, EIO_STR(HEAD_END));
    expect(
        f,
        EIO_STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    expect(f, EIO_STR("Sec-WebSocket-Protocol: one\r\n"));
}

static void messages_behind_the_head_are_not_lost(void **state)
{
    fixture *f = *state;

    put(f, EIO_STR(GOOD_HEAD));
    put_frame(f, 0x81, EIO_STR("early"));
    connect_client(f);
    expect(f, EIO_STR("\x81\x05"
                      "early"));
}

static void text_and_binary_come_and_go(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    put_frame(f, 0x81, EIO_STR("text"));
    put_frame(f, 0x82, EIO_STR("\xff\xfe"));
    send_all(f);
    expect(f, EIO_STR("\x81\x04"
                      "text\x82\x02\xff\xfe"));
}

static void one_buffer_is_sealed_once_for_all(void **state)
{
    fixture *f = *state;
    eio_buffer *payload = eio_buffer_copy(EIO_STR("all"));

    open_websocket(f);
    assert_int_equal(eio_websocket_send(f->ws, payload, false), EIO_OK);
    assert_int_equal(eio_websocket_send(f->ws, payload, false), EIO_OK);
    assert_int_equal(eio_websocket_send(f->ws, payload, true), EIO_E_STATE);
    eio_buffer_unref(payload);
    expect(f, EIO_STR("\x81\x03"
                      "all\x81\x03"
                      "all"));
}

static void a_wrong_handshake_gets_400_and_is_closed(void **state)
{
    fixture *f = *state;

    put(f, EIO_STR("GET /ws HTTP/1.1\r\nUpgrade: h2c\r\n" KEY_LINES "\r\n"));
    connect_client(f);
    run_until(f, is_client_gone);
    assert_int_equal(f->accept_rc, EIO_E_PROTOCOL);
    expect(f, EIO_STR("HTTP/1.1 400 Bad Request\r\n"));
    expect(f, EIO_STR("Connection: close\r\n"));
    expect(f, EIO_STR("Content-Type: text/html\r\n"));
    expect(f, EIO_STR("\r\n\r\nInvalid Upgrade header"));
}

static void a_wrong_version_is_told_which_are_right(void **state)
{
    fixture *f = *state;

    put(f, EIO_STR(
               "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n\r\n"));
    connect_client(f);
    run_until(f, is_client_gone);
    expect(f, EIO_STR("Sec-WebSocket-Version: 13, 8\r\n"));
    expect(f, EIO_STR("\r\n\r\nMissing or invalid Sec-WebSocket-Version header"));
}

static void pings_are_answered(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    put_frame(f, 0x89, EIO_STR("one"));
    put_frame(f, 0x89, EIO_STR("two"));
    put_frame(f, 0x8a, EIO_STR("unasked"));
    send_all(f);
    expect(f, EIO_STR("\x8a\x03"
                      "one\x8a\x03"
                      "two"));
    assert_int_equal(f->controls, 3);
}

static void only_the_latest_ping_is_answered_while_output_waits(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    f->reaction = REACT_QUEUE;
    put_frame(f, 0x81, EIO_STR("queue something"));
    put_frame(f, 0x89, EIO_STR("one"));
    put_frame(f, 0x89, EIO_STR("two"));
    put_frame(f, 0x89, EIO_STR("six"));
    send_all(f);
    expect(f, EIO_STR("\x8a\x03"
                      "six"));
    assert_int_equal(f->got_len, 4 + ON_MESSAGE_QUEUES + 5);
}

static void a_ping_of_our_own_is_a_frame(void **state)
{
    fixture *f = *state;
    char large[126] = { 0 };

    open_websocket(f);
    assert_int_equal(eio_websocket_ping(f->ws, (eio_slice){ large, 126 }), EIO_E_INVALID);
    assert_int_equal(eio_websocket_ping(f->ws, EIO_STR("hi")), EIO_OK);
    expect(f, EIO_STR("\x89\x02hi"));
}

static void the_peer_s_close_is_echoed_and_reported(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    f->abort_in_close = true; /* has no effect any more */
    put_frame(f, 0x88, EIO_STR("\x0b\xb8ok"));
    send_all(f);
    assert_closed_with(f, 3000, "ok", false);
    run_until(f, is_client_gone);
    expect(f, EIO_STR("\x88\x02\x0b\xb8"));
}

static void a_close_without_code_is_1005(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    put_frame(f, 0x88, EIO_STR(""));
    send_all(f);
    assert_closed_with(f, EIO_WS_NO_STATUS, "", false);
    run_until(f, is_client_gone);
    expect(f, EIO_STR("\x88\x00"));
}

static void our_close_waits_for_the_peer_s(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    f->reaction = REACT_CLOSE;
    put_frame(f, 0x81, EIO_STR("close it"));
    put_frame(f, 0x81, EIO_STR("not heard any more"));
    send_all(f);
    expect(f, EIO_STR("\x88\x08\x03\xe9"
                      "enough"));
    assert_int_equal(f->closes, 0);
    assert_int_equal(f->messages, 1);
    put_frame(f, 0x88, EIO_STR("\x03\xe9"));
    send_all(f);
    assert_closed_with(f, EIO_WS_GOING_AWAY, "", false);
    run_until(f, is_client_gone);
}

static void a_peer_that_does_not_answer_our_close_is_dropped(void **state)
{
    fixture *f = *state;

    f->options.close_timeout_ms = 20;
    open_websocket(f);
    eio_websocket_close(f->ws, EIO_WS_NO_STATUS, EIO_STR(""));
    assert_int_equal(f->closes, 0);
    assert_closed_with(f, EIO_WS_ABNORMAL, "no close frame came in time", false);
    run_until(f, is_client_gone);
}

static void a_breach_of_protocol_closes_with_its_code(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    put(f, EIO_STR("\xc1\x80"));
    send_all(f);
    assert_closed_with(f, EIO_WS_PROTOCOL_ERROR, "a reserved bit is set", true);
    run_until(f, is_client_gone);
    expect(f, EIO_STR("\x88\x17\x03\xea"));
}

static void a_message_over_the_limit_closes_with_1009(void **state)
{
    fixture *f = *state;

    f->options.max_message_bytes = 100;
    open_websocket(f);
    put(f, EIO_STR("\x82\xe5"));
    send_all(f);
    assert_closed_with(f, EIO_WS_TOO_BIG, "message too big", true);
}

static void too_many_fragments_close_with_1008(void **state)
{
    fixture *f = *state;

    f->options.max_fragments = 2;
    open_websocket(f);
    put_frame(f, 0x01, EIO_STR("a"));
    put_frame(f, 0x00, EIO_STR(""));
    put_frame(f, 0x80, EIO_STR("b"));
    send_all(f);
    assert_closed_with(f, EIO_WS_POLICY, "too many fragments", true);
}

static bool has_drained(const fixture *f)
{
    return f->drains > 0;
}

static void drain_is_told_once_all_is_out(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    f->drains = 0;
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("one")), EIO_OK);
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("two")), EIO_OK);
    assert_int_equal(f->drains, 0);
    run_until(f, has_drained);
    assert_int_equal(f->drains, 1);
}

static void text_that_is_not_utf8_closes_with_1007(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    put_frame(f, 0x81, EIO_STR("\xff"));
    send_all(f);
    assert_closed_with(f, EIO_WS_INVALID_TEXT, "a text that is not UTF-8", true);
    assert_int_equal(f->messages, 0);
}

static void a_connection_that_is_gone_is_1006(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    eio_stream_close(f->client);
    f->client = NULL;
    assert_closed_with(f, EIO_WS_ABNORMAL, "", false);
}

static void a_slow_consumer_is_closed_with_1013(void **state)
{
    fixture *f = *state;
    char large[1000] = { 0 };
    int rc = EIO_OK;

    open_websocket(f);
    eio_stream_set_limit(eio_websocket_stream(f->ws), 10000);
    for (int i = 0; i < 100 && rc == EIO_OK; i++)
        rc = eio_websocket_send_text(f->ws, (eio_slice){ large, sizeof(large) });
    assert_int_equal(rc, EIO_E_BACKLOG);
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("more")), EIO_E_CLOSED);
    assert_int_equal(f->closes, 0); /* never from within a call */
    assert_closed_with(f, EIO_WS_TRY_AGAIN_LATER, "slow consumer", true);
    expect(f, EIO_STR("\x88\x0f\x03\xf5slow consumer"));
}

static void aborting_inside_a_callback_ends_it_without_another(void **state)
{
    fixture *f = *state;

    open_websocket(f);
    f->reaction = REACT_ABORT;
    put_frame(f, 0x81, EIO_STR("first"));
    put_frame(f, 0x81, EIO_STR("second"));
    send_all(f);
    run_until(f, has_message);
    run_until(f, is_client_gone);
    assert_string_equal(f->said, "first");
    assert_int_equal(f->closes, 0);
}

static void a_silent_peer_is_pinged_and_then_dropped(void **state)
{
    fixture *f = *state;

    f->options.ping_interval_ms = 20;
    open_websocket(f);
    expect(f, EIO_STR("\x89\x00"));
    put_frame(f, 0x8a, EIO_STR(""));
    send_all(f);
    expect(f, EIO_STR("\x89\x00\x89\x00"));
    assert_closed_with(f, EIO_WS_ABNORMAL, "ping timeout", true);
}

#define websocket_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        websocket_test(accepting_answers_101_and_takes_the_first_subprotocol),
        websocket_test(messages_behind_the_head_are_not_lost),
        websocket_test(text_and_binary_come_and_go),
        websocket_test(one_buffer_is_sealed_once_for_all),
        websocket_test(a_wrong_handshake_gets_400_and_is_closed),
        websocket_test(a_wrong_version_is_told_which_are_right),
        websocket_test(pings_are_answered),
        websocket_test(only_the_latest_ping_is_answered_while_output_waits),
        websocket_test(a_ping_of_our_own_is_a_frame),
        websocket_test(the_peer_s_close_is_echoed_and_reported),
        websocket_test(a_close_without_code_is_1005),
        websocket_test(our_close_waits_for_the_peer_s),
        websocket_test(a_peer_that_does_not_answer_our_close_is_dropped),
        websocket_test(a_breach_of_protocol_closes_with_its_code),
        websocket_test(a_message_over_the_limit_closes_with_1009),
        websocket_test(too_many_fragments_close_with_1008),
        websocket_test(drain_is_told_once_all_is_out),
        websocket_test(text_that_is_not_utf8_closes_with_1007),
        websocket_test(a_connection_that_is_gone_is_1006),
        websocket_test(a_slow_consumer_is_closed_with_1013),
        websocket_test(aborting_inside_a_callback_ends_it_without_another),
        websocket_test(a_silent_peer_is_pinged_and_then_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
