/* Contract `load`: for benchmarks and cluster tests. */
#include "tests/testbed/testbed.h"

enum { MAX_NAME_BYTES = 1024 };

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_emit(socket, SIO_STR("echo"), sio_event_args(event));
}

static void on_ack(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    (void)sio_event_ack(event, sio_event_args(event));
}

static void on_bcast(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    (void)sio_broadcast(sio_socket_namespace(socket), NULL, SIO_STR("bcast"),
                        sio_event_args(event));
}

static void on_join(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];

    (void)data;
    (void)sio_join(socket, testbed_text(testbed_argument(event, 0), name, sizeof(name)));
    (void)sio_event_ack(event, SIO_NO_ARGS);
}

static void on_leave(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];

    (void)data;
    sio_leave(socket, testbed_text(testbed_argument(event, 0), name, sizeof(name)));
    (void)sio_event_ack(event, SIO_NO_ARGS);
}

static void on_room(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), name, sizeof(name));

    (void)data;
    (void)sio_broadcast(sio_socket_namespace(socket), &(sio_target){ .rooms = SIO_ROOMS(room) },
                        SIO_STR("room"), testbed_arguments_from(event, 1));
}

static void on_broadcast(sio_socket *socket, sio_event *event, void *data)
{
    char room_name[MAX_NAME_BYTES];
    char event_name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), room_name, sizeof(room_name));
    const eio_slice name = testbed_text(testbed_argument(event, 1), event_name, sizeof(event_name));

    (void)data;
    (void)sio_broadcast(sio_socket_namespace(socket), &(sio_target){ .rooms = SIO_ROOMS(room) },
                        name, testbed_arguments_from(event, 2));
}

static int set_up(testbed *bed)
{
    static const testbed_event events[] = {
        { "echo", on_echo },           { "ack", on_ack },     { "bcast", on_bcast },
        { "join", on_join },           { "leave", on_leave }, { "room", on_room },
        { "broadcast", on_broadcast }, { NULL, NULL },
    };

    return testbed_on(bed, events);
}

const testbed_contract contract_load = {
    .name = "load",
    .defaults = { .grace_ms = 8000 },
    .set_up = set_up,
};
