/* How long the server waits when no option says otherwise: on a clock that the test moves. */
#include "engineio/engineio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/mock_net.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

typedef struct scene {
    uv_loop_t loop;
    eio_http_server *http;
    eio_server *server;
    eio_session *session; /* the latest; a reference */
    unsigned closes;
    eio_reason reason;
    char detail[64];
} scene;

static void on_message(eio_session *session, eio_slice payload, bool binary, void *data)
{
    (void)session;
    (void)payload;
    (void)binary;
    (void)data;
}

static void on_close(eio_session *session, eio_reason reason, const char *detail, void *data)
{
    scene *all = data;

    (void)session;
    all->closes++;
    all->reason = reason;
    (void)strncat(all->detail, detail, sizeof(all->detail) - 1);
}

static void on_session(eio_server *server, eio_session *session, void *data)
{
    static const eio_session_handler handler = { .on_message = on_message, .on_close = on_close };
    scene *all = data;

    (void)server;
    all->session = eio_session_ref(session);
    eio_session_set_handler(session, &handler, all);
}

static int set_up(void **state)
{
    scene *all = calloc(1, sizeof(*all));
    eio_listen_options where;
    eio_options options;

    assert_non_null(all);
    assert_int_equal(uv_loop_init(&all->loop), 0);
    assert_int_equal(eio_http_server_new(&all->http, &all->loop, NULL), EIO_OK);
    eio_options_init(&options);
    options.on_session = on_session;
    options.ping_interval_ms = 1000 * 1000; /* only what is looked at here ends a session */
    options.data = all;
    assert_int_equal(eio_server_new(&all->server, all->http, &options, NULL), EIO_OK);
    eio_listen_options_init(&where);
    where.fd = mock_net_begin();
    assert_int_equal(eio_http_server_listen(all->http, &where, NULL), EIO_OK);
    *state = all;
    return 0;
}

static int tear_down(void **state)
{
    scene *all = *state;

    eio_session_unref(all->session);
    mock_net_end();
    eio_server_close(all->server, NULL, NULL);
    eio_http_server_close(all->http, NULL, NULL);
    mock_net_wait(&all->loop, 60 * 1000);
    assert_int_equal(uv_loop_close(&all->loop), 0);
    free(all);
    return 0;
}

static void say(scene *all, const char *text)
{
    mock_net_connect(0);
    mock_net_send(0, text, strlen(text));
    mock_net_settle(&all->loop);
}

/* Just before a time has passed nothing happens; just after it the connection has ended. */
static void assert_ends_after(scene *all, uint64_t ms)
{
    (void)mock_net_receive(0);
    mock_net_wait(&all->loop, ms - ms / 20);
    assert_false(mock_net_receive(0));
    mock_net_wait(&all->loop, ms / 10);
    assert_true(mock_net_receive(0));
}

static void a_connection_has_10_s_for_its_first_head(void **state)
{
    say(*state, "");
    assert_ends_after(*state, 10 * 1000);
}

static void half_a_head_has_10_s(void **state)
{
    say(*state, "GET / HTTP/1.1\r\nHost");
    assert_ends_after(*state, 10 * 1000);
}

static void a_body_has_60_s(void **state)
{
    say(*state, GET("/engine.io/?EIO=4&transport=polling"));
    scene *all = *state;
    eio_slice sid = eio_session_id(all->session);
    char text[200];

    (void)snprintf(text, sizeof(text),
                   "POST /engine.io/?EIO=4&transport=polling&sid=%.*s HTTP/1.1\r\nHost: a\r\n"
                   "Content-Length: 10\r\n\r\n4x",
                   (int)sid.len, sid.base);
    say(all, text);
    assert_ends_after(all, 60 * 1000);
    assert_int_equal(all->closes, 1);
}

static void a_connection_is_kept_for_5_s(void **state)
{
    say(*state, GET("/engine.io/?EIO=4&transport=polling"));
    assert_ends_after(*state, 5 * 1000);
}

static void a_session_that_closes_waits_30_s_for_its_last_poll(void **state)
{
    scene *all = *state;

    say(all, GET("/engine.io/?EIO=4&transport=polling"));
    eio_session_close(all->session, false);
    mock_net_wait(&all->loop, 29 * 1000);
    assert_int_equal(all->closes, 0);
    assert_int_equal(eio_server_clients_count(all->server), 1);
    mock_net_wait(&all->loop, 2 * 1000);
    assert_int_equal(all->closes, 1);
    assert_int_equal(all->reason, EIO_REASON_FORCED_CLOSE);
}

static void open_websocket(scene *all)
{
    say(all, "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n"
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    assert_non_null(all->session);
}

static void a_client_that_takes_no_byte_for_30_s_is_closed(void **state)
{
    scene *all = *state;
    eio_buffer *message = eio_buffer_new(4 * 1024 * 1024);

    open_websocket(all);
    for (int i = 0; i < 4 * 1024; i++)
        assert_int_equal(eio_buffer_append(&message, (eio_slice){ (char[1024]){ 0 }, 1024 }), 0);
    assert_int_equal(eio_session_send(all->session, message, EIO_SEND_BINARY), EIO_OK);
    eio_buffer_unref(message);
    mock_net_wait(&all->loop, 29 * 1000);
    assert_int_equal(all->closes, 0);
    mock_net_wait(&all->loop, 2 * 1000);
    assert_int_equal(all->closes, 1);
    assert_int_equal(all->reason, EIO_REASON_TRANSPORT_ERROR);
    assert_string_equal(all->detail, "slow consumer");
}

static void a_websocket_that_does_not_answer_the_close_is_dropped_after_5_s(void **state)
{
    scene *all = *state;

    open_websocket(all);
    eio_session_close(all->session, false);
    mock_net_settle(&all->loop);
    assert_int_equal(all->closes, 1);
    assert_ends_after(all, 5 * 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_connection_has_10_s_for_its_first_head),
        TEST(half_a_head_has_10_s),
        TEST(a_body_has_60_s),
        TEST(a_connection_is_kept_for_5_s),
        TEST(a_session_that_closes_waits_30_s_for_its_last_poll),
        TEST(a_client_that_takes_no_byte_for_30_s_is_closed),
        TEST(a_websocket_that_does_not_answer_the_close_is_dropped_after_5_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
