/*
 * What is asked of many at once (protocol.md E.5, E.6): acknowledgements of a broadcast, sockets,
 * replies of servers.
 */
#include "socketio/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

enum { N_CLIENTS = 3, PATIENCE_MS = 20 };

static sio_server *io;
static sio_namespace *root;
static eio_session *sessions[N_CLIENTS];
static sio_socket *sockets[N_CLIENTS];
static size_t count;

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    sockets[count++] = socket;
}

static sio_gather *kept; /* by an adapter that knows another server */

static int emit_elsewhere(sio_adapter *adapter, const sio_target *target, eio_slice name,
                          sio_args args, uint64_t timeout_ms, sio_gather *gather)
{
    (void)timeout_ms;
    sio_gather_hold(gather);
    kept = sio_gather_ref(gather);
    return sio_local_emit_with_ack(adapter->nsp, target, name, args, gather);
}

static int fetch_elsewhere(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    sio_gather_hold(gather);
    kept = sio_gather_ref(gather);
    return sio_local_fetch(adapter->nsp, target, gather);
}

static int fail_elsewhere(sio_adapter *adapter, eio_slice name, sio_args args, sio_gather *gather)
{
    (void)adapter;
    (void)name;
    (void)args;
    (void)gather;
    return EIO_E_UNAVAILABLE;
}

static void know_another_server(sio_options *options)
{
    static sio_adapter_type type;

    type = sio_adapter_memory;
    type.emit_with_ack = emit_elsewhere;
    type.fetch = fetch_elsewhere;
    type.server_side = fail_elsewhere;
    options->adapter = &type;
}

static void start(void (*adjust)(sio_options *options))
{
    count = 0;
    io = fake_server_new(adjust);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        sessions[i] = fake_come(io);
        fake_say(sessions[i], "0");
        (void)fake_heard(sessions[i]);
    }
    (void)notes_taken();
}

static int set_up(void **state)
{
    (void)state;
    start(NULL);
    return 0;
}

static int set_up_cluster(void **state)
{
    (void)state;
    start(know_another_server);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

static void note_responses(sio_namespace *nsp, int status, const sio_args *responses, size_t n,
                           void *data)
{
    (void)data;
    assert_ptr_equal(nsp, root);
    note("%s", status == EIO_OK ? "ok" : eio_strerror(status));
    for (size_t i = 0; i < n; i++)
        note("%.*s", responses[i].count == 0 ? 1 : (int)responses[i].json[0].len,
             responses[i].count == 0 ? "-" : responses[i].json[0].base);
}

static void ask(const sio_target *target, uint64_t timeout_ms)
{
    assert_int_equal(sio_broadcast_with_ack(root, target, SIO_STR("q"), SIO_ARGS(SIO_JSON("1")),
                                            timeout_ms, note_responses, NULL),
                     EIO_OK);
}

static void the_first_arguments_of_all_answers_are_gathered(void **state)
{
    (void)state;
    ask(NULL, 1000);
    for (size_t i = 0; i < N_CLIENTS; i++)
        assert_string_equal(fake_heard(sessions[i]), "20[\"q\",1]|");
    fake_say(sessions[1], "30[\"b\",2]");
    fake_say(sessions[1], "30[\"again\"]");
    fake_say(sessions[0], "30[]");
    assert_string_equal(notes_taken(), "");
    fake_say(sessions[2], "30[{\"c\":1}]");
    assert_string_equal(notes_taken(), "ok|\"b\"|-|{\"c\":1}|");
}

static void a_silent_client_makes_it_time_out_with_what_came(void **state)
{
    (void)state;
    ask(NULL, PATIENCE_MS);
    fake_say(sessions[0], "30[1]");
    fake_say(sessions[1], "30[2]");
    fake_wait(2 * PATIENCE_MS);
    assert_string_equal(notes_taken(), "operation has timed out|1|2|");
    fake_say(sessions[2], "30[3]");
    fake_wait(1);
    assert_string_equal(notes_taken(), "");
}

static void nobody_answers_at_once_but_from_the_loop(void **state)
{
    (void)state;
    ask(&(sio_target){ .rooms = SIO_ROOMS(SIO_STR("nobody")) }, 1000);
    assert_string_equal(notes_taken(), "");
    fake_turn();
    assert_string_equal(notes_taken(), "ok|");
}

static void without_a_time_out_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(
        sio_broadcast_with_ack(root, NULL, SIO_STR("q"), SIO_NO_ARGS, 0, note_responses, NULL),
        EIO_E_INVALID);
    assert_int_equal(sio_broadcast_with_ack(root, NULL, SIO_STR("connect"), SIO_NO_ARGS, 9,
                                            note_responses, NULL),
                     EIO_E_RESERVED);
    fake_turn();
    assert_string_equal(notes_taken(), "");
}

static void a_sender_is_not_asked(void **state)
{
    (void)state;
    assert_int_equal(sio_broadcast_from_with_ack(sockets[0], NULL, SIO_STR("q"), SIO_NO_ARGS, 1000,
                                                 note_responses, NULL),
                     EIO_OK);
    assert_string_equal(fake_heard(sessions[0]), "");
    fake_say(sessions[0], "30[0]"); /* an id that can be guessed counts for nothing */
    fake_say(sessions[1], "30[1]");
    fake_say(sessions[2], "30[2]");
    assert_string_equal(notes_taken(), "ok|1|2|");
}

static void it_ends_with_the_server(void **state)
{
    (void)state;
    ask(NULL, 100000);
    fake_server_end(io);
    assert_string_equal(notes_taken(), "already closed, or closing|");
    start(NULL);
}

static void other_servers_count_before_it_ends(void **state)
{
    const eio_slice answer = SIO_JSON("7");

    (void)state;
    ask(&(sio_target){ .rooms = SIO_ROOMS(sio_socket_id(sockets[0])) }, 1000);
    fake_say(sessions[0], "30[1]");
    fake_turn();
    assert_string_equal(notes_taken(), "");
    sio_gather_expect(kept, 1);
    sio_gather_release(kept);
    fake_turn();
    assert_string_equal(notes_taken(), "");
    sio_gather_add_response(kept, (sio_args){ .json = &answer, .count = 1 });
    fake_turn();
    assert_string_equal(notes_taken(), "ok|1|7|");
    sio_gather_add_response(kept, SIO_NO_ARGS); /* late: nothing happens */
    sio_gather_unref(kept);
}

/* ---- sockets ---- */

static void note_found(sio_namespace *nsp, int status, const sio_found_socket *found, size_t n,
                       void *data)
{
    (void)nsp;
    (void)data;
    note("%s", status == EIO_OK ? "ok" : eio_strerror(status));
    for (size_t i = 0; i < n; i++)
        note("%s %zu", found[i].socket == NULL ? "there" : "here", found[i].rooms.count);
}

static void sockets_are_fetched_with_their_rooms(void **state)
{
    (void)state;
    assert_int_equal(sio_join(sockets[1], SIO_STR("a")), EIO_OK);
    assert_int_equal(sio_fetch_sockets(root, NULL, 0, note_found, NULL), EIO_OK);
    fake_leave(sessions[0], EIO_REASON_TRANSPORT_CLOSE, ""); /* it is a snapshot */
    fake_turn();
    assert_string_equal(notes_taken(), "ok|here 1|here 2|here 1|");
}

static void a_server_that_does_not_answer_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    assert_int_equal(sio_fetch_sockets(root, NULL, PATIENCE_MS, note_found, NULL), EIO_OK);
    sio_gather_add_socket(kept, &(sio_found_socket){ .id = SIO_STR("elsewhere"),
                                                     .rooms = SIO_ROOMS(SIO_STR("elsewhere")),
                                                     .handshake = SIO_JSON("{}") });
    fake_wait(2 * PATIENCE_MS);
    assert_string_equal(notes_taken(), "operation has timed out|here 1|here 1|here 1|there 1|");
    sio_gather_unref(kept);
}

static void many_sockets_join_leave_and_disconnect_at_once(void **state)
{
    const sio_target in_a = { .rooms = SIO_ROOMS(SIO_STR("a")) };

    (void)state;
    assert_int_equal(sio_sockets_join(root, NULL, SIO_ROOMS(SIO_STR("a"), SIO_STR("b"))), EIO_OK);
    assert_true(sio_socket_is_in(sockets[2], SIO_STR("b")));
    sio_leave(sockets[2], SIO_STR("a"));
    assert_int_equal(sio_sockets_leave(root, &in_a, SIO_ROOMS(SIO_STR("b"))), EIO_OK);
    assert_false(sio_socket_is_in(sockets[0], SIO_STR("b")));
    assert_true(sio_socket_is_in(sockets[2], SIO_STR("b")));
    assert_int_equal(sio_disconnect_sockets(root, &in_a, false), EIO_OK);
    assert_string_equal(fake_heard(sessions[0]), "1|");
    assert_string_equal(fake_heard(sessions[2]), "");
    assert_int_equal(sio_disconnect_sockets(root, NULL, true), EIO_OK);
    assert_false(fake_is_closed(sessions[0]));
    assert_true(fake_is_closed(sessions[2]));
}

/* ---- servers ---- */

static void alone_a_server_hears_of_no_others(void **state)
{
    (void)state;
    assert_int_equal(sio_server_side_emit(root, SIO_STR("x"), SIO_NO_ARGS), EIO_OK);
    assert_int_equal(sio_server_side_emit(root, SIO_STR("connection"), SIO_NO_ARGS),
                     EIO_E_RESERVED);
    assert_int_equal(
        sio_server_side_emit_with_ack(root, SIO_STR("x"), SIO_NO_ARGS, note_responses, NULL),
        EIO_OK);
    fake_turn();
    assert_string_equal(notes_taken(), "ok|");
}

static void what_the_adapter_refuses_is_never_called_back(void **state)
{
    (void)state;
    assert_int_equal(
        sio_server_side_emit_with_ack(root, SIO_STR("x"), SIO_NO_ARGS, note_responses, NULL),
        EIO_E_UNAVAILABLE);
    fake_turn();
    assert_string_equal(notes_taken(), "");
}

static void note_reply(sio_server_reply *reply, sio_args args)
{
    (void)reply;
    note("reply %.*s", (int)args.json[0].len, args.json[0].base);
}

static void on_server_event(sio_namespace *nsp, sio_args args, sio_server_reply *reply, void *data)
{
    (void)nsp;
    (void)data;
    note("event %zu", args.count);
    assert_int_equal(sio_server_reply_send(reply, SIO_ARGS(SIO_JSON("1"))),
                     reply == NULL ? EIO_E_STATE : EIO_OK);
    assert_int_equal(sio_server_reply_send(reply, SIO_ARGS(SIO_JSON("2"))), EIO_E_STATE);
}

static void events_of_other_servers_are_heard_and_replied_to_once(void **state)
{
    sio_server_reply reply = { .send = note_reply };

    (void)state;
    assert_int_equal(sio_on_server_side(root, SIO_STR("x"), on_server_event, NULL), EIO_OK);
    assert_int_equal(sio_on_server_side(root, SIO_STR("new_namespace"), on_server_event, NULL),
                     EIO_E_RESERVED);
    sio_local_server_side(root, SIO_STR("x"), SIO_ARGS(SIO_JSON("1")), &reply);
    sio_local_server_side(root, SIO_STR("x"), SIO_NO_ARGS, NULL);
    sio_local_server_side(root, SIO_STR("y"), SIO_NO_ARGS, NULL);
    assert_string_equal(notes_taken(), "event 1|reply 1|event 0|");
    /* Reserved is what a namespace of Node emits itself, not what a socket does. */
    assert_int_equal(sio_on_server_side(root, SIO_STR("disconnect"), on_server_event, NULL),
                     EIO_OK);
    sio_local_server_side(root, SIO_STR("disconnect"), SIO_NO_ARGS, NULL);
    assert_string_equal(notes_taken(), "event 0|");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define IN_CLUSTER(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_first_arguments_of_all_answers_are_gathered),
        WITH(a_silent_client_makes_it_time_out_with_what_came),
        WITH(nobody_answers_at_once_but_from_the_loop),
        WITH(without_a_time_out_it_is_refused),
        WITH(a_sender_is_not_asked),
        WITH(it_ends_with_the_server),
        WITH(sockets_are_fetched_with_their_rooms),
        WITH(many_sockets_join_leave_and_disconnect_at_once),
        WITH(alone_a_server_hears_of_no_others),
        WITH(events_of_other_servers_are_heard_and_replied_to_once),
        IN_CLUSTER(other_servers_count_before_it_ends),
        IN_CLUSTER(a_server_that_does_not_answer_is_not_waited_for_for_ever),
        IN_CLUSTER(what_the_adapter_refuses_is_never_called_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
