/* Acknowledgements that the server waits for (protocol.md D.6, design.md Settled 8). */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

static sio_server *io;
static sio_namespace *root;
static sio_socket *last;

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    last = socket;
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    (void)socket;
    (void)details;
    (void)data;
    note("disconnect %s", reason);
}

static void on_answer(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)socket;
    note("%s %d %zu", (const char *)data, status, args.count);
}

static void limit_acks(sio_options *options)
{
    options->max_pending_acks = 3;
}

static int set_up(void **state)
{
    (void)state;
    (void)notes_taken();
    io = fake_server_new(limit_acks);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    assert_int_equal(sio_on_disconnect(root, on_disconnect, NULL), EIO_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

static sio_socket *come(eio_session **session)
{
    *session = fake_come(io);
    fake_say(*session, "0");
    (void)fake_heard(*session);
    return last;
}

static void ask(sio_socket *socket, const char *name, uint64_t timeout_ms)
{
    static char names[16][8];
    static size_t next;
    char *own = names[next++ % 16];

    (void)snprintf(own, 8, "%s", name);
    assert_int_equal(
        sio_emit_with_ack(socket, SIO_STR("q"), SIO_NO_ARGS, timeout_ms, on_answer, own), EIO_OK);
}

static void ids_count_per_namespace_and_answers_come_once(void **state)
{
    eio_session *one;
    eio_session *two;
    sio_socket *first = come(&one);
    sio_socket *second = come(&two);

    (void)state;
    ask(first, "a", 0);
    ask(second, "b", 1000);
    ask(first, "c", 0);
    assert_string_equal(fake_heard(one), "20[\"q\"]|22[\"q\"]|");
    assert_string_equal(fake_heard(two), "21[\"q\"]|");
    fake_say(one, "32[1,2]");
    fake_say(one, "32[1,2]");
    fake_say(one, "30");
    fake_say(two, "31[]");
    fake_say(two, "3999[]");
    assert_string_equal(notes_taken(), "c 0 2|a 0 0|b 0 0|");
    assert_false(fake_is_closed(one));
}

static void another_client_cannot_answer(void **state)
{
    eio_session *one;
    eio_session *two;

    (void)state;
    ask(come(&one), "a", 0);
    (void)come(&two);
    fake_say(two, "30[\"forged\"]");
    assert_string_equal(notes_taken(), "");
    assert_false(fake_is_closed(two));
    fake_say(one, "30[]");
    assert_string_equal(notes_taken(), "a 0 0|");
}

static void time_outs_fire_in_their_order_and_late_answers_are_ignored(void **state)
{
    eio_session *session;
    eio_session *other;
    sio_socket *socket = come(&session);

    (void)state;
    ask(socket, "late", 30);
    ask(socket, "soon", 10);
    ask(socket, "never", 0);
    ask(come(&other), "mid", 20);
    fake_wait(50);
    assert_string_equal(notes_taken(), "soon -10008 0|mid -10008 0|late -10008 0|");
    fake_say(session, "30[]");
    assert_string_equal(notes_taken(), "");
    assert_int_equal(sio_server_counters(io).acks_timed_out, 3);
    fake_say(session, "32[]");
    assert_string_equal(notes_taken(), "never 0 0|");
}

static void what_a_socket_owes_ends_before_its_disconnect(void **state)
{
    eio_session *session;
    sio_socket *socket = come(&session);

    (void)state;
    ask(socket, "a", 0);
    ask(socket, "b", 1000);
    fake_leave(session, EIO_REASON_PING_TIMEOUT, "");
    assert_string_equal(notes_taken(), "a -10001 0|b -10001 0|disconnect ping timeout|");
}

static void too_many_end_the_oldest_from_the_loop(void **state)
{
    eio_session *session;
    sio_socket *socket = come(&session);

    (void)state;
    ask(socket, "a", 500);
    ask(socket, "b", 0);
    ask(socket, "c", 0);
    ask(socket, "d", 0);
    assert_string_equal(notes_taken(), "");
    fake_turn();
    assert_string_equal(notes_taken(), "a -10007 0|");
    fake_say(session, "30[]");
    fake_say(session, "31[]");
    assert_string_equal(notes_taken(), "b 0 0|");
}

static void an_emit_that_fails_does_not_call_back(void **state)
{
    eio_session *session;
    sio_socket *socket = sio_socket_ref(come(&session));

    (void)state;
    assert_int_equal(sio_emit_with_ack(socket, SIO_STR("connect"), SIO_NO_ARGS, 1, on_answer, NULL),
                     EIO_E_RESERVED);
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_int_equal(sio_emit_with_ack(socket, SIO_STR("q"), SIO_NO_ARGS, 1, on_answer, NULL),
                     EIO_E_CLOSED);
    fake_wait(5);
    assert_string_equal(notes_taken(), "disconnect transport close|");
    sio_socket_unref(socket);
}

static void ask_again(sio_socket *socket, int status, sio_args args, void *data)
{
    int *left = data;

    (void)args;
    note("%d", status);
    if (status == EIO_OK && --*left > 0)
        assert_int_equal(
            sio_emit_with_ack(socket, SIO_STR("q"), SIO_NO_ARGS, 1000, ask_again, left), EIO_OK);
    else
        sio_disconnect(socket, true);
}

static void an_answer_may_ask_again_and_disconnect(void **state)
{
    eio_session *session;
    int left = 2;

    (void)state;
    assert_int_equal(
        sio_emit_with_ack(come(&session), SIO_STR("q"), SIO_NO_ARGS, 1000, ask_again, &left),
        EIO_OK);
    fake_say(session, "30[]");
    fake_say(session, "31[]");
    assert_string_equal(notes_taken(), "0|0|disconnect server namespace disconnect|");
    assert_true(fake_is_closed(session));
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void many_time_outs_in_any_order_all_fire(void **state)
{
    static char name[] = "t";
    enum { COUNT = 300 };
    eio_session *session;

    (void)state;
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(sio_emit_with_ack(come(&session), SIO_STR("q"), SIO_NO_ARGS,
                                           1 + i * 7919 % 40, on_answer, name),
                         EIO_OK);
    fake_wait(60);
    assert_int_equal(sio_server_counters(io).acks_timed_out, COUNT);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ids_count_per_namespace_and_answers_come_once),
        TEST(another_client_cannot_answer),
        TEST(time_outs_fire_in_their_order_and_late_answers_are_ignored),
        TEST(what_a_socket_owes_ends_before_its_disconnect),
        TEST(too_many_end_the_oldest_from_the_loop),
        TEST(an_emit_that_fails_does_not_call_back),
        TEST(an_answer_may_ask_again_and_disconnect),
        TEST(many_time_outs_in_any_order_all_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
