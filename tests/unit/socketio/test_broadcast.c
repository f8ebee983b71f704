/* Rooms and broadcasts (protocol.md E.4), and what an adapter hears of rooms. */
#include "socketio/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

enum { N_CLIENTS = 4 };

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

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    (void)reason;
    (void)details;
    (void)data;
    assert_int_equal(sio_broadcast_from(socket, NULL, SIO_STR("left"), SIO_NO_ARGS), EIO_OK);
}

/* ---- an adapter that only listens ---- */

static void note_room(sio_adapter *adapter, sio_room_change change, eio_slice room, eio_slice id)
{
    static const char *const names[] = { "create", "join", "leave", "delete" };

    (void)adapter;
    if (room.len == 20)
        room = SIO_STR("id");
    note("%s %.*s%s", names[change], (int)room.len, room.base, id.base == NULL ? "" : " by");
}

static void listen_to_rooms(sio_options *options)
{
    static sio_adapter_type type;

    type = sio_adapter_memory;
    type.on_room = note_room;
    options->adapter = &type;
    options->max_rooms = 3;
}

static int set_up(void **state)
{
    (void)state;
    count = 0;
    io = fake_server_new(listen_to_rooms);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        sessions[i] = fake_come(io);
        fake_say(sessions[i], "0");
        (void)fake_heard(sessions[i]);
    }
    (void)notes_taken();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

/* Who heard `["e"]`: a digit each, twice for who heard it twice. */
static const char *who_heard(void)
{
    static char who[2 * N_CLIENTS + 1];
    size_t len = 0;

    for (size_t i = 0; i < N_CLIENTS; i++) {
        const char *heard = fake_heard(sessions[i]);
        for (; *heard != '\0' && len < 2 * N_CLIENTS; heard += strlen("2[\"e\"]|")) {
            assert_memory_equal(heard, "2[\"e\"]|", strlen("2[\"e\"]|"));
            who[len++] = (char)('0' + i);
        }
    }
    who[len] = '\0';
    return who;
}

static const char *reached(const sio_target *target)
{
    assert_int_equal(sio_broadcast(root, target, SIO_STR("e"), SIO_NO_ARGS), EIO_OK);
    return who_heard();
}

static const char *reached_from(sio_socket *socket, const sio_target *target)
{
    assert_int_equal(sio_broadcast_from(socket, target, SIO_STR("e"), SIO_NO_ARGS), EIO_OK);
    return who_heard();
}

static void join(size_t who, const char *room)
{
    assert_int_equal(sio_join(sockets[who], eio_slice_of(room)), EIO_OK);
}

static void a_broadcast_reaches_each_socket_that_is_meant_once(void **state)
{
    const eio_slice a = SIO_STR("a");
    const eio_slice b = SIO_STR("b");
    const eio_slice id = sio_socket_id(sockets[3]);

    (void)state;
    join(0, "a");
    join(1, "a");
    join(1, "b");
    join(2, "b");
    assert_string_equal(reached(NULL), "0123");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(a) }), "01");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(a, b) }), "012");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(a, a, id, id) }), "013");
    assert_string_equal(reached(&(sio_target){ .except = SIO_ROOMS(a) }), "23");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(a, b), .except = SIO_ROOMS(b) }),
                        "0");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(id) }), "3");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(id), .except = SIO_ROOMS(id) }),
                        "");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(SIO_STR("nobody")) }), "");
    assert_string_equal(reached(&(sio_target){ .flags = SIO_LOCAL }), "0123");
}

static void a_sender_does_not_hear_itself(void **state)
{
    const eio_slice a = SIO_STR("a");
    const eio_slice own = sio_socket_id(sockets[0]);

    (void)state;
    join(0, "a");
    join(1, "a");
    assert_string_equal(reached_from(sockets[0], NULL), "123");
    assert_string_equal(reached_from(sockets[0], &(sio_target){ .rooms = SIO_ROOMS(a) }), "1");
    assert_string_equal(reached_from(sockets[0], &(sio_target){ .rooms = SIO_ROOMS(own) }), "");
    assert_string_equal(reached_from(sockets[2], &(sio_target){ .except = SIO_ROOMS(a) }), "3");
}

static void the_room_of_an_id_can_be_shared_and_left(void **state)
{
    const eio_slice own = sio_socket_id(sockets[0]);
    const sio_target target = { .rooms = SIO_ROOMS(own) };

    (void)state;
    assert_true(sio_socket_is_in(sockets[0], own));
    assert_int_equal(sio_join(sockets[1], own), EIO_OK);
    assert_string_equal(reached(&target), "01");
    sio_leave(sockets[0], own);
    assert_false(sio_socket_is_in(sockets[0], own));
    assert_string_equal(reached(&target), "1");
    assert_int_equal(sio_join(sockets[0], own), EIO_OK);
    assert_string_equal(reached(&target), "01");
    sio_leave(sockets[1], own);
    assert_string_equal(reached(&target), "0");
    assert_string_equal(notes_taken(), "join id by|leave id by|join id by|leave id by|");
}

static void the_adapter_hears_of_rooms_once(void **state)
{
    (void)state;
    join(0, "a");
    join(0, "a");
    join(1, "a");
    sio_leave(sockets[2], SIO_STR("a"));
    sio_leave(sockets[0], SIO_STR("a"));
    sio_leave(sockets[0], SIO_STR("a"));
    assert_string_equal(notes_taken(), "create a|join a by|join a by|leave a by|");
    fake_leave(sessions[1], EIO_REASON_TRANSPORT_CLOSE, "");
    assert_string_equal(notes_taken(), "leave id by|delete id|leave a by|delete a|");
}

static void rooms_can_be_walked_and_have_a_limit(void **state)
{
    eio_slice room;
    size_t rooms = 0;

    (void)state;
    join(0, "a");
    join(0, "");
    join(0, "c");
    assert_int_equal(sio_join(sockets[0], SIO_STR("d")), EIO_E_LIMIT);
    join(0, "c");
    while (sio_socket_room_at(sockets[0], rooms, &room)) {
        assert_true(sio_socket_is_in(sockets[0], room));
        rooms++;
    }
    assert_int_equal(rooms, 4);
    sio_leave(sockets[0], SIO_STR(""));
    assert_false(sio_socket_is_in(sockets[0], SIO_STR("")));
    assert_int_equal(sio_join(sockets[0], SIO_STR("d")), EIO_OK);
}

static void a_volatile_broadcast_skips_who_is_not_writable(void **state)
{
    (void)state;
    fake_set_writable(sessions[1], false);
    assert_string_equal(reached(&(sio_target){ .flags = SIO_VOLATILE }), "023");
    assert_string_equal(reached(NULL), "0123");
}

static void what_is_not_to_be_compressed_is_said_to_be_so(void **state)
{
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("bin"));
    const eio_slice json = SIO_JSON("{\"_placeholder\":true,\"num\":0}");
    const sio_target target = { .flags = SIO_NO_COMPRESS };

    (void)state;
    assert_int_equal(sio_broadcast(root, &target, SIO_STR("b"), (sio_args){ &json, 1, &bytes, 1 }),
                     EIO_OK);
    for (size_t i = 0; i < N_CLIENTS; i++)
        assert_string_equal(fake_heard(sessions[i]),
                            "plain 51-[\"b\",{\"_placeholder\":true,\"num\":0}]|plain bin|");
    assert_int_equal(sio_emit_with(sockets[0], SIO_STR("a"), SIO_NO_ARGS, SIO_NO_COMPRESS), EIO_OK);
    assert_string_equal(fake_heard(sessions[0]), "plain 2[\"a\"]|");
    eio_buffer_unref(bytes);
}

static void who_disconnects_is_not_reached_and_can_still_tell_the_others(void **state)
{
    (void)state;
    assert_int_equal(sio_on_disconnect(root, on_disconnect, NULL), EIO_OK);
    join(0, "a");
    join(1, "a");
    sio_disconnect(sockets[0], false);
    assert_string_equal(fake_heard(sessions[0]), "1|");
    assert_string_equal(reached(&(sio_target){ .rooms = SIO_ROOMS(SIO_STR("a")) }), "1");
    assert_string_equal(reached(NULL), "123");
    assert_int_equal(sio_namespace_count(root), 3);
    fake_turn();
    assert_string_equal(fake_heard(sessions[0]), "");
    assert_string_equal(fake_heard(sessions[3]), "2[\"left\"]|");
}

static bool disconnect_others(sio_socket *socket, void *data)
{
    size_t *visits = data;

    ++*visits;
    for (size_t i = 0; i < N_CLIENTS; i++) {
        if (sockets[i] != socket)
            sio_disconnect(sockets[i], false);
    }
    return true;
}

static bool stop_at_once(sio_socket *socket, void *data)
{
    (void)socket;
    ++*(size_t *)data;
    return false;
}

static void a_walk_over_sockets_survives_what_its_visitor_does(void **state)
{
    size_t visits = 0;

    (void)state;
    assert_int_equal(sio_each_socket(root, NULL, stop_at_once, &visits), EIO_OK);
    assert_int_equal(visits, 1);
    assert_int_equal(sio_each_socket(root, NULL, disconnect_others, &visits), EIO_OK);
    assert_int_equal(visits, 2);
    fake_turn();
    assert_int_equal(sio_namespace_count(root), 1);
}

static void binary_is_encoded_once_for_all(void **state)
{
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("bin"));
    const eio_slice json = SIO_JSON("{\"_placeholder\":true,\"num\":0}");

    (void)state;
    assert_int_equal(sio_broadcast(root, NULL, SIO_STR("b"), (sio_args){ &json, 1, &bytes, 1 }),
                     EIO_OK);
    for (size_t i = 0; i < N_CLIENTS; i++)
        assert_string_equal(fake_heard(sessions[i]),
                            "51-[\"b\",{\"_placeholder\":true,\"num\":0}]|<bin>|");
    eio_buffer_unref(bytes);
    assert_int_equal(sio_server_counters(io).broadcasts, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_broadcast_reaches_each_socket_that_is_meant_once),
        TEST(a_sender_does_not_hear_itself),
        TEST(the_room_of_an_id_can_be_shared_and_left),
        TEST(the_adapter_hears_of_rooms_once),
        TEST(rooms_can_be_walked_and_have_a_limit),
        TEST(a_volatile_broadcast_skips_who_is_not_writable),
        TEST(what_is_not_to_be_compressed_is_said_to_be_so),
        TEST(who_disconnects_is_not_reached_and_can_still_tell_the_others),
        TEST(a_walk_over_sockets_survives_what_its_visitor_does),
        TEST(binary_is_encoded_once_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
