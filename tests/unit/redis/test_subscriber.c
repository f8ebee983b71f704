/* The link that listens, against a real redis-server. */
#include "socketio/redis/subscriber.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/redis_server.h"

enum { PATIENCE_MS = 20000 };

typedef struct bench {
    redis_server server;
    uv_loop_t loop;
    uv_timer_t patience;
    sio_subscriber *subscriber;
    sio_subscription *one, *pattern;
    sio_redis *commands;
    int connects, readies, downs, refusals, messages, published;
    bool closed, close_in_message;
    char heard[500];
} bench;

static void handle_ready(sio_subscriber *subscriber, void *data)
{
    bench *b = data;

    assert_true(sio_subscriber_is_ready(subscriber));
    b->readies++;
}

static void handle_down(sio_subscriber *subscriber, const char *why, void *data)
{
    bench *b = data;

    assert_false(sio_subscriber_is_ready(subscriber));
    assert_true(strlen(why) > 0);
    b->downs++;
}

static void handle_refused(sio_subscriber *subscriber, eio_slice channel, const char *why,
                           void *data)
{
    bench *b = data;

    (void)subscriber;
    assert_true(channel.len > 0 && strlen(why) > 0);
    b->refusals++;
}

static void handle_closed(void *data)
{
    ((bench *)data)->closed = true;
}

static void handle_message(eio_slice channel, eio_slice bytes, void *data)
{
    bench *b = data;
    size_t at = strlen(b->heard);

    snprintf(b->heard + at, sizeof(b->heard) - at, "%.*s=%.*s|", (int)channel.len, channel.base,
             (int)bytes.len, bytes.base);
    b->messages++;
    if (b->close_in_message) {
        sio_subscriber_close(b->subscriber, handle_closed, b);
        b->subscriber = NULL;
    }
}

static void handle_connect(sio_redis *redis, void *data)
{
    (void)redis;
    ((bench *)data)->connects++;
}

static void handle_published(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    (void)redis;
    (void)reply;
    assert_int_equal(status, EIO_OK);
    ((bench *)data)->published++;
}

static void handle_impatience(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for too long");
}

static void wait_for(bench *b, const int *counter, int value)
{
    while (*counter < value)
        uv_run(&b->loop, UV_RUN_ONCE);
}

static void open_both(bench *b)
{
    static const sio_subscriber_handler handler = {
        .on_ready = handle_ready,
        .on_down = handle_down,
        .on_refused = handle_refused,
    };
    char url[160];
    sio_redis_options options;
    eio_error why = { 0 };

    snprintf(url, sizeof(url), "unix://%s", b->server.socket);
    sio_redis_options_init(&options);
    options.url = url;
    options.on_connect = handle_connect;
    options.data = b;
    if (sio_subscriber_new(&b->subscriber, &b->loop, &options, &handler, b, &why) != EIO_OK ||
        sio_redis_new(&b->commands, &b->loop, &options, &why) != EIO_OK)
        fail_msg("%s", why.text);
}

static int begin(void **state)
{
    bench *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return -1;
    redis_server_init(&b->server);
    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->patience);
    uv_timer_start(&b->patience, handle_impatience, PATIENCE_MS, 0);
    open_both(b);
    *state = b;
    return 0;
}

static int end(void **state)
{
    bench *b = *state;

    sio_subscriber_close(b->subscriber, NULL, NULL);
    sio_redis_close(b->commands, NULL, NULL);
    uv_close((uv_handle_t *)&b->patience, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&b->loop);
    redis_server_fini(&b->server);
    free(b);
    return rc;
}

static void listen_to(bench *b, sio_subscription **out, sio_subscription_kind kind,
                      const char *name)
{
    assert_int_equal(
        sio_subscriber_add(out, b->subscriber, kind, eio_slice_of(name), handle_message, b),
        EIO_OK);
}

static void publish(bench *b, const char *command, const char *channel, const char *text)
{
    int published = b->published;

    assert_int_equal(
        sio_redis_command(
            b->commands,
            SIO_REDIS_ARGUMENTS(eio_slice_of(command), eio_slice_of(channel), eio_slice_of(text)),
            handle_published, b),
        EIO_OK);
    wait_for(b, &b->published, published + 1);
}

static void start(bench *b)
{
    redis_server_start(&b->server, NULL, NULL);
    wait_for(b, &b->connects, 1);
    wait_for(b, &b->readies, 1);
}

static void channels_patterns_and_shard_channels_reach_their_callbacks(void **state)
{
    bench *b = *state;
    sio_subscription *shard;

    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    listen_to(b, &b->pattern, SIO_PSUBSCRIBE, "p*");
    listen_to(b, &shard, SIO_SSUBSCRIBE, "one");
    start(b);
    assert_true(sio_subscription_is_confirmed(b->one));
    publish(b, "PUBLISH", "one", "1");
    publish(b, "PUBLISH", "pick", "2");
    publish(b, "SPUBLISH", "one", "3");
    publish(b, "PUBLISH", "other", "4");
    wait_for(b, &b->messages, 3);
    assert_string_equal(b->heard, "one=1|pick=2|one=3|");
}

static void a_channel_is_listened_to_once(void **state)
{
    bench *b = *state;
    sio_subscription *again;

    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    assert_int_equal(
        sio_subscriber_add(&again, b->subscriber, SIO_SUBSCRIBE, EIO_STR("one"), handle_message, b),
        EIO_E_EXISTS);
}

static void what_is_removed_and_added_again_waits_for_its_own_confirmation(void **state)
{
    bench *b = *state;

    start(b);
    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    sio_subscription_remove(b->one);
    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    assert_false(sio_subscriber_is_ready(b->subscriber));
    wait_for(b, &b->readies, 2);
    assert_true(sio_subscription_is_confirmed(b->one));
    publish(b, "PUBLISH", "one", "1");
    wait_for(b, &b->messages, 1);
    sio_subscription_remove(b->one);
    wait_for(b, &b->readies, 3);
    publish(b, "PUBLISH", "one", "2");
    assert_int_equal(b->messages, 1);
}

static void a_server_that_comes_back_is_asked_for_everything_again(void **state)
{
    bench *b = *state;

    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    listen_to(b, &b->pattern, SIO_PSUBSCRIBE, "p*");
    start(b);
    redis_server_signal(&b->server, SIGKILL);
    wait_for(b, &b->downs, 1);
    assert_false(sio_subscription_is_confirmed(b->one));
    redis_server_start(&b->server, NULL, NULL);
    wait_for(b, &b->connects, 2);
    wait_for(b, &b->readies, 2);
    publish(b, "PUBLISH", "one", "1");
    publish(b, "PUBLISH", "pick", "2");
    wait_for(b, &b->messages, 2);
    assert_string_equal(b->heard, "one=1|pick=2|");
}

static void a_channel_that_is_refused_is_told_and_the_others_are_heard(void **state)
{
    bench *b = *state;
    sio_subscription *shard;

    start(b);
    assert_int_equal(
        sio_redis_command(b->commands,
                          SIO_REDIS_ARGUMENTS(EIO_STR("ACL"), EIO_STR("SETUSER"),
                                              EIO_STR("default"), EIO_STR("-ssubscribe")),
                          handle_published, b),
        EIO_OK);
    wait_for(b, &b->published, 1);
    listen_to(b, &shard, SIO_SSUBSCRIBE, "one");
    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    wait_for(b, &b->readies, 2);
    assert_int_equal(b->refusals, 1);
    assert_false(sio_subscription_is_confirmed(shard));
    publish(b, "PUBLISH", "one", "1");
    wait_for(b, &b->messages, 1);
}

static void it_can_be_closed_in_its_own_callback(void **state)
{
    bench *b = *state;

    listen_to(b, &b->one, SIO_SUBSCRIBE, "one");
    start(b);
    b->close_in_message = true;
    publish(b, "PUBLISH", "one", "1");
    while (!b->closed)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->messages, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(channels_patterns_and_shard_channels_reach_their_callbacks,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_channel_is_listened_to_once, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_removed_and_added_again_waits_for_its_own_confirmation, begin, end),
        cmocka_unit_test_setup_teardown(a_server_that_comes_back_is_asked_for_everything_again,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_channel_that_is_refused_is_told_and_the_others_are_heard,
                                        begin, end),
        cmocka_unit_test_setup_teardown(it_can_be_closed_in_its_own_callback, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
