/* Options of a server that change what its clients get, each looked at on the wire; and how it ends. */
#include "engineio/engineio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/mock_net.h"

#define GET_WITH(target, headers) "GET " target " HTTP/1.1\r\nHost: a\r\n" headers "\r\n"
#define GET(target) GET_WITH(target, "")
#define POLLING "/engine.io/?EIO=4&transport=polling"
#define UPGRADE                                                                                    \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

typedef struct scene {
    uv_loop_t loop;
    eio_http_server *http;
    eio_server *server;
    bool is_closed;
    eio_session *session; /* the latest; a reference */
    const char *next_id;  /* for the generator */
    int reason;           /* of the latest that closed; -1: none did */
    char refusal[64];
    char answer[8192];
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
    (void)detail;
    all->reason = (int)reason;
}

/* A text of 300 bytes, which a reply to a poll may compress or not. */
static void on_session(eio_server *server, eio_session *session, void *data)
{
    static const eio_session_handler handler = { .on_message = on_message, .on_close = on_close };
    scene *all = data;
    char text[300];

    (void)server;
    eio_session_unref(all->session);
    all->session = eio_session_ref(session);
    memset(text, 'x', sizeof(text));
    eio_buffer *message = eio_buffer_copy((eio_slice){ text, sizeof(text) });
    eio_session_set_handler(session, &handler, data);
    (void)eio_session_send(session, message, 0);
    eio_buffer_unref(message);
}

static void on_connection_error(eio_server *server, const eio_http_request *request,
                                eio_refusal code, const char *context, void *data)
{
    scene *all = data;

    (void)server;
    (void)request;
    assert_int_equal(code, EIO_BAD_REQUEST);
    all->refusal[0] = '\0';
    (void)strncat(all->refusal, context, sizeof(all->refusal) - 1);
}

static size_t give_id(eio_server *server, const eio_http_request *request, char out[64], void *data)
{
    const scene *all = data;
    size_t len = strlen(all->next_id);

    (void)server;
    assert_true(eio_slice_equal(eio_http_method(request), EIO_STR("GET")));
    memcpy(out, all->next_id, len < 64 ? len : 64);
    return len;
}

static scene *start(void (*adjust)(eio_options *options))
{
    scene *all = calloc(1, sizeof(*all));
    eio_listen_options where;
    eio_options options;

    assert_non_null(all);
    assert_int_equal(uv_loop_init(&all->loop), 0);
    assert_int_equal(eio_http_server_new(&all->http, &all->loop, NULL), EIO_OK);
    eio_options_init(&options);
    options.on_session = on_session;
    options.on_connection_error = on_connection_error;
    options.data = all;
    all->reason = -1;
    adjust(&options);
    assert_int_equal(eio_server_new(&all->server, all->http, &options, NULL), EIO_OK);
    eio_listen_options_init(&where);
    where.fd = mock_net_begin();
    assert_int_equal(eio_http_server_listen(all->http, &where, NULL), EIO_OK);
    return all;
}

static void end(scene *all)
{
    mock_net_end();
    eio_session_unref(all->session);
    if (!all->is_closed)
        eio_server_close(all->server, NULL, NULL);
    eio_http_server_close(all->http, NULL, NULL);
    mock_net_wait(&all->loop, 60 * 1000);
    assert_int_equal(uv_loop_close(&all->loop), 0);
    free(all);
}

static const char *ask(scene *all, const char *request)
{
    mock_net_leave(0);
    mock_net_connect(0);
    mock_net_send(0, request, strlen(request));
    mock_net_settle(&all->loop);
    (void)mock_net_take(0, all->answer, sizeof(all->answer));
    return all->answer;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s is not in %s", part, text);
}

static void greet(eio_options *options)
{
    options->initial_packet = EIO_STR("hello");
}

static void an_initial_packet_comes_with_the_handshake(void **state)
{
    scene *all = start(greet);

    (void)state;
    assert_has(ask(all, GET(POLLING)), "\"maxPayload\":1000000}\x1e"
                                       "4hello");
    assert_null(strstr(all->answer, "xxx"));
    assert_has(ask(all, GET_WITH("/engine.io/?EIO=4&transport=websocket", UPGRADE)), "\x81\x06"
                                                                                     "4hello");
    end(all);
}

static void leave_slash_out(eio_options *options)
{
    options->no_trailing_slash = true;
}

static void a_path_without_a_slash_is_a_prefix(void **state)
{
    scene *all = start(leave_slash_out);

    (void)state;
    assert_has(ask(all, GET("/engine.io?EIO=4&transport=polling")), " 200 OK");
    assert_has(ask(all, GET("/engine.ioX?EIO=4&transport=polling")), " 200 OK");
    assert_has(ask(all, GET("/engine.i?EIO=4&transport=polling")), " 404 Not Found");
    end(all);
}

static void keep_polling(eio_options *options)
{
    options->no_upgrades = true;
}

static void upgrades_are_not_offered_where_they_are_not_wanted(void **state)
{
    scene *all = start(keep_polling);

    (void)state;
    assert_has(ask(all, GET(POLLING)), "\"upgrades\":[]");
    end(all);
}

static void bring_ids(eio_options *options)
{
    options->generate_id = give_id;
}

static void an_id_is_the_applications(void **state)
{
    scene *all = start(bring_ids);

    (void)state;
    all->next_id = "my-own_1";
    assert_has(ask(all, GET(POLLING)), "{\"sid\":\"my-own_1\",");
    assert_has(ask(all, GET(POLLING "&sid=my-own_1")), "4xxx");
    end(all);
}

static void an_id_that_cannot_be_is_refused(void **state)
{
    static const char *const ids[] = {
        "",
        "a b",
        "a/b",
        "a\n",
        "0123456789012345678901234567890123456789012345678901234567890123456789",
        "taken",
    };
    scene *all = start(bring_ids);

    (void)state;
    all->next_id = "taken";
    (void)ask(all, GET(POLLING));
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        all->next_id = ids[i];
        all->refusal[0] = '\0';
        assert_has(ask(all, GET(POLLING)), "{\"code\":3,\"message\":\"Bad request\"}");
        assert_string_equal(all->refusal, "name: ID_GENERATION_ERROR");
        assert_has(ask(all, GET_WITH("/engine.io/?EIO=4&transport=websocket", UPGRADE)), " 400 ");
    }
    assert_int_equal(eio_server_clients_count(all->server), 1);
    end(all);
}

static eio_handshake *waiting;

static void wait_for_id(eio_server *server, eio_handshake *handshake, void *data)
{
    (void)server;
    (void)data;
    waiting = handshake;
}

static size_t give_noted_id(eio_server *server, const eio_http_request *request, char out[64],
                            void *data)
{
    const char *id = eio_http_get_data(request);

    (void)server;
    (void)data;
    memcpy(out, id, strlen(id));
    return strlen(id);
}

static void bring_ids_later(eio_options *options)
{
    options->on_handshake = wait_for_id;
    options->generate_id = give_noted_id;
}

static void an_id_may_take_its_time(void **state)
{
    static char id[] = "late";
    scene *all = start(bring_ids_later);

    (void)state;
    assert_string_equal(ask(all, GET(POLLING)), "");
    eio_http_set_data(eio_handshake_request(waiting), id);
    eio_handshake_allow(waiting);
    mock_net_settle(&all->loop);
    (void)mock_net_take(0, all->answer, sizeof(all->answer));
    assert_has(all->answer, "{\"sid\":\"late\",");
    end(all);
}

#define GZIP "Accept-Encoding: gzip\r\n"

/* Whether the second reply of a session, which has 301 bytes, is compressed. */
static bool is_compressed(void (*adjust)(eio_options *options))
{
    scene *all = start(adjust);

    all->next_id = "a";
    (void)ask(all, GET(POLLING));
    assert_has(ask(all, GET_WITH(POLLING "&sid=a", GZIP)), " 200 OK");
    bool compressed = strstr(all->answer, "Content-Encoding: gzip") != NULL;
    assert_int_equal(strstr(all->answer, "xxx") == NULL, compressed);
    end(all);
    return compressed;
}

static void compress_from_301(eio_options *options)
{
    options->generate_id = give_id;
    options->http_compression_threshold = 301;
}

static void compress_from_302(eio_options *options)
{
    options->generate_id = give_id;
    options->http_compression_threshold = 302;
}

static void compress_never(eio_options *options)
{
    compress_from_301(options);
    options->no_http_compression = true;
}

static void replies_are_compressed_from_the_threshold_on(void **state)
{
    (void)state;
    assert_true(is_compressed(compress_from_301));
    assert_false(is_compressed(compress_from_302));
    assert_false(is_compressed(compress_never));
}

/* ---- the end ---- */

static void ping_every_second(eio_options *options)
{
    options->ping_interval_ms = 1000;
    options->ping_timeout_ms = 1000;
}

static void a_session_that_is_closing_may_time_out(void **state)
{
    scene *all = start(ping_every_second);

    (void)state;
    (void)ask(all, GET(POLLING));
    eio_session_close(all->session, false);
    mock_net_wait(&all->loop, 1900);
    assert_int_equal(all->reason, -1);
    mock_net_wait(&all->loop, 200);
    assert_int_equal(all->reason, EIO_REASON_PING_TIMEOUT);
    end(all);
}

static void drop_queue(bool is_closing)
{
    scene *all = start(bring_ids);

    all->next_id = "a";
    (void)ask(all, GET(POLLING));
    if (is_closing)
        eio_session_close(all->session, false);
    eio_server_close(all->server, NULL, NULL);
    all->is_closed = true;
    assert_has(ask(all, GET(POLLING "&sid=a")), " 404 Not Found");
    assert_null(strstr(all->answer, "xxx"));
    assert_int_equal(all->reason, EIO_REASON_FORCED_CLOSE);
    end(all);
}

static void what_is_queued_is_dropped_with_the_server(void **state)
{
    (void)state;
    drop_queue(false);
    drop_queue(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_initial_packet_comes_with_the_handshake),
        cmocka_unit_test(a_path_without_a_slash_is_a_prefix),
        cmocka_unit_test(upgrades_are_not_offered_where_they_are_not_wanted),
        cmocka_unit_test(an_id_is_the_applications),
        cmocka_unit_test(an_id_that_cannot_be_is_refused),
        cmocka_unit_test(an_id_may_take_its_time),
        cmocka_unit_test(replies_are_compressed_from_the_threshold_on),
        cmocka_unit_test(a_session_that_is_closing_may_time_out),
        cmocka_unit_test(what_is_queued_is_dropped_with_the_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
