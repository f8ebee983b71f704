/* A client's way in and out (protocol.md D.4, D.5, D.8, E.2, E.3), packet by packet. */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

enum { MOST_JOINING = 4 };

static sio_server *io;
static sio_namespace *root;
static sio_namespace *admin;
static sio_socket *last; /* that connected, or asked a middleware */

static eio_slice name_of(const sio_socket *socket)
{
    return sio_namespace_name(sio_socket_namespace(socket));
}

#define SLICE(slice) (int)(slice).len, (slice).base

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    last = socket;
    note("connection %.*s %.*s", SLICE(name_of(socket)), SLICE(sio_socket_auth(socket)));
}

static void on_disconnecting(sio_socket *socket, const char *reason, const char *details,
                             void *data)
{
    eio_slice room;
    size_t rooms = 0;

    (void)data;
    (void)details;
    while (sio_socket_room_at(socket, rooms, &room))
        rooms++;
    note("disconnecting %.*s %s, in %zu rooms", SLICE(name_of(socket)), reason, rooms);
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    eio_slice room;

    (void)data;
    assert_false(sio_socket_is_connected(socket));
    assert_false(sio_socket_room_at(socket, 0, &room));
    note("disconnect %.*s %s (%s)", SLICE(name_of(socket)), reason, details == NULL ? "" : details);
}

static void on_error(sio_socket *socket, const char *text, void *data)
{
    (void)data;
    note("error %.*s %s", SLICE(name_of(socket)), text);
}

static void on_any(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    note("any %.*s %zu", SLICE(sio_event_name(event)), sio_event_args(event).count);
}

static void limit_namespaces(sio_options *options)
{
    options->max_joining = MOST_JOINING;
    options->max_namespaces = 2;
    options->connect_timeout_ms = 30;
}

static int set_up(void **state)
{
    sio_namespace **all[] = { &root, &admin };

    (void)state;
    (void)notes_taken();
    last = NULL;
    io = fake_server_new(limit_namespaces);
    root = sio_server_of(io, SIO_STR("/"));
    admin = sio_server_of(io, SIO_STR("admin"));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sio_on_connection(*all[i], on_connection, NULL), EIO_OK);
        assert_int_equal(sio_on_disconnecting(*all[i], on_disconnecting, NULL), EIO_OK);
        assert_int_equal(sio_on_disconnect(*all[i], on_disconnect, NULL), EIO_OK);
        assert_int_equal(sio_on_error(*all[i], on_error, NULL), EIO_OK);
        assert_int_equal(sio_on_any(*all[i], on_any, NULL), EIO_OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

/* A client that is connected to the main namespace, with nothing heard or noted yet. */
static eio_session *come_connected(void)
{
    eio_session *session = fake_come(io);

    fake_say(session, "0");
    assert_string_equal(fake_heard(session), "0{\"sid\":\"*\"}|");
    (void)notes_taken();
    return session;
}

static void a_connect_is_answered_before_the_application_hears(void **state)
{
    eio_session *session = fake_come(io);

    (void)state;
    fake_say(session, "0{\"token\":1}");
    assert_string_equal(fake_heard(session), "0{\"sid\":\"*\"}|");
    assert_string_equal(notes_taken(), "connection / {\"token\":1}|");
    fake_say(session, "0/admin,");
    assert_string_equal(fake_heard(session), "0/admin,{\"sid\":\"*\"}|");
    assert_string_equal(notes_taken(), "connection /admin {}|");
    assert_int_equal(sio_namespace_count(root), 1);
    assert_ptr_equal(sio_namespace_find(admin, sio_socket_id(last)), last);
    assert_int_equal(sio_socket_id(last).len, 20);
}

static void an_unknown_namespace_is_refused_and_the_client_stays(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "0/nope,");
    assert_string_equal(fake_heard(session), "4/nope,{\"message\":\"Invalid namespace\"}|");
    fake_say(session, "2[\"hi\"]");
    assert_string_equal(notes_taken(), "any hi 0|");
}

/* ---- what closes a client ---- */

static void a_packet_that_is_not_allowed_closes_the_client(void **state)
{
    static const char *const packets[] = { "2/admin,[\"hi\"]", "1/admin,", "3/admin,1[]",
                                           "2/nope,[\"hi\"]",  "0",        "4{}" };

    (void)state;
    for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
        eio_session *session = come_connected();
        fake_say(session, packets[i]);
        assert_string_equal(notes_taken(), "disconnecting / forced close, in 1 rooms|"
                                           "disconnect / forced close ()|");
        assert_string_equal(fake_heard(session), "");
        assert_true(fake_is_closed(session));
        fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
        assert_string_equal(notes_taken(), "");
    }
    assert_int_equal(sio_server_counters(io).violations, 6);
}

static void a_close_that_has_to_wait_for_a_poll_has_its_own_reason(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_set_polling(session);
    fake_set_writable(session, false);
    fake_say(session, "1/admin,");
    assert_string_equal(notes_taken(), "disconnecting / forced server close, in 1 rooms|"
                                       "disconnect / forced server close ()|");
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void garbage_is_told_to_each_socket_and_closes_the_client(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "0/admin,");
    (void)notes_taken();
    fake_say(session, "abc");
    assert_string_equal(notes_taken(), "error / unknown packet type NaN|"
                                       "error /admin unknown packet type NaN|"
                                       "disconnecting / forced close, in 1 rooms|"
                                       "disconnect / forced close ()|"
                                       "disconnecting /admin forced close, in 1 rooms|"
                                       "disconnect /admin forced close ()|");
    assert_true(fake_is_closed(session));
    assert_int_equal(sio_server_counters(io).parse_errors, 1);
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void more_namespaces_than_the_limit_close_the_client(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    assert_non_null(sio_server_of(io, SIO_STR("/third")));
    fake_say(session, "0/admin,");
    assert_false(fake_is_closed(session));
    fake_say(session, "1/admin,");
    fake_say(session, "0/third,");
    assert_false(fake_is_closed(session));
    fake_say(session, "0/admin,");
    assert_true(fake_is_closed(session));
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void who_joins_no_namespace_in_time_is_closed(void **state)
{
    eio_session *idle = fake_come(io);
    eio_session *refused = fake_come(io);
    eio_session *joined = come_connected();
    eio_session *left = come_connected();

    (void)state;
    fake_say(refused, "0/nope,");
    fake_say(left, "1");
    fake_wait(60);
    assert_true(fake_is_closed(idle));
    assert_true(fake_is_closed(refused));
    assert_false(fake_is_closed(joined));
    assert_false(fake_is_closed(left));
    assert_int_equal(sio_server_counters(io).connect_timeouts, 2);
}

static void of_too_many_without_a_namespace_the_oldest_is_closed(void **state)
{
    eio_session *connected = come_connected();
    eio_session *oldest = fake_come(io);
    eio_session *others[MOST_JOINING];

    (void)state;
    for (size_t i = 0; i < MOST_JOINING - 1; i++)
        others[i] = fake_come(io);
    assert_false(fake_is_closed(oldest));
    others[MOST_JOINING - 1] = fake_come(io);
    assert_true(fake_is_closed(oldest));
    fake_say(others[0], "0"); /* which makes room */
    fake_come(io);
    for (size_t i = 0; i < MOST_JOINING; i++)
        assert_false(fake_is_closed(others[i]));
    fake_come(io);
    assert_false(fake_is_closed(others[0]));
    assert_true(fake_is_closed(others[1]));
    assert_false(fake_is_closed(connected));
    assert_int_equal(sio_server_counters(io).connect_timeouts, 2);
}

/* ---- leaving ---- */

static void a_client_leaves_a_namespace_and_may_come_back(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "1");
    assert_string_equal(notes_taken(), "disconnecting / client namespace disconnect, in 1 rooms|"
                                       "disconnect / client namespace disconnect ()|");
    assert_string_equal(fake_heard(session), "");
    assert_false(fake_is_closed(session));
    assert_int_equal(sio_namespace_count(root), 0);
    fake_say(session, "0");
    assert_string_equal(notes_taken(), "connection / {}|");
}

static void a_lost_session_gives_reason_and_details_to_every_socket(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "0/admin,");
    assert_int_equal(sio_join(last, SIO_STR("a")), EIO_OK);
    (void)notes_taken();
    fake_leave(session, EIO_REASON_TRANSPORT_ERROR, "poll lost");
    assert_string_equal(notes_taken(), "disconnecting / transport error, in 1 rooms|"
                                       "disconnect / transport error (poll lost)|"
                                       "disconnecting /admin transport error, in 2 rooms|"
                                       "disconnect /admin transport error (poll lost)|");
}

static void the_server_disconnects_one_namespace(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "0/admin,");
    (void)notes_taken();
    (void)fake_heard(session);
    sio_disconnect(last, false);
    sio_disconnect(last, false);
    assert_false(sio_socket_is_connected(last));
    assert_string_equal(notes_taken(), ""); /* never under the call */
    assert_string_equal(fake_heard(session), "1/admin,|");
    fake_turn();
    assert_string_equal(notes_taken(),
                        "disconnecting /admin server namespace disconnect, in 1 rooms|"
                        "disconnect /admin server namespace disconnect ()|");
    assert_false(fake_is_closed(session));
}

static void the_server_disconnects_all_and_closes(void **state)
{
    eio_session *session = come_connected();

    (void)state;
    fake_say(session, "0/admin,");
    (void)notes_taken();
    (void)fake_heard(session);
    sio_disconnect(last, true);
    assert_string_equal(fake_heard(session), "1|1/admin,|");
    assert_true(fake_is_closed(session));
    fake_turn();
    assert_string_equal(notes_taken(),
                        "disconnecting / server namespace disconnect, in 1 rooms|"
                        "disconnect / server namespace disconnect ()|"
                        "disconnecting /admin server namespace disconnect, in 1 rooms|"
                        "disconnect /admin server namespace disconnect ()|");
    fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void the_server_closes_without_a_packet(void **state)
{
    size_t sent;

    (void)come_connected();
    sent = fake_sent_count();
    fake_server_end(io);
    assert_string_equal(notes_taken(), "disconnecting / server shutting down, in 1 rooms|"
                                       "disconnect / server shutting down ()|");
    assert_int_equal(fake_sent_count(), sent);
    (void)set_up(state); /* for tear_down */
}

static void nothing_is_delivered_after_the_end(void **state)
{
    eio_session *session = come_connected();
    sio_socket *kept = sio_socket_ref(last);

    (void)state;
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_int_equal(sio_emit(kept, SIO_STR("a"), SIO_NO_ARGS), EIO_E_CLOSED);
    assert_int_equal(sio_join(kept, SIO_STR("a")), EIO_OK);
    assert_false(sio_socket_is_in(kept, SIO_STR("a")));
    assert_int_equal(sio_next(kept, NULL), EIO_E_STATE);
    assert_null(sio_socket_session(kept));
    assert_true(sio_socket_is_xdomain(kept)); /* the handshake stays as long as the reference */
    sio_disconnect(kept, true);
    sio_socket_unref(kept);
}

static void count_down(void *data)
{
    --*(int *)data;
}

static void data_is_destroyed_when_replaced_and_with_the_socket(void **state)
{
    eio_session *session = come_connected();
    int left = 2;

    (void)state;
    sio_socket_set_data(last, &left, count_down);
    sio_socket_set_data(last, &left, count_down);
    assert_int_equal(left, 1);
    assert_ptr_equal(sio_socket_data(last), &left);
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_int_equal(left, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_connect_is_answered_before_the_application_hears),
        TEST(an_unknown_namespace_is_refused_and_the_client_stays),
        TEST(a_packet_that_is_not_allowed_closes_the_client),
        TEST(a_close_that_has_to_wait_for_a_poll_has_its_own_reason),
        TEST(garbage_is_told_to_each_socket_and_closes_the_client),
        TEST(more_namespaces_than_the_limit_close_the_client),
        TEST(who_joins_no_namespace_in_time_is_closed),
        TEST(of_too_many_without_a_namespace_the_oldest_is_closed),
        TEST(a_client_leaves_a_namespace_and_may_come_back),
        TEST(a_lost_session_gives_reason_and_details_to_every_socket),
        TEST(the_server_disconnects_one_namespace),
        TEST(the_server_disconnects_all_and_closes),
        TEST(the_server_closes_without_a_packet),
        TEST(nothing_is_delivered_after_the_end),
        TEST(data_is_destroyed_when_replaced_and_with_the_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
