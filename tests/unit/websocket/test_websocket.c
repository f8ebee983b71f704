#include "engineio/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/ws_fixture.h"

static void accepting_answers_101_and_takes_the_first_subprotocol(void **state)
{
    ws_fixture *f = *state;

    ws_put(f, EIO_STR("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" KEY_LINES
                      "Sec-WebSocket-Protocol: one, two\r\n\r\n"));
    ws_connect_client(f);
    ws_expect(f, EIO_STR(HEAD_END));
    ws_expect(
        f,
        EIO_STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    ws_expect(f, EIO_STR("Sec-WebSocket-Protocol: one\r\n"));
}

static void messages_behind_the_head_are_not_lost(void **state)
{
    ws_fixture *f = *state;

    ws_put(f, EIO_STR(GOOD_HEAD));
    ws_put_frame(f, 0x81, EIO_STR("early"));
    ws_connect_client(f);
    ws_expect(f, EIO_STR("\x81\x05"
                         "early"));
}

static void text_and_binary_come_and_go(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    ws_put_frame(f, 0x81, EIO_STR("text"));
    ws_put_frame(f, 0x82, EIO_STR("\xff\xfe"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x81\x04"
                         "text\x82\x02\xff\xfe"));
}

static void one_buffer_is_sealed_once_for_all(void **state)
{
    ws_fixture *f = *state;
    eio_buffer *payload = eio_buffer_copy(EIO_STR("all"));

    ws_open_websocket(f);
    assert_int_equal(eio_websocket_send(f->ws, payload, false), EIO_OK);
    assert_int_equal(eio_websocket_send(f->ws, payload, false), EIO_OK);
    assert_int_equal(eio_websocket_send(f->ws, payload, true), EIO_E_STATE);
    eio_buffer_unref(payload);
    ws_expect(f, EIO_STR("\x81\x03"
                         "all\x81\x03"
                         "all"));
}

static void a_wrong_handshake_gets_400_and_is_closed(void **state)
{
    ws_fixture *f = *state;

    ws_put(f, EIO_STR("GET /ws HTTP/1.1\r\nUpgrade: h2c\r\n" KEY_LINES "\r\n"));
    ws_connect_client(f);
    ws_run_until(f, ws_is_client_gone);
    assert_int_equal(f->accept_rc, EIO_E_PROTOCOL);
    ws_expect(f, EIO_STR("HTTP/1.1 400 Bad Request\r\n"));
    ws_expect(f, EIO_STR("Connection: close\r\n"));
    ws_expect(f, EIO_STR("Content-Type: text/html\r\n"));
    ws_expect(f, EIO_STR("\r\n\r\nInvalid Upgrade header"));
}

static void a_wrong_version_is_told_which_are_right(void **state)
{
    ws_fixture *f = *state;

    ws_put(f,
           EIO_STR(
               "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n\r\n"));
    ws_connect_client(f);
    ws_run_until(f, ws_is_client_gone);
    ws_expect(f, EIO_STR("Sec-WebSocket-Version: 13, 8\r\n"));
    ws_expect(f, EIO_STR("\r\n\r\nMissing or invalid Sec-WebSocket-Version header"));
}

static void pings_are_answered(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    ws_put_frame(f, 0x89, EIO_STR("one"));
    ws_put_frame(f, 0x89, EIO_STR("two"));
    ws_put_frame(f, 0x8a, EIO_STR("unasked"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x8a\x03"
                         "one\x8a\x03"
                         "two"));
    assert_int_equal(f->controls, 3);
}

static void only_the_latest_ping_is_answered_while_output_waits(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    f->reaction = REACT_QUEUE;
    ws_put_frame(f, 0x81, EIO_STR("queue something"));
    ws_put_frame(f, 0x89, EIO_STR("one"));
    ws_put_frame(f, 0x89, EIO_STR("two"));
    ws_put_frame(f, 0x89, EIO_STR("six"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x8a\x03"
                         "six"));
    assert_int_equal(f->got_len, 4 + WS_FIXTURE_QUEUES + 5);
}

static void a_ping_of_our_own_is_a_frame(void **state)
{
    ws_fixture *f = *state;
    char large[126] = { 0 };

    ws_open_websocket(f);
    assert_int_equal(eio_websocket_ping(f->ws, (eio_slice){ large, 126 }), EIO_E_INVALID);
    assert_int_equal(eio_websocket_ping(f->ws, EIO_STR("hi")), EIO_OK);
    ws_expect(f, EIO_STR("\x89\x02hi"));
}

static void the_peer_s_close_is_echoed_and_reported(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    f->abort_in_close = true; /* has no effect any more */
    ws_put_frame(f, 0x88, EIO_STR("\x0b\xb8ok"));
    ws_send_all(f);
    ws_assert_closed_with(f, 3000, "ok", false);
    ws_run_until(f, ws_is_client_gone);
    ws_expect(f, EIO_STR("\x88\x02\x0b\xb8"));
}

static void a_close_without_code_is_1005(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    ws_put_frame(f, 0x88, EIO_STR(""));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_NO_STATUS, "", false);
    ws_run_until(f, ws_is_client_gone);
    ws_expect(f, EIO_STR("\x88\x00"));
}

static void our_close_waits_for_the_peer_s(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    f->reaction = REACT_CLOSE;
    ws_put_frame(f, 0x81, EIO_STR("close it"));
    ws_put_frame(f, 0x81, EIO_STR("not heard any more"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x88\x08\x03\xe9"
                         "enough"));
    assert_int_equal(f->closes, 0);
    assert_int_equal(f->messages, 1);
    ws_put_frame(f, 0x88, EIO_STR("\x03\xe9"));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_GOING_AWAY, "", false);
    ws_run_until(f, ws_is_client_gone);
}

static void a_peer_that_does_not_answer_our_close_is_dropped(void **state)
{
    ws_fixture *f = *state;

    f->options.close_timeout_ms = 20;
    ws_open_websocket(f);
    eio_websocket_close(f->ws, EIO_WS_NO_STATUS, EIO_STR(""));
    assert_int_equal(f->closes, 0);
    ws_assert_closed_with(f, EIO_WS_ABNORMAL, "no close frame came in time", false);
    ws_run_until(f, ws_is_client_gone);
}

static void a_breach_of_protocol_closes_with_its_code(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    ws_put(f, EIO_STR("\xc1\x80"));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_PROTOCOL_ERROR, "a reserved bit is set", true);
    ws_run_until(f, ws_is_client_gone);
    ws_expect(f, EIO_STR("\x88\x02\x03\xea")); /* the client is told the code alone */
}

static void a_message_over_the_limit_closes_with_1009(void **state)
{
    ws_fixture *f = *state;

    f->options.max_message_bytes = 100;
    ws_open_websocket(f);
    ws_put(f, EIO_STR("\x82\xe5"));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_TOO_BIG, "message too big", true);
}

static void too_many_fragments_close_with_1008(void **state)
{
    ws_fixture *f = *state;

    f->options.max_fragments = 2;
    ws_open_websocket(f);
    ws_put_frame(f, 0x01, EIO_STR("a"));
    ws_put_frame(f, 0x00, EIO_STR(""));
    ws_put_frame(f, 0x80, EIO_STR("b"));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_POLICY, "too many fragments", true);
}

static bool has_drained(const ws_fixture *f)
{
    return f->drains > 0;
}

static void drain_is_told_once_all_is_out(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    f->drains = 0;
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("one")), EIO_OK);
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("two")), EIO_OK);
    assert_int_equal(f->drains, 0);
    ws_run_until(f, has_drained);
    assert_int_equal(f->drains, 1);
}

static void answer_at_length(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    char text[2000];

    (void)payload;
    (void)binary;
    (void)data;
    memset(text, 'x', sizeof(text));
    assert_int_equal(eio_websocket_send_text(ws, (eio_slice){ text, sizeof(text) }), EIO_OK);
}

static void note_end(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    ws_fixture *f = data;

    (void)ws;
    (void)code;
    (void)reason;
    (void)failed;
    f->ws = NULL;
    f->closes++;
}

static void the_latest_pong_follows_what_was_queued_before_it(void **state)
{
    /* no on_drain: nobody but the WebSocket itself wants to know that all is sent */
    static const eio_websocket_handler quiet = { .on_message = answer_at_length,
                                                 .on_close = note_end };
    ws_fixture *f = *state;

    ws_open_websocket(f);
    eio_websocket_set_handler(f->ws, &quiet, f);
    ws_put_frame(f, 0x81, EIO_STR("much"));
    ws_put_frame(f, 0x89, EIO_STR("first"));
    ws_put_frame(f, 0x89, EIO_STR("last"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("xx\x8a\x04last"));
    ws_put_frame(f, 0x89, EIO_STR("again"));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x8a\x05"
                         "again"));
}

static void text_that_is_not_utf8_closes_with_1007(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    ws_put_frame(f, 0x81, EIO_STR("\xff"));
    ws_send_all(f);
    ws_assert_closed_with(f, EIO_WS_INVALID_TEXT, "a text that is not UTF-8", true);
    assert_int_equal(f->messages, 0);
}

static void a_connection_that_is_gone_is_1006(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    eio_stream_close(f->client);
    f->client = NULL;
    ws_assert_closed_with(f, EIO_WS_ABNORMAL, "", false);
}

static void a_slow_consumer_is_closed_with_1013(void **state)
{
    ws_fixture *f = *state;
    char large[1000] = { 0 };
    int rc = EIO_OK;

    ws_open_websocket(f);
    eio_stream_set_limit(eio_websocket_stream(f->ws), 10000);
    for (int i = 0; i < 100 && rc == EIO_OK; i++)
        rc = eio_websocket_send_text(f->ws, (eio_slice){ large, sizeof(large) });
    assert_int_equal(rc, EIO_E_BACKLOG);
    assert_int_equal(eio_websocket_send_text(f->ws, EIO_STR("more")), EIO_E_CLOSED);
    assert_int_equal(f->closes, 0); /* never from within a call */
    ws_assert_closed_with(f, EIO_WS_TRY_AGAIN_LATER, "slow consumer", true);
    ws_expect(f, EIO_STR("\x88\x0f\x03\xf5slow consumer"));
}

static void aborting_inside_a_callback_ends_it_without_another(void **state)
{
    ws_fixture *f = *state;

    ws_open_websocket(f);
    f->reaction = REACT_ABORT;
    ws_put_frame(f, 0x81, EIO_STR("first"));
    ws_put_frame(f, 0x81, EIO_STR("second"));
    ws_send_all(f);
    ws_run_until(f, ws_has_message);
    ws_run_until(f, ws_is_client_gone);
    assert_string_equal(f->said, "first");
    assert_int_equal(f->closes, 0);
}

static void a_silent_peer_is_pinged_and_then_dropped(void **state)
{
    ws_fixture *f = *state;

    f->options.ping_interval_ms = 20;
    ws_open_websocket(f);
    ws_expect(f, EIO_STR("\x89\x00"));
    ws_put_frame(f, 0x8a, EIO_STR(""));
    ws_send_all(f);
    ws_expect(f, EIO_STR("\x89\x00\x89\x00"));
    ws_assert_closed_with(f, EIO_WS_ABNORMAL, "ping timeout", true);
}

#define websocket_test(function) cmocka_unit_test_setup_teardown(function, ws_set_up, ws_tear_down)

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
        websocket_test(the_latest_pong_follows_what_was_queued_before_it),
        websocket_test(text_that_is_not_utf8_closes_with_1007),
        websocket_test(a_connection_that_is_gone_is_1006),
        websocket_test(a_slow_consumer_is_closed_with_1013),
        websocket_test(aborting_inside_a_callback_ends_it_without_another),
        websocket_test(a_silent_peer_is_pinged_and_then_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
