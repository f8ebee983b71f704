/* What the application hears of rooms (protocol.md E.4). */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

static sio_server *io;
static sio_namespace *root;
static eio_session *session;
static sio_socket *newest;

static void on_room(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id,
                    void *data)
{
    static const char *const names[] = {
        [SIO_ROOM_CREATED] = "create",
        [SIO_ROOM_JOINED] = "join",
        [SIO_ROOM_LEFT] = "leave",
        [SIO_ROOM_DELETED] = "delete",
    };

    (void)data;
    assert_ptr_equal(nsp, root);
    assert_int_equal(id.base != NULL, change == SIO_ROOM_JOINED || change == SIO_ROOM_LEFT);
    assert_true(id.base == NULL || id.len == 20);
    if (room.len == 20)
        room = SIO_STR("id");
    note("%s %.*s", names[change], (int)room.len, room.base);
}

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    newest = socket;
    note("connection");
}

static void on_leave(sio_socket *socket, const char *reason, const char *details, void *data)
{
    (void)socket;
    (void)reason;
    (void)details;
    note("%s", (const char *)data);
}

static int set_up(void **state)
{
    static char before[] = "disconnecting";
    static char after[] = "disconnect";

    (void)state;
    (void)notes_taken();
    io = fake_server_new(NULL);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_room(root, on_room, NULL), EIO_OK);
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    assert_int_equal(sio_on_disconnecting(root, on_leave, before), EIO_OK);
    assert_int_equal(sio_on_disconnect(root, on_leave, after), EIO_OK);
    session = fake_come(io);
    fake_say(session, "0");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

static void they_come_before_the_connection_and_before_the_disconnection(void **state)
{
    (void)state;
    assert_string_equal(notes_taken(), "create id|join id|connection|");
    assert_int_equal(sio_join(newest, SIO_STR("a")), EIO_OK);
    assert_string_equal(notes_taken(), ""); /* a call calls nobody back */
    fake_turn();
    assert_string_equal(notes_taken(), "create a|join a|");
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_string_equal(notes_taken(),
                        "disconnecting|leave id|delete id|leave a|delete a|disconnect|");
}

static void what_changes_nothing_is_not_told(void **state)
{
    eio_session *other = fake_come(io);
    sio_socket *first = newest;

    (void)state;
    fake_say(other, "0");
    (void)notes_taken();
    assert_int_equal(sio_join(first, SIO_STR("a")), EIO_OK);
    assert_int_equal(sio_join(first, SIO_STR("a")), EIO_OK);
    assert_int_equal(sio_join(newest, SIO_STR("a")), EIO_OK);
    sio_leave(first, SIO_STR("b"));
    sio_leave(first, SIO_STR("a"));
    sio_leave(first, SIO_STR("a"));
    sio_leave(newest, SIO_STR("a"));
    fake_turn();
    assert_string_equal(notes_taken(), "create a|join a|join a|leave a|leave a|delete a|");
}

static void move_on(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id,
                    void *data)
{
    sio_socket *socket = sio_namespace_find(nsp, id);

    (void)data;
    if (change == SIO_ROOM_JOINED && eio_slice_equal(room, SIO_STR("a"))) {
        sio_leave(socket, SIO_STR("a"));
        assert_int_equal(sio_join(socket, SIO_STR("b")), EIO_OK);
    } else if (change == SIO_ROOM_JOINED && eio_slice_equal(room, SIO_STR("b"))) {
        sio_disconnect(socket, false);
    }
}

static void a_callback_may_join_leave_and_disconnect(void **state)
{
    (void)state;
    assert_int_equal(sio_on_room(root, move_on, NULL), EIO_OK);
    (void)notes_taken();
    assert_int_equal(sio_join(newest, SIO_STR("a")), EIO_OK);
    fake_turn();
    assert_string_equal(notes_taken(),
                        "create a|join a|leave a|delete a|create b|join b|"
                        "disconnecting|leave id|delete id|leave b|delete b|disconnect|");
}

static void refuse(sio_socket *socket, void *data)
{
    (void)data;
    assert_int_equal(sio_join(socket, SIO_STR("a")), EIO_OK);
    assert_int_equal(sio_next(socket, &(sio_refusal){ .message = SIO_STR("no") }), EIO_OK);
}

static void a_socket_that_is_refused_leaves_what_it_joined(void **state)
{
    eio_session *other = fake_come(io);

    (void)state;
    (void)notes_taken();
    assert_int_equal(sio_use(root, refuse, NULL), EIO_OK);
    fake_say(other, "0");
    assert_string_equal(notes_taken(), "create a|join a|leave a|delete a|");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(they_come_before_the_connection_and_before_the_disconnection),
        TEST(what_changes_nothing_is_not_told),
        TEST(a_callback_may_join_leave_and_disconnect),
        TEST(a_socket_that_is_refused_leaves_what_it_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
