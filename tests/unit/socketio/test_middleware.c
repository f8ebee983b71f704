/* Middlewares of a namespace (protocol.md D.4, E.2). */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

static sio_server *io;
static sio_namespace *root;
static sio_socket *asked; /* the last socket that a middleware was called for */

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    note("connection %zu", sio_namespace_count(sio_socket_namespace(socket)));
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    (void)socket;
    (void)details;
    (void)data;
    note("disconnect %s", reason);
}

static void pass(sio_socket *socket, void *data)
{
    asked = socket;
    note("%s", (const char *)data);
    assert_false(sio_socket_is_connected(socket));
    assert_int_equal(sio_next(socket, NULL), EIO_OK);
    assert_int_equal(sio_next(socket, NULL), EIO_E_STATE);
}

static void wait(sio_socket *socket, void *data)
{
    (void)data;
    note("wait");
    asked = sio_socket_ref(socket);
}

static void refuse(sio_socket *socket, void *data)
{
    note("refuse");
    (void)sio_join(socket, SIO_STR("left behind"));
    assert_int_equal(sio_next(socket, data), EIO_OK);
    assert_int_equal(sio_next(socket, NULL), EIO_E_STATE);
}

static void emit_and_pass(sio_socket *socket, void *data)
{
    (void)data;
    assert_int_equal(sio_emit(socket, SIO_STR("early"), SIO_NO_ARGS), EIO_OK);
    assert_int_equal(sio_join(socket, SIO_STR("early")), EIO_OK);
    assert_int_equal(sio_broadcast(root, NULL, SIO_STR("all"), SIO_NO_ARGS), EIO_OK);
    assert_int_equal(sio_broadcast(root, &(sio_target){ .rooms = SIO_ROOMS(SIO_STR("early")) },
                                   SIO_STR("room"), SIO_NO_ARGS),
                     EIO_OK);
    (void)sio_next(socket, NULL);
}

static int set_up(void **state)
{
    (void)state;
    (void)notes_taken();
    io = fake_server_new(NULL);
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

static void they_run_in_order_and_for_their_namespace_only(void **state)
{
    static char first[] = "first";
    static char second[] = "second";
    eio_session *session = fake_come(io);

    (void)state;
    assert_non_null(sio_server_of(io, SIO_STR("/chat")));
    assert_int_equal(sio_use(root, pass, first), EIO_OK);
    assert_int_equal(sio_use(root, pass, second), EIO_OK);
    fake_say(session, "0/chat,");
    assert_string_equal(notes_taken(), "");
    fake_say(session, "0");
    assert_string_equal(notes_taken(), "first|second|connection 1|");
}

static void a_refusal_tells_message_and_data_and_leaves_nothing(void **state)
{
    static const struct {
        sio_refusal error;
        const char *packet;
    } rows[] = {
        { { { "no \"entry\"", 10 }, { NULL, 0 } }, "4{\"message\":\"no \\\"entry\\\"\"}|" },
        { { { "d", 1 }, { "{\"code\":5}", 10 } }, "4{\"message\":\"d\",\"data\":{\"code\":5}}|" },
        { { { "", 0 }, { NULL, 0 } }, "4{\"message\":\"\"}|" },
        { { { NULL, 0 }, { NULL, 0 } }, "4{}|" },
    };
    static sio_refusal error;
    static char never[] = "never";

    (void)state;
    assert_int_equal(sio_use(root, refuse, &error), EIO_OK);
    assert_int_equal(sio_use(root, pass, never), EIO_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        eio_session *session = fake_come(io);
        error = rows[i].error;
        fake_say(session, "0");
        assert_string_equal(fake_heard(session), rows[i].packet);
        assert_string_equal(notes_taken(), "refuse|");
        assert_int_equal(sio_namespace_count(root), 0);
        assert_false(fake_is_closed(session));
        fake_say(session, "2[\"x\"]"); /* it is not connected */
        assert_true(fake_is_closed(session));
        fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
    }
    assert_int_equal(sio_server_counters(io).refused, 4);
}

static void an_answer_may_come_later_and_goes_on_from_the_loop(void **state)
{
    static char second[] = "second";
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, wait, NULL), EIO_OK);
    assert_int_equal(sio_use(root, pass, second), EIO_OK);
    fake_say(session, "0");
    fake_turn();
    assert_string_equal(notes_taken(), "wait|");
    sio_socket *socket = asked;
    assert_int_equal(sio_next(socket, NULL), EIO_OK);
    assert_int_equal(sio_next(socket, NULL), EIO_E_STATE);
    assert_string_equal(notes_taken(), "");
    fake_turn();
    assert_string_equal(notes_taken(), "second|connection 1|");
    sio_socket_unref(socket);
}

static void a_late_refusal_is_told(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, wait, NULL), EIO_OK);
    fake_say(session, "0");
    assert_int_equal(sio_next(asked, &(sio_refusal){ .message = SIO_STR("no") }), EIO_OK);
    assert_string_equal(fake_heard(session), "4{\"message\":\"no\"}|");
    sio_socket_unref(asked);
}

static void an_answer_for_a_client_that_is_gone_is_ignored(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, wait, NULL), EIO_OK);
    fake_say(session, "0");
    assert_int_equal(sio_join(asked, SIO_STR("a")), EIO_OK);
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_int_equal(sio_next(asked, NULL), EIO_E_STATE);
    assert_false(sio_socket_is_in(asked, SIO_STR("a")));
    fake_turn();
    assert_string_equal(notes_taken(), "wait|"); /* who never connected does not disconnect */
    sio_socket_unref(asked);
}

static void events_before_the_answer_close_the_client(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, wait, NULL), EIO_OK);
    fake_say(session, "0");
    fake_say(session, "2[\"x\"]");
    assert_true(fake_is_closed(session));
    assert_string_equal(notes_taken(), "wait|");
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
    sio_socket_unref(asked);
}

static void a_second_connect_takes_the_place_of_one_that_waits(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, wait, NULL), EIO_OK);
    fake_say(session, "0{\"try\":1}");
    sio_socket *first = asked;
    fake_say(session, "0{\"try\":2}");
    sio_socket *second = asked;
    assert_int_equal(sio_next(first, NULL), EIO_E_STATE);
    assert_int_equal(sio_next(second, NULL), EIO_OK);
    fake_turn();
    assert_string_equal(fake_heard(session), "0{\"sid\":\"*\"}|");
    assert_string_equal(notes_taken(), "wait|wait|connection 1|");
    sio_socket_unref(first);
    sio_socket_unref(second);
}

static void what_a_middleware_emits_comes_first_and_broadcasts_do_not_come(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    assert_int_equal(sio_use(root, emit_and_pass, NULL), EIO_OK);
    fake_say(session, "0");
    assert_string_equal(fake_heard(session), "2[\"early\"]|0{\"sid\":\"*\"}|");
    assert_int_equal(sio_broadcast(root, &(sio_target){ .rooms = SIO_ROOMS(SIO_STR("early")) },
                                   SIO_STR("room"), SIO_NO_ARGS),
                     EIO_OK);
    assert_string_equal(fake_heard(session), "2[\"room\"]|");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(they_run_in_order_and_for_their_namespace_only),
        TEST(a_refusal_tells_message_and_data_and_leaves_nothing),
        TEST(an_answer_may_come_later_and_goes_on_from_the_loop),
        TEST(a_late_refusal_is_told),
        TEST(an_answer_for_a_client_that_is_gone_is_ignored),
        TEST(events_before_the_answer_close_the_client),
        TEST(a_second_connect_takes_the_place_of_one_that_waits),
        TEST(what_a_middleware_emits_comes_first_and_broadcasts_do_not_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
