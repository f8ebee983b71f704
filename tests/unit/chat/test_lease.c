#include "chat/store/lease.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/redis_server.h"

enum { LIFE_MS = 60000 }; /* nothing here waits for it */

typedef struct bench {
    uv_loop_t loop;
    redis_server server;
    char url[128];
    sio_redis *redis;
    bool up, answered;
    char text[200];    /* of the last answer */
    char adopted[400]; /* "item item " of all servers, in the order of their letters */
    char from[200];
    int lost, clashes, open;
    char clash[40];
} bench;

static void handle_up(sio_redis *redis, void *data)
{
    (void)redis;
    ((bench *)data)->up = true;
}

static bench *begin(void)
{
    bench *b = calloc(1, sizeof(*b));
    sio_redis_options options;

    assert_non_null(b);
    uv_loop_init(&b->loop);
    redis_server_init(&b->server);
    redis_server_start(&b->server, NULL, NULL);
    snprintf(b->url, sizeof(b->url), "unix://%s", b->server.socket);
    sio_redis_options_init(&options);
    options.url = b->url;
    options.on_connect = handle_up;
    options.data = b;
    assert_int_equal(sio_redis_new(&b->redis, &b->loop, &options, NULL), EIO_OK);
    while (!b->up)
        uv_run(&b->loop, UV_RUN_ONCE);
    return b;
}

static void end(bench *b)
{
    sio_redis_close(b->redis, NULL, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    redis_server_fini(&b->server);
    free(b);
}

static void handle_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    bench *b = data;

    (void)redis;
    assert_int_equal(status, EIO_OK);
    b->answered = true;
    if (reply->type == SIO_REDIS_INTEGER)
        snprintf(b->text, sizeof(b->text), "%d", (int)reply->integer);
    else
        snprintf(b->text, sizeof(b->text), "%.*s", (int)reply->text.len, reply->text.base);
}

static const char *run(bench *b, const char *command, const char *key, const char *value)
{
    b->answered = false;
    assert_int_equal(
        sio_redis_command(
            b->redis,
            (const eio_slice[]){ eio_slice_of(command), eio_slice_of(key), eio_slice_of(value) },
            value == NULL ? 2 : 3, handle_answer, b),
        EIO_OK);
    while (!b->answered)
        uv_run(&b->loop, UV_RUN_ONCE);
    return b->text;
}

/* All that was asked before has been answered, and so has what followed from it. */
static void settle(bench *b)
{
    for (int i = 0; i < 4; i++)
        (void)run(b, "EXISTS", "x", NULL);
}

static void handle_adopted(chat_lease *lease, const char *from_held, const eio_slice *items,
                           size_t count, void *data)
{
    bench *b = data;

    (void)lease;
    snprintf(b->from, sizeof(b->from), "%s", from_held);
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(b->adopted);
        snprintf(b->adopted + at, sizeof(b->adopted) - at, "%.*s ", (int)items[i].len,
                 items[i].base);
    }
}

static void handle_lost(chat_lease *lease, void *data)
{
    (void)lease;
    ((bench *)data)->lost++;
}

static void handle_clash(chat_lease *lease, const char *other, void *data)
{
    bench *b = data;

    (void)lease;
    b->clashes++;
    snprintf(b->clash, sizeof(b->clash), "%s", other);
}

static chat_lease *lease_of(bench *b, const char *profile, const char *prefix)
{
    const chat_lease_options options = { profile,     prefix,       LIFE_MS, handle_adopted,
                                         handle_lost, handle_clash, b };
    chat_lease *lease;

    assert_int_equal(chat_lease_new(&lease, &b->loop, b->redis, &options), EIO_OK);
    b->open++;
    uv_run(&b->loop, UV_RUN_NOWAIT);
    settle(b);
    return lease;
}

static void handle_closed(void *data)
{
    ((bench *)data)->open--;
}

static void close_all(bench *b, chat_lease *one, chat_lease *other)
{
    chat_lease_close(one, handle_closed, b);
    if (other != NULL)
        chat_lease_close(other, handle_closed, b);
    while (b->open > 0)
        uv_run(&b->loop, UV_RUN_ONCE);
}

/* As if its server had died long ago. */
static void forget_lease(bench *b, chat_lease *lease)
{
    char key[200];

    snprintf(key, sizeof(key), "%s", chat_lease_held(lease));
    *strstr(key, ":held") = '\0';
    (void)run(b, "DEL", key, NULL);
}

static void renew(bench *b, chat_lease *lease)
{
    chat_lease_renew(lease);
    settle(b);
}

static void what_a_dead_server_held_is_moved_to_one_that_lives_once(void **state)
{
    bench *b = begin();
    chat_lease *one = lease_of(b, "rooms", ""), *two = lease_of(b, "rooms", "");

    (void)state;
    assert_true(chat_lease_is_held(one));
    assert_string_not_equal(chat_lease_id(one), chat_lease_id(two));
    assert_int_equal(strlen(chat_lease_id(one)), 16);
    (void)run(b, "SADD", chat_lease_held(one), "ada");
    (void)run(b, "SADD", chat_lease_held(two), "bob");
    renew(b, two);
    assert_string_equal(b->adopted, "");
    forget_lease(b, one);
    renew(b, two);
    assert_string_equal(b->adopted, "ada ");
    assert_string_equal(b->from, chat_lease_held(one));
    assert_string_equal(run(b, "SCARD", chat_lease_held(two), NULL), "2");
    assert_string_equal(run(b, "EXISTS", chat_lease_held(one), NULL), "0");
    assert_string_equal(run(b, "SCARD", "chat:rooms:servers", NULL), "1");
    renew(b, two);
    assert_string_equal(b->adopted, "ada ");
    close_all(b, one, two);
    end(b);
}

static void a_server_whose_lease_was_gone_is_told_and_listed_again(void **state)
{
    bench *b = begin();
    chat_lease *one = lease_of(b, "rooms", ""), *two = lease_of(b, "rooms", "");

    (void)state;
    renew(b, one);
    assert_int_equal(b->lost, 0);
    forget_lease(b, one);
    renew(b, two); /* it is off the list */
    assert_string_equal(run(b, "SCARD", "chat:rooms:servers", NULL), "1");
    renew(b, one);
    assert_int_equal(b->lost, 1);
    assert_string_equal(run(b, "SCARD", "chat:rooms:servers", NULL), "2");
    close_all(b, one, two);
    end(b);
}

static void who_leaves_with_nothing_leaves_nothing(void **state)
{
    bench *b = begin();
    chat_lease *one = lease_of(b, "rooms", "mine:");

    (void)state;
    assert_string_equal(run(b, "SCARD", "mine:chat:rooms:servers", NULL), "1");
    close_all(b, one, NULL);
    assert_string_equal(run(b, "EXISTS", "mine:chat:rooms:servers", NULL), "0");
    end(b);
}

static void who_leaves_and_holds_something_still_is_found_by_the_others(void **state)
{
    bench *b = begin();
    chat_lease *one = lease_of(b, "rooms", "");

    (void)state;
    (void)run(b, "SADD", chat_lease_held(one), "ada");
    close_all(b, one, NULL);
    chat_lease *two = lease_of(b, "rooms", "");
    assert_string_equal(b->adopted, "ada ");
    close_all(b, two, NULL);
    end(b);
}

static void another_profile_on_the_database_is_a_clash_unless_its_keys_differ(void **state)
{
    bench *b = begin();

    (void)state;
    (void)run(b, "SADD", "chat:rooms:servers", "abc");
    (void)run(b, "SET", "chat:rooms:server:abc", "someone");
    chat_lease *other = lease_of(b, "pubsub", "");
    assert_int_equal(b->clashes, 1);
    assert_string_equal(b->clash, "rooms");
    assert_false(chat_lease_is_held(other));
    assert_string_equal(run(b, "EXISTS", "chat:pubsub:servers", NULL), "0");
    chat_lease *apart = lease_of(b, "pubsub", "apart:");
    assert_int_equal(b->clashes, 1);
    assert_true(chat_lease_is_held(apart));
    close_all(b, other, apart);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_dead_server_held_is_moved_to_one_that_lives_once),
        cmocka_unit_test(a_server_whose_lease_was_gone_is_told_and_listed_again),
        cmocka_unit_test(who_leaves_with_nothing_leaves_nothing),
        cmocka_unit_test(who_leaves_and_holds_something_still_is_found_by_the_others),
        cmocka_unit_test(another_profile_on_the_database_is_a_clash_unless_its_keys_differ),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
