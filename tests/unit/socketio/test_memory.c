/*
 * Out of memory is an ordinary error: each allocation of a busy client's life fails once, and
 * nothing is lost.
 */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/failing_alloc.h"
#include "tests/support/fake_engine.h"

enum { MOST_ALLOCATIONS = 500 };

static sio_server *io;
static size_t acks_asked;
static size_t acks_ended;

static void on_answer(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)socket;
    (void)status;
    (void)args;
    (void)data;
    acks_ended++;
}

static void ask(sio_socket *socket)
{
    if (sio_emit_with_ack(socket, SIO_STR("q"), SIO_NO_ARGS, 1000, on_answer, NULL) == EIO_OK)
        acks_asked++;
}

static void on_connection(sio_socket *socket, void *data)
{
    static const char *const rooms[] = { "a", "b", "c", "d", "e" };

    (void)data;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
        (void)sio_join(socket, eio_slice_of(rooms[i]));
    ask(socket);
    ask(socket);
}

static bool leave_a(sio_socket *socket, void *data)
{
    (void)data;
    sio_leave(socket, SIO_STR("a"));
    return true;
}

static void on_busy(sio_socket *socket, sio_event *event, void *data)
{
    const eio_slice a = SIO_STR("a");
    sio_event *kept = sio_event_ref(event);
    sio_ack *ack = sio_event_take_ack(event);

    (void)data;
    (void)sio_emit(socket, SIO_STR("back"), sio_event_args(event));
    (void)sio_broadcast_from(socket, &(sio_target){ .except = SIO_ROOMS(a) }, SIO_STR("b"),
                             sio_event_args(event));
    (void)sio_each_socket(sio_socket_namespace(socket), NULL, leave_a, NULL);
    (void)sio_socket_on(socket, SIO_STR("own"), on_busy, NULL);
    if (ack != NULL)
        (void)sio_ack_send(ack, kept == NULL ? SIO_NO_ARGS : sio_event_args(kept));
    sio_event_unref(kept);
}

static void live(void)
{
    eio_session *session = fake_come(io);

    fake_say(session, "0{\"token\":1}");
    fake_say(session, "0/nope,");
    fake_say(session, "51-7[\"busy\",{\"_placeholder\":true,\"num\":0}]");
    fake_say_binary(session, "bin", 3);
    fake_say(session, "30[]");
    (void)sio_server_of(io, SIO_STR("/late"));
    fake_turn();
    if (fake_is_closed(session))
        fake_leave(session, EIO_REASON_FORCED_CLOSE, "");
}

static void each_allocation_may_fail(void **state)
{
    bool has_failed = true;
    size_t spared = 0;

    (void)state;
    for (; has_failed && spared < MOST_ALLOCATIONS; spared++) {
        acks_asked = acks_ended = 0;
        io = fake_server_new(NULL);
        sio_namespace *root = sio_server_of(io, SIO_STR("/"));
        assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
        assert_int_equal(sio_on(root, SIO_STR("busy"), on_busy, NULL), EIO_OK);
        fail_allocation(spared);
        live();
        has_failed = allocation_has_failed();
        fake_server_end(io);
        assert_int_equal(acks_ended, acks_asked);
    }
    assert_true(spared > 20 && spared < MOST_ALLOCATIONS);
}

static size_t spared_for_server;

static void fail_one(sio_options *options)
{
    (void)options;
    fail_allocation(spared_for_server);
}

static void a_server_is_made_whole_or_not_at_all(void **state)
{
    bool has_failed = true;

    (void)state;
    for (spared_for_server = 0; has_failed; spared_for_server++) {
        io = fake_server_new(fail_one);
        has_failed = allocation_has_failed();
        assert_true(has_failed == (io == NULL));
        if (io != NULL)
            fake_server_end(io);
    }
    assert_true(spared_for_server > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(a_server_is_made_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
