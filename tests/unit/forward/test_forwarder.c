/* One server that forwards, against a real redis-server; the other one is the test, which says what it likes. */
#include "socketio/forward/forwarder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/redis_server.h"

#define US EIO_STR("BBBBBBBBBBBBBBBBBBBB")
#define THIRD EIO_STR("CCCCCCCCCCCCCCCCCCCC")
#define ONE EIO_STR("xxxxxxxxxxxxxxxxxxx1")
#define TWO EIO_STR("xxxxxxxxxxxxxxxxxxx2")
#define ALL "socket.io-forward#/engine.io/#"

enum { PATIENCE_MS = 20000, MOST_TEXT = 2000 };

typedef struct scene {
    redis_server redis;
    uv_loop_t loop;
    uv_timer_t patience;
    eio_http_server *http;
    eio_server *engine;
    sio_redis_bus *bus;
    sio_forwarder *forwarder;
    sio_redis *voice;
    sio_subscriber *ears;
    sio_subscription *all, *inbox;
    eio_stream *client;
    char said[MOST_TEXT]; /* to the client */
    char sid[SIO_FORWARD_NAME_LEN];
    char name[SIO_FORWARD_NAME_LEN]; /* of the server */
    unsigned heard[SIO_FORWARD_N_KINDS];
    sio_forward_message last[SIO_FORWARD_N_KINDS];
    char texts[SIO_FORWARD_N_KINDS][MOST_TEXT]; /* that they point into */
    size_t carried;                             /* by BYTES */
    bool listens;
} scene;

/* ---- the other server ---- */

static void keep(scene *s, eio_slice bytes)
{
    sio_forward_message message;

    assert_int_equal(sio_forward_decode(&message, bytes), EIO_OK);
    if (eio_slice_equal(message.from, US) || eio_slice_equal(message.from, THIRD))
        return; /* our own question */
    s->heard[message.kind]++;
    memcpy(s->name, message.from.base, sizeof(s->name));
    if (message.kind == SIO_FORWARD_BYTES) {
        s->carried += message.bytes.len;
        return;
    }
    assert_true(bytes.len < MOST_TEXT);
    memcpy(s->texts[message.kind], bytes.base, bytes.len);
    assert_int_equal(sio_forward_decode(&s->last[message.kind],
                                        (eio_slice){ s->texts[message.kind], bytes.len }),
                     EIO_OK);
}

static void handle_message(eio_slice channel, eio_slice bytes, void *data)
{
    (void)channel;
    keep(data, bytes);
}

static void handle_ready(sio_subscriber *subscriber, void *data)
{
    (void)subscriber;
    ((scene *)data)->listens = true;
}

static void say_as(scene *s, eio_slice from, eio_slice to, sio_forward_message message)
{
    char channel[100];
    eio_buffer *bytes;
    int len = snprintf(channel, sizeof(channel), ALL "%.*s", (int)to.len, to.base);

    message.from = from;
    assert_int_equal(sio_forward_encode(&bytes, &message), EIO_OK);
    assert_int_equal(sio_redis_command(s->voice,
                                       SIO_REDIS_ARGUMENTS(EIO_STR("PUBLISH"),
                                                           ((eio_slice){ channel, (size_t)len }),
                                                           eio_buffer_slice(bytes)),
                                       NULL, NULL),
                     EIO_OK);
    eio_buffer_unref(bytes);
}

static void say(scene *s, sio_forward_message message)
{
    say_as(s, US, (eio_slice){ s->name, sizeof(s->name) }, message);
}

static void await(scene *s, sio_forward_kind kind)
{
    while (s->heard[kind] == 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    s->heard[kind] = 0;
}

static eio_slice sid_of(const scene *s)
{
    return (eio_slice){ s->sid, sizeof(s->sid) };
}

static void ask_for(scene *s, eio_slice sid)
{
    say_as(s, US, EIO_STR(""), (sio_forward_message){ .kind = SIO_FORWARD_FIND, .bytes = sid });
}

/* Everything that was said before has been heard when this returns. */
static void barrier(scene *s)
{
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_OPEN,
                                  .exchange = EIO_STR("barrier-------------"),
                                  .texts = { EIO_STR("GET"), EIO_STR("/engine.io/?EIO=4") } });
    await(s, SIO_FORWARD_ANSWER);
}

/* ---- a client of the server ---- */

static void handle_client_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    scene *s = data;
    size_t at = strlen(s->said);

    (void)stream;
    assert_true(at + len < sizeof(s->said));
    memcpy(s->said + at, bytes, len);
    s->said[at + len] = '\0';
}

static void handle_client_close(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    (void)reason;
    ((scene *)data)->client = NULL;
}

static void handle_client_connect(eio_stream *stream, void *data)
{
    (void)stream;
    (void)data;
}

static void send_request(scene *s, const char *method, const char *query)
{
    static const eio_stream_handler handler = { .on_read = handle_client_read,
                                                .on_close = handle_client_close,
                                                .on_connect = handle_client_connect };
    char text[300];
    eio_connect_options options;
    eio_buffer *bytes;

    if (s->client == NULL) {
        eio_connect_options_init(&options);
        options.host = "127.0.0.1";
        options.port = eio_http_server_port(s->http);
        assert_int_equal(eio_stream_connect(&s->client, &s->loop, &options, &handler, s), EIO_OK);
    }
    s->said[0] = '\0';
    int len = snprintf(text, sizeof(text),
                       "%s /engine.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: a\r\n\r\n",
                       method, query);
    bytes = eio_buffer_copy((eio_slice){ text, (size_t)len });
    assert_non_null(bytes);
    assert_int_equal(eio_stream_write(s->client, bytes, eio_buffer_slice(bytes)), EIO_OK);
    eio_buffer_unref(bytes);
}

static void await_said(scene *s, const char *text)
{
    while (strstr(s->said, text) == NULL)
        uv_run(&s->loop, UV_RUN_ONCE);
}

/* ---- the scene ---- */

static void handle_impatience(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for too long");
}

static void open_server(scene *s, const sio_redis_options *redis, uint64_t silence_ms)
{
    eio_listen_options where;
    eio_options options;
    sio_redis_bus_options bus;
    sio_forwarder_options forward;

    assert_int_equal(eio_http_server_new(&s->http, &s->loop, NULL), EIO_OK);
    eio_listen_options_init(&where);
    where.host = "127.0.0.1";
    where.port = 0;
    assert_int_equal(eio_http_server_listen(s->http, &where, NULL), EIO_OK);
    eio_options_init(&options);
    assert_int_equal(eio_server_new(&s->engine, s->http, &options, NULL), EIO_OK);
    sio_redis_bus_options_init(&bus);
    bus.redis = *redis;
    assert_int_equal(sio_redis_bus_new(&s->bus, &s->loop, &bus, NULL), EIO_OK);
    sio_forwarder_options_init(&forward);
    forward.silence_ms = silence_ms;
    forward.find_timeout_ms = 200;
    assert_int_equal(sio_forwarder_new(&s->forwarder, s->engine, s->bus, &forward), EIO_OK);
    assert_int_equal(sio_forwarder_new(&s->forwarder, s->engine, s->bus, &forward), EIO_E_EXISTS);
}

static void open_other(scene *s, const sio_redis_options *redis)
{
    static const sio_subscriber_handler handler = { .on_ready = handle_ready };

    assert_int_equal(sio_redis_new(&s->voice, &s->loop, redis, NULL), EIO_OK);
    assert_int_equal(sio_subscriber_new(&s->ears, &s->loop, redis, &handler, s, NULL), EIO_OK);
    assert_int_equal(
        sio_subscriber_add(&s->all, s->ears, SIO_SUBSCRIBE, EIO_STR(ALL), handle_message, s),
        EIO_OK);
    assert_int_equal(sio_subscriber_add(&s->inbox, s->ears, SIO_SUBSCRIBE,
                                        EIO_STR(ALL "BBBBBBBBBBBBBBBBBBBB"), handle_message, s),
                     EIO_OK);
}

static scene *open_scene(uint64_t silence_ms)
{
    scene *s = calloc(1, sizeof(*s));
    char url[160];
    sio_redis_options redis;

    assert_non_null(s);
    redis_server_init(&s->redis);
    redis_server_start(&s->redis, NULL, NULL);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    uv_timer_init(&s->loop, &s->patience);
    uv_timer_start(&s->patience, handle_impatience, PATIENCE_MS, 0);
    (void)snprintf(url, sizeof(url), "unix://%s", s->redis.socket);
    sio_redis_options_init(&redis);
    redis.url = url;
    open_server(s, &redis, silence_ms);
    open_other(s, &redis);
    while (!s->listens || sio_redis_bus_trouble(s->bus) != NULL ||
           !sio_redis_is_connected(s->voice) || !sio_forwarder_is_ready(s->forwarder))
        uv_run(&s->loop, UV_RUN_ONCE);
    send_request(s, "GET", "");
    await_said(s, "\"sid\":\"");
    memcpy(s->sid, strstr(s->said, "\"sid\":\"") + 7, sizeof(s->sid));
    ask_for(s, sid_of(s));
    await(s, SIO_FORWARD_HERE);
    return s;
}

static void handle_engine_closed(void *data)
{
    scene *s = data;

    eio_http_server_close(s->http, NULL, NULL);
    sio_redis_bus_close(s->bus, NULL, NULL);
    sio_redis_close(s->voice, NULL, NULL);
    sio_subscriber_close(s->ears, NULL, NULL);
    uv_close((uv_handle_t *)&s->patience, NULL);
}

static void close_scene(scene *s)
{
    eio_stream_abort(s->client);
    eio_server_close(s->engine, handle_engine_closed, s);
    assert_int_equal(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    redis_server_fini(&s->redis);
    free(s);
}

/* ---- where the session is ---- */

static void open_as(scene *s, eio_slice from, eio_slice exchange, eio_slice method, unsigned flags,
                    eio_slice body)
{
    char target[200];
    int len = snprintf(target, sizeof(target), "/engine.io/?EIO=4&transport=polling&sid=%.*s",
                       (int)sizeof(s->sid), s->sid);

    say_as(s, from, (eio_slice){ s->name, sizeof(s->name) },
           (sio_forward_message){ .kind = SIO_FORWARD_OPEN,
                                  .exchange = exchange,
                                  .flags = flags,
                                  .texts = { method, { target, (size_t)len } },
                                  .bytes = body });
}

static void a_question_is_answered_by_who_has_the_session_alone(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    assert_true(eio_slice_equal(s->last[SIO_FORWARD_HERE].bytes, sid_of(s)));
    ask_for(s, EIO_STR("AAAAAAAAAAAAAAAAAAAA"));
    barrier(s);
    assert_int_equal(s->heard[SIO_FORWARD_HERE], 0);
    close_scene(s);
}

static void a_request_is_answered_to_who_sent_it(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    open_as(s, US, ONE, EIO_STR("POST"), SIO_FORWARD_HAS_BODY, EIO_STR("3"));
    await(s, SIO_FORWARD_ANSWER);
    const sio_forward_message *answer = &s->last[SIO_FORWARD_ANSWER];
    assert_true(eio_slice_equal(answer->exchange, ONE));
    assert_int_equal(answer->number, 200);
    assert_true(eio_slice_equal(answer->bytes, EIO_STR("ok")));
    open_as(s, US, ONE, EIO_STR("POST"), SIO_FORWARD_TOO_BIG, EIO_STR(""));
    await(s, SIO_FORWARD_ANSWER);
    assert_int_equal(s->last[SIO_FORWARD_ANSWER].number, 413);
    open_as(s, US, ONE, EIO_STR("POST"), 0, EIO_STR(""));
    say(s,
        (sio_forward_message){ .kind = SIO_FORWARD_BODY, .exchange = ONE, .bytes = EIO_STR("3") });
    await(s, SIO_FORWARD_ANSWER);
    assert_int_equal(s->last[SIO_FORWARD_ANSWER].number, 200);
    assert_int_equal(sio_forwarder_count(s->forwarder).bad, 0);
    close_scene(s);
}

static void a_client_that_is_gone_ends_its_session(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    open_as(s, US, ONE, EIO_STR("GET"), 0, EIO_STR(""));
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_END, .exchange = ONE });
    barrier(s);
    assert_false(eio_server_knows(s->engine, sid_of(s)));
    close_scene(s);
}

static void what_opens_a_session_is_refused(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    barrier(s);
    assert_int_equal(s->last[SIO_FORWARD_ANSWER].number, 400);
    assert_int_equal(eio_server_clients_count(s->engine), 1);
    close_scene(s);
}

static void what_does_not_fit_is_passed_over_and_counted(void **state)
{
    static const sio_forward_kind wrong[] = { SIO_FORWARD_ANSWER, SIO_FORWARD_UPGRADE,
                                              SIO_FORWARD_BYTES, SIO_FORWARD_TAKEN };
    scene *s = open_scene(4000);
    uint64_t bad = 0;

    (void)state;
    open_as(s, US, ONE, EIO_STR("GET"), 0, EIO_STR(""));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++, bad++)
        say(s, (sio_forward_message){
                   .kind = wrong[i], .exchange = ONE, .number = 200, .bytes = EIO_STR("x") });
    open_as(s, US, ONE, EIO_STR("GET"), 0, EIO_STR("")); /* the same once more */
    say_as(s, THIRD, (eio_slice){ s->name, sizeof(s->name) },
           (sio_forward_message){ .kind = SIO_FORWARD_END, .exchange = ONE });
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_END, .exchange = TWO }); /* over already */
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_OPEN,
                                  .exchange = TWO,
                                  .texts = { EIO_STR("GET"), EIO_STR("/a b") } });
    await(s, SIO_FORWARD_END); /* of the last */
    barrier(s);
    assert_int_equal(sio_forwarder_count(s->forwarder).bad, bad + 3);
    assert_true(eio_server_knows(s->engine, sid_of(s)));
    close_scene(s);
}

static void a_server_that_is_silent_is_gone_with_its_clients(void **state)
{
    scene *s = open_scene(500);

    (void)state;
    open_as(s, US, ONE, EIO_STR("GET"), 0, EIO_STR(""));
    while (eio_server_knows(s->engine, sid_of(s)))
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_int_equal(sio_forwarder_count(s->forwarder).lost, 1);
    close_scene(s);
}

/* The session goes over to an upgraded connection, of ONE. */
static void upgrade(scene *s)
{
    char target[200];
    int len = snprintf(target, sizeof(target), "/engine.io/?EIO=4&transport=websocket&sid=%.*s",
                       (int)sizeof(s->sid), s->sid);
    const eio_slice headers = EIO_STR("Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                      "Sec-WebSocket-Version: 13\r\n"
                                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");

    say(s, (sio_forward_message){ .kind = SIO_FORWARD_OPEN,
                                  .exchange = ONE,
                                  .flags = SIO_FORWARD_IS_UPGRADE,
                                  .texts = { [SIO_FORWARD_METHOD] = EIO_STR("GET"),
                                             [SIO_FORWARD_TARGET] = { target, (size_t)len },
                                             [SIO_FORWARD_HEADERS] = headers } });
    await(s, SIO_FORWARD_UPGRADE);
    await(s, SIO_FORWARD_BYTES); /* the 101 */
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_BYTES,
                                  .exchange = ONE,
                                  .bytes = EIO_STR("\x81\x81\0\0\0\0005") });
    while (eio_session_transport(eio_server_find(s->engine, sid_of(s))) != EIO_TRANSPORT_WEBSOCKET)
        uv_run(&s->loop, UV_RUN_ONCE);
}

static void no_more_than_a_window_is_under_way_to_an_upgraded_connection(void **state)
{
    enum { COUNT = 20, BYTES = 100 * 1000, MOST_READ = 256 * 1024 };
    scene *s = open_scene(20000);
    eio_buffer *large = eio_buffer_new(BYTES);
    size_t told = 0;

    (void)state;
    assert_non_null(large);
    memset(eio_buffer_reserve(&large, BYTES), 'x', BYTES);
    eio_buffer_commit(large, BYTES);
    upgrade(s);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            eio_session_send(eio_server_find(s->engine, sid_of(s)), large, EIO_SEND_BINARY),
            EIO_OK);
    eio_buffer_unref(large);
    for (int i = 0; i < 20; i++)
        barrier(s);
    assert_in_range(s->carried, SIO_FORWARD_WINDOW, SIO_FORWARD_WINDOW + MOST_READ);
    while (s->carried < COUNT * BYTES) {
        const size_t more = s->carried - told;
        if (more > 0)
            say(s, (sio_forward_message){
                       .kind = SIO_FORWARD_TAKEN, .exchange = ONE, .number = (uint32_t)more });
        told += more;
        await(s, SIO_FORWARD_BYTES);
    }
    close_scene(s);
}

/* ---- where the client is ---- */

static void open_stray(scene *s)
{
    send_request(s, "GET", "&sid=AAAAAAAAAAAAAAAAAAAA");
    await(s, SIO_FORWARD_FIND);
    assert_true(eio_slice_equal(s->last[SIO_FORWARD_FIND].bytes, EIO_STR("AAAAAAAAAAAAAAAAAAAA")));
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_HERE,
                                  .bytes = EIO_STR("AAAAAAAAAAAAAAAAAAAA") });
    await(s, SIO_FORWARD_OPEN);
}

static void an_answer_is_what_the_client_gets_if_the_owner_gives_it(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    open_stray(s);
    sio_forward_message answer = { .kind = SIO_FORWARD_ANSWER,
                                   .exchange = s->last[SIO_FORWARD_OPEN].exchange,
                                   .number = 418,
                                   .texts = { [SIO_FORWARD_LINES] = EIO_STR("X-Mine: 1\r\n") },
                                   .bytes = EIO_STR("tea") };
    say_as(s, THIRD, (eio_slice){ s->name, sizeof(s->name) }, answer);
    barrier(s);
    assert_string_equal(s->said, "");
    assert_int_equal(sio_forwarder_count(s->forwarder).bad, 1);
    say(s, answer);
    await_said(s, "tea");
    assert_non_null(strstr(s->said, "HTTP/1.1 418 "));
    assert_non_null(strstr(s->said, "X-Mine: 1\r\n"));
    close_scene(s);
}

static void an_answer_that_splits_the_response_closes_the_connection(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    open_stray(s);
    say(s, (sio_forward_message){ .kind = SIO_FORWARD_ANSWER,
                                  .exchange = s->last[SIO_FORWARD_OPEN].exchange,
                                  .number = 200,
                                  .texts = { [SIO_FORWARD_LINES] = EIO_STR("X: 1\n\nHTTP") } });
    while (s->client != NULL)
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_string_equal(s->said, "");
    close_scene(s);
}

static void an_owner_that_is_silent_or_unknown_is_code_1(void **state)
{
    scene *s = open_scene(500);

    (void)state;
    open_stray(s);
    await_said(s, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_int_equal(sio_forwarder_count(s->forwarder).lost, 1);
    send_request(s, "GET", "&sid=DDDDDDDDDDDDDDDDDDDD");
    await_said(s, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_int_equal(sio_forwarder_count(s->forwarder).unknown, 1);
    close_scene(s);
}

static void a_client_that_leaves_is_told_to_the_owner(void **state)
{
    scene *s = open_scene(4000);

    (void)state;
    open_stray(s);
    eio_stream_abort(s->client);
    s->client = NULL;
    await(s, SIO_FORWARD_END);
    close_scene(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_by_who_has_the_session_alone),
        cmocka_unit_test(a_request_is_answered_to_who_sent_it),
        cmocka_unit_test(a_client_that_is_gone_ends_its_session),
        cmocka_unit_test(what_opens_a_session_is_refused),
        cmocka_unit_test(what_does_not_fit_is_passed_over_and_counted),
        cmocka_unit_test(a_server_that_is_silent_is_gone_with_its_clients),
        cmocka_unit_test(no_more_than_a_window_is_under_way_to_an_upgraded_connection),
        cmocka_unit_test(an_answer_is_what_the_client_gets_if_the_owner_gives_it),
        cmocka_unit_test(an_answer_that_splits_the_response_closes_the_connection),
        cmocka_unit_test(an_owner_that_is_silent_or_unknown_is_code_1),
        cmocka_unit_test(a_client_that_leaves_is_told_to_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
