#include "socketio/redis.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/stream.h"
#include "tests/support/redis_server.h"

enum { PATIENCE_MS = 20000 };

/* One client under test, its server, and what was heard of it. */
typedef struct bench {
    redis_server server;
    uv_loop_t loop;
    uv_timer_t patience;
    sio_redis *redis;
    sio_redis_options options;
    char url[160];
    char log[8000];
    int connects, disconnects;
    int answers; /* callbacks so far */
    int last_status;
    int backlogs;   /* answers with EIO_E_BACKLOG */
    char last[600]; /* text of the last reply, or its integer */
    bool in_call, closed;
    eio_listener *listener; /* of a server that only pretends */
    const char *lie;        /* what that one says to whatever it reads */
} bench;

static void handle_connect(sio_redis *redis, void *data)
{
    bench *b = data;

    assert_true(sio_redis_is_connected(redis));
    b->connects++;
}

static void handle_disconnect(sio_redis *redis, const char *why, void *data)
{
    bench *b = data;

    assert_false(sio_redis_is_connected(redis));
    assert_true(strlen(why) > 0);
    b->disconnects++;
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    bench *b = data;
    size_t at = strlen(b->log);

    (void)redis;
    snprintf(b->log + at, sizeof(b->log) - at, "%c %s\n", level, line);
}

static void handle_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    bench *b = data;

    (void)redis;
    assert_false(b->in_call);
    assert_int_equal(reply != NULL, status == EIO_OK || status == EIO_E_REPLY);
    b->answers++;
    b->last_status = status;
    b->backlogs += status == EIO_E_BACKLOG;
    b->last[0] = '\0';
    if (reply != NULL && reply->type == SIO_REDIS_INTEGER)
        snprintf(b->last, sizeof(b->last), "%lld", (long long)reply->integer);
    else if (reply != NULL && reply->text.base != NULL)
        snprintf(b->last, sizeof(b->last), "%.*s", (int)reply->text.len, reply->text.base);
}

static void handle_closed(void *data)
{
    bench *b = data;

    b->closed = true;
    b->redis = NULL;
}

static void handle_impatience(uv_timer_t *timer)
{
    bench *b = timer->data;

    fprintf(stderr, "%s", b->log);
    fail_msg("nothing happened for too long");
}

static int begin(void **state)
{
    bench *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return -1;
    redis_server_init(&b->server);
    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->patience);
    b->patience.data = b;
    uv_timer_start(&b->patience, handle_impatience, PATIENCE_MS, 0);
    snprintf(b->url, sizeof(b->url), "unix://%s", b->server.socket);
    sio_redis_options_init(&b->options);
    b->options.url = b->url;
    b->options.on_connect = handle_connect;
    b->options.on_disconnect = handle_disconnect;
    b->options.on_log = handle_log;
    b->options.data = b;
    *state = b;
    return 0;
}

static int end(void **state)
{
    bench *b = *state;

    sio_redis_close(b->redis, handle_closed, b);
    while (b->redis != NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
    eio_listener_close(b->listener, NULL, NULL);
    uv_close((uv_handle_t *)&b->patience, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&b->loop);
    redis_server_fini(&b->server);
    free(b);
    return rc;
}

static void open_client(bench *b)
{
    eio_error why = { 0 };

    if (sio_redis_new(&b->redis, &b->loop, &b->options, &why) != EIO_OK)
        fail_msg("%s", why.text);
}

static void wait_for(bench *b, const int *counter, int value)
{
    while (*counter < value)
        uv_run(&b->loop, UV_RUN_ONCE);
}

static void start(bench *b)
{
    if (!redis_server_exists())
        skip();
    redis_server_start(&b->server, NULL, NULL);
    open_client(b);
    wait_for(b, &b->connects, 1);
}

#define SEND(b, ...) send_arguments(b, SIO_REDIS_ARGUMENTS(__VA_ARGS__))

static void send_arguments(bench *b, const eio_slice *arguments, size_t count)
{
    b->in_call = true;
    assert_int_equal(sio_redis_command(b->redis, arguments, count, handle_answer, b), EIO_OK);
    b->in_call = false;
}

static void commands_are_answered_in_the_order_of_the_calls(void **state)
{
    bench *b = *state;
    char expected[16];

    start(b);
    for (int i = 0; i < 1000; i++)
        SEND(b, EIO_STR("INCR"), EIO_STR("n"));
    for (int i = 1; i <= 1000; i++) {
        wait_for(b, &b->answers, i);
        if (b->answers == i) {
            snprintf(expected, sizeof(expected), "%d", i);
            assert_string_equal(b->last, expected);
        }
    }
    assert_int_equal(b->answers, 1000);
    assert_string_equal(b->last, "1000");
}

static void arguments_are_bytes_and_errors_are_values(void **state)
{
    bench *b = *state;

    start(b);
    SEND(b, EIO_STR("SET"), EIO_STR("a\0\r\n b"), EIO_STR(""));
    SEND(b, EIO_STR("STRLEN"), EIO_STR("a\0\r\n b"));
    wait_for(b, &b->answers, 2);
    assert_string_equal(b->last, "0");
    SEND(b, EIO_STR("LPUSH"), EIO_STR("a\0\r\n b"), EIO_STR("x"));
    wait_for(b, &b->answers, 3);
    assert_int_equal(b->last_status, EIO_E_REPLY);
    assert_memory_equal(b->last, "WRONGTYPE", 9);
    SEND(b, EIO_STR("GET"), EIO_STR("none"));
    wait_for(b, &b->answers, 4);
    assert_int_equal(b->last_status, EIO_OK);
    assert_int_equal(b->disconnects, 0);
}

static void a_command_without_a_link_fails_at_once_but_from_the_loop(void **state)
{
    bench *b = *state;

    open_client(b);
    SEND(b, EIO_STR("PING"));
    assert_int_equal(b->answers, 0);
    wait_for(b, &b->answers, 1);
    assert_int_equal(b->last_status, EIO_E_UNAVAILABLE);
    assert_int_equal(b->connects, 0);
    for (int i = 2; i < 100; i++) { /* from the callbacks' loop pass too */
        SEND(b, EIO_STR("PING"));
        wait_for(b, &b->answers, i);
    }
}

static void the_link_comes_back_after_the_server_was_killed(void **state)
{
    bench *b = *state;

    start(b);
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 100; i++)
            SEND(b, EIO_STR("INCR"), EIO_STR("n"));
        redis_server_signal(&b->server, SIGKILL);
        wait_for(b, &b->disconnects, round);
        wait_for(b, &b->answers, 100 * round);
        assert_int_equal(b->answers, 100 * round);
        assert_int_equal(b->last_status, EIO_E_UNAVAILABLE);
        redis_server_start(&b->server, NULL, NULL);
        wait_for(b, &b->connects, 1 + round);
    }
    SEND(b, EIO_STR("INCR"), EIO_STR("n"));
    wait_for(b, &b->answers, 301);
    assert_string_equal(b->last, "1");
}

static void a_wrong_password_is_told_without_it_and_tried_again(void **state)
{
    bench *b = *state;
    char url[160];

    if (!redis_server_exists())
        skip();
    redis_server_start(&b->server, "--requirepass", "p@q/r:s");
    snprintf(url, sizeof(url), "unix://:hunter2@%s", b->server.socket);
    b->options.url = url;
    open_client(b);
    while (strstr(b->log, "authentication refused") == NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_null(strstr(b->log, "hunter2"));
    assert_non_null(strstr(b->log, "trying again"));
    assert_int_equal(b->connects, 0);
}

static void a_missing_password_is_told(void **state)
{
    bench *b = *state;

    if (!redis_server_exists())
        skip();
    redis_server_start(&b->server, "--requirepass", "secret");
    open_client(b);
    while (strstr(b->log, "the server wants a password") == NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->connects, 0);
}

static void password_database_and_name_are_set_on_every_connection(void **state)
{
    bench *b = *state;
    char url[200];

    if (!redis_server_exists())
        skip();
    redis_server_start(&b->server, "--requirepass", "p@q/r:s");
    snprintf(url, sizeof(url), "unix://default:p%%40q%%2Fr%%3As@%s?db=3", b->server.socket);
    b->options.url = url;
    b->options.name = "tester";
    open_client(b);
    for (int round = 1; round <= 2; round++) {
        wait_for(b, &b->connects, round);
        SEND(b, EIO_STR("CLIENT"), EIO_STR("GETNAME"));
        wait_for(b, &b->answers, 2 * round - 1);
        assert_string_equal(b->last, "tester");
        SEND(b, EIO_STR("CLIENT"), EIO_STR("INFO"));
        wait_for(b, &b->answers, 2 * round);
        assert_non_null(strstr(b->last, " db=3 "));
        redis_server_signal(&b->server, SIGKILL);
        wait_for(b, &b->disconnects, round);
        redis_server_start(&b->server, "--requirepass", "p@q/r:s");
    }
}

static void a_stopped_server_is_noticed_and_left(void **state)
{
    bench *b = *state;

    b->options.command_timeout_ms = 300;
    b->options.ping_interval_ms = 200;
    start(b);
    redis_server_signal(&b->server, SIGSTOP);
    SEND(b, EIO_STR("PING"));
    wait_for(b, &b->answers, 1);
    assert_int_equal(b->last_status, EIO_E_TIMEOUT);
    wait_for(b, &b->disconnects, 1);
    assert_non_null(strstr(b->log, "silent for too long"));
    redis_server_signal(&b->server, SIGCONT);
    wait_for(b, &b->connects, 2);
}

static void an_idle_link_is_kept_by_pings(void **state)
{
    bench *b = *state;

    b->options.command_timeout_ms = 900;
    b->options.ping_interval_ms = 100;
    start(b);
    uint64_t until = uv_now(&b->loop) + 2500; /* longer than silence is borne, twice */
    while (uv_now(&b->loop) < until)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->disconnects, 0);
    assert_true(sio_redis_is_connected(b->redis));
}

static void an_answer_that_comes_too_late_is_not_taken_for_the_next_one(void **state)
{
    bench *b = *state;

    b->options.command_timeout_ms = 500;
    b->options.ping_interval_ms = 10000;
    start(b);
    redis_server_signal(&b->server, SIGSTOP);
    SEND(b, EIO_STR("ECHO"), EIO_STR("late"));
    wait_for(b, &b->answers, 1);
    assert_int_equal(b->last_status, EIO_E_TIMEOUT);
    SEND(b, EIO_STR("ECHO"), EIO_STR("next"));
    redis_server_signal(&b->server, SIGCONT);
    wait_for(b, &b->answers, 2);
    assert_int_equal(b->last_status, EIO_OK);
    assert_string_equal(b->last, "next");
}

static void more_than_the_limit_of_unanswered_bytes_is_refused(void **state)
{
    bench *b = *state;
    char big[900] = { 0 };

    b->options.max_queued_bytes = 1000;
    start(b);
    SEND(b, EIO_STR("ECHO"), (eio_slice){ big, sizeof(big) });
    SEND(b, EIO_STR("ECHO"), (eio_slice){ big, sizeof(big) });
    wait_for(b, &b->answers, 2);
    assert_int_equal(b->backlogs, 1);
    SEND(b, EIO_STR("ECHO"), (eio_slice){ big, sizeof(big) });
    wait_for(b, &b->answers, 3);
    assert_int_equal(b->backlogs, 1);
}

static void a_script_is_sent_only_where_it_is_not_known(void **state)
{
    bench *b = *state;
    sio_redis_script *script;

    start(b);
    assert_int_equal(sio_redis_script_new(&script, EIO_STR("return KEYS[1] .. ARGV[1]")), EIO_OK);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(sio_redis_script_run(b->redis, script, 1,
                                              SIO_REDIS_ARGUMENTS(EIO_STR("k"), EIO_STR("v")),
                                              handle_answer, b),
                         EIO_OK);
        wait_for(b, &b->answers, 2 * i - 1);
        assert_string_equal(b->last, "kv");
        if (i == 2)
            SEND(b, EIO_STR("SCRIPT"), EIO_STR("FLUSH"));
        else
            SEND(b, EIO_STR("PING"));
        wait_for(b, &b->answers, 2 * i);
    }
    SEND(b, EIO_STR("EVAL"),
         EIO_STR("return redis.call('INFO', 'commandstats'):match('cmdstat_evalsha:calls=3')"),
         EIO_STR("0"));
    wait_for(b, &b->answers, 7);
    assert_string_equal(b->last, "cmdstat_evalsha:calls=3");
    sio_redis_script_free(script);
}

static void close_ends_every_command_and_then_calls_back(void **state)
{
    bench *b = *state;

    start(b);
    redis_server_signal(&b->server, SIGSTOP);
    for (int i = 0; i < 10; i++)
        SEND(b, EIO_STR("PING"));
    b->in_call = true;
    sio_redis_close(b->redis, handle_closed, b);
    b->in_call = false;
    assert_int_equal(sio_redis_command(b->redis, SIO_REDIS_ARGUMENTS(EIO_STR("PING")), NULL, NULL),
                     EIO_E_CLOSED);
    while (!b->closed)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->answers, 10);
    assert_int_equal(b->last_status, EIO_E_CLOSED);
    redis_server_signal(&b->server, SIGCONT);
}

static void close_when_answered(sio_redis *redis, int status, const sio_redis_reply *reply,
                                void *data)
{
    bench *b = data;

    handle_answer(redis, status, reply, data);
    sio_redis_close(redis, handle_closed, b);
}

static void a_client_may_be_closed_in_any_callback_of_a_command(void **state)
{
    bench *b = *state;

    /* answered, with more behind it; and failing, with more behind it */
    for (int up = 1; up >= 0; up--) {
        b->closed = false;
        b->answers = b->connects = 0;
        if (up)
            start(b);
        else
            open_client(b);
        for (int i = 0; i < 3; i++)
            assert_int_equal(sio_redis_command(b->redis, SIO_REDIS_ARGUMENTS(EIO_STR("PING")),
                                               close_when_answered, b),
                             EIO_OK);
        while (!b->closed)
            uv_run(&b->loop, UV_RUN_ONCE);
        assert_int_equal(b->answers, 3);
    }
}

static void close_when_connected(sio_redis *redis, void *data)
{
    bench *b = data;

    b->connects++;
    sio_redis_close(redis, handle_closed, b);
}

static void a_client_may_be_closed_when_it_connects(void **state)
{
    bench *b = *state;

    b->options.on_connect = close_when_connected;
    start(b);
    while (!b->closed)
        uv_run(&b->loop, UV_RUN_ONCE);
}

/* ---- a server that only pretends ---- */

static void lie(eio_stream *stream, char *bytes, size_t len, void *data)
{
    bench *b = data;
    eio_buffer *buffer = eio_buffer_copy(eio_slice_of(b->lie));

    (void)bytes;
    (void)len;
    (void)eio_stream_write(stream, buffer, eio_buffer_slice(buffer));
    eio_buffer_unref(buffer);
}

static void ignore_close(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    (void)reason;
    (void)data;
}

static void accept_stream(eio_listener *listener, eio_stream *stream, void *data)
{
    static const eio_stream_handler handler = { .on_read = lie, .on_close = ignore_close };

    (void)listener;
    eio_stream_set_handler(stream, &handler, data);
}

static void expect_refusal(bench *b, const char *says, const char *line)
{
    eio_listen_options options;

    eio_listen_options_init(&options);
    options.path = b->server.socket;
    assert_int_equal(eio_listener_new(&b->listener, &b->loop, &options, accept_stream, b, NULL),
                     EIO_OK);
    b->lie = says;
    open_client(b);
    while (strstr(b->log, line) == NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
    b->lie = "+PONG\r\n"; /* it comes to its senses */
    wait_for(b, &b->connects, 1);
}

static void a_server_that_is_loading_is_waited_for(void **state)
{
    expect_refusal(*state, "-LOADING Redis is loading the dataset in memory\r\n",
                   "still loading its data");
}

static void a_server_that_became_a_replica_is_left_and_looked_for_again(void **state)
{
    bench *b = *state;

    start(b);
    SEND(b, EIO_STR("REPLICAOF"), EIO_STR("127.0.0.1"), EIO_STR("1"));
    wait_for(b, &b->answers, 1);
    SEND(b, EIO_STR("SET"), EIO_STR("a"), EIO_STR("1"));
    wait_for(b, &b->answers, 2);
    assert_int_equal(b->last_status, EIO_E_REPLY);
    assert_memory_equal(b->last, "READONLY", 8);
    wait_for(b, &b->disconnects, 1);
    wait_for(b, &b->connects, 2);
}

static void a_server_that_is_none_is_left_alone_and_tried_again(void **state)
{
    expect_refusal(*state, "HTTP/1.1 400 Bad Request\r\n\r\n", "unreadable reply");
}

static void a_reply_that_is_too_deep_drops_the_link(void **state)
{
    expect_refusal(*state, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
                   "larger than the limit");
}

static void a_missing_ca_file_is_refused_in_one_line_that_names_it(void **state)
{
    bench *b = *state;
    eio_error why = { 0 };

    b->options.url = "rediss://default:hunter2@h:6379";
    b->options.tls_ca_file = "/nowhere/ca.pem";
    assert_int_equal(sio_redis_check_url(b->options.url, &why), EIO_OK);
    assert_int_equal(sio_redis_new(&b->redis, &b->loop, &b->options, &why), UV_ENOENT);
    assert_non_null(strstr(why.text, "CA file /nowhere/ca.pem: no such file"));
    assert_null(strstr(why.text, "hunter2"));
    assert_null(b->redis);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(commands_are_answered_in_the_order_of_the_calls),
        CASE(arguments_are_bytes_and_errors_are_values),
        CASE(a_command_without_a_link_fails_at_once_but_from_the_loop),
        CASE(the_link_comes_back_after_the_server_was_killed),
        CASE(a_wrong_password_is_told_without_it_and_tried_again),
        CASE(a_missing_password_is_told),
        CASE(password_database_and_name_are_set_on_every_connection),
        CASE(a_stopped_server_is_noticed_and_left),
        CASE(an_idle_link_is_kept_by_pings),
        CASE(an_answer_that_comes_too_late_is_not_taken_for_the_next_one),
        CASE(more_than_the_limit_of_unanswered_bytes_is_refused),
        CASE(a_script_is_sent_only_where_it_is_not_known),
        CASE(close_ends_every_command_and_then_calls_back),
        CASE(a_client_may_be_closed_in_any_callback_of_a_command),
        CASE(a_client_may_be_closed_when_it_connects),
        CASE(a_server_that_is_loading_is_waited_for),
        CASE(a_server_that_became_a_replica_is_left_and_looked_for_again),
        CASE(a_server_that_is_none_is_left_alone_and_tried_again),
        CASE(a_reply_that_is_too_deep_drops_the_link),
        CASE(a_missing_ca_file_is_refused_in_one_line_that_names_it),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
