/* Contract `load`: for benchmarks and cluster tests. */
#include <unistd.h>

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

static void on_everybody(sio_socket *socket, sio_event *event, void *data)
{
    char event_name[MAX_NAME_BYTES];
    const eio_slice name = testbed_text(testbed_argument(event, 0), event_name, sizeof(event_name));

    (void)data;
    (void)sio_broadcast(sio_socket_namespace(socket), NULL, name, testbed_arguments_from(event, 1));
}

static void on_others(sio_socket *socket, sio_event *event, void *data)
{
    char room_name[MAX_NAME_BYTES];
    char event_name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), room_name, sizeof(room_name));
    const eio_slice name = testbed_text(testbed_argument(event, 1), event_name, sizeof(event_name));

    (void)data;
    (void)sio_broadcast_from(socket, &(sio_target){ .rooms = SIO_ROOMS(room) }, name,
                             testbed_arguments_from(event, 2));
}

/* ---- many at once ---- */

static int append_strings(eio_buffer **json, const eio_slice *texts, size_t count)
{
    int rc = eio_buffer_append(json, EIO_STR("["));

    for (size_t i = 0; i < count && rc == EIO_OK; i++) {
        if (i > 0)
            rc = eio_buffer_append(json, EIO_STR(","));
        if (rc == EIO_OK)
            rc = sio_json_append_string(json, texts[i]);
    }
    return rc == EIO_OK ? eio_buffer_append(json, EIO_STR("]")) : rc;
}

static int append_socket(eio_buffer **json, const sio_found_socket *socket)
{
    const eio_slice before =
        eio_buffer_slice(*json).len > 1 ? EIO_STR(",{\"id\":") : EIO_STR("{\"id\":");
    int rc = eio_buffer_append(json, before);

    if (rc == EIO_OK)
        rc = sio_json_append_string(json, socket->id);
    if (rc == EIO_OK)
        rc = eio_buffer_append(json, EIO_STR(",\"rooms\":"));
    if (rc == EIO_OK)
        rc = append_strings(json, socket->rooms.names, socket->rooms.count);
    return rc == EIO_OK ? eio_buffer_append(json, EIO_STR("}")) : rc;
}

static void answer_found(sio_namespace *nsp, int status, const sio_found_socket *sockets,
                         size_t count, void *data)
{
    eio_buffer *json = eio_buffer_copy(EIO_STR("["));
    int rc = json == NULL ? EIO_E_NOMEM : status;

    (void)nsp;
    for (size_t i = 0; i < count && rc == EIO_OK; i++)
        rc = append_socket(&json, &sockets[i]);
    if (rc == EIO_OK)
        rc = eio_buffer_append(&json, EIO_STR("]"));
    if (rc == EIO_OK)
        (void)sio_ack_send(data, SIO_ARGS(eio_buffer_slice(json)));
    else
        sio_ack_drop(data);
    eio_buffer_unref(json);
}

static void on_fetch(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), name, sizeof(name));
    sio_ack *ack = sio_event_take_ack(event);

    (void)data;
    if (ack != NULL &&
        sio_fetch_sockets(sio_socket_namespace(socket), &(sio_target){ .rooms = SIO_ROOMS(room) },
                          0, answer_found, ack) != EIO_OK)
        sio_ack_drop(ack);
}

static void answer_count(sio_namespace *nsp, int status, size_t count, void *data)
{
    char number[24];

    (void)nsp;
    if (status == EIO_OK)
        (void)sio_ack_send(data, SIO_ARGS(testbed_print(number, count)));
    else
        sio_ack_drop(data);
}

/* Of a room; of the whole namespace if it is "". */
static void on_count(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), name, sizeof(name));
    char except_name[MAX_NAME_BYTES];
    const eio_slice except =
        testbed_text(testbed_argument(event, 1), except_name, sizeof(except_name));
    const sio_target target = { .rooms = { &room, room.len > 0 },
                                .except = { &except, except.len > 0 } };
    sio_ack *ack = sio_event_take_ack(event);

    (void)data;
    if (ack != NULL &&
        sio_count_sockets(sio_socket_namespace(socket), &target, 0, answer_count, ack) != EIO_OK)
        sio_ack_drop(ack);
}

static void on_kick(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), name, sizeof(name));

    (void)data;
    (void)sio_disconnect_sockets(sio_socket_namespace(socket),
                                 &(sio_target){ .rooms = SIO_ROOMS(room) }, true);
}

static void on_move(sio_socket *socket, sio_event *event, void *data)
{
    char names[2][MAX_NAME_BYTES];
    const eio_slice from = testbed_text(testbed_argument(event, 0), names[0], sizeof(names[0]));
    const eio_slice to = testbed_text(testbed_argument(event, 1), names[1], sizeof(names[1]));

    (void)data;
    (void)sio_sockets_join(sio_socket_namespace(socket), &(sio_target){ .rooms = SIO_ROOMS(from) },
                           SIO_ROOMS(to));
}

static void on_unmove(sio_socket *socket, sio_event *event, void *data)
{
    char names[2][MAX_NAME_BYTES];
    const eio_slice from = testbed_text(testbed_argument(event, 0), names[0], sizeof(names[0]));
    const eio_slice to = testbed_text(testbed_argument(event, 1), names[1], sizeof(names[1]));

    (void)data;
    (void)sio_sockets_leave(sio_socket_namespace(socket), &(sio_target){ .rooms = SIO_ROOMS(from) },
                            SIO_ROOMS(to));
}

/* New; NULL when out of memory. */
static eio_buffer *list_responses(const sio_args *responses, size_t count)
{
    eio_buffer *json = eio_buffer_copy(EIO_STR("["));
    int rc = json == NULL ? EIO_E_NOMEM : EIO_OK;

    for (size_t i = 0; i < count && rc == EIO_OK; i++) {
        if (i > 0)
            rc = eio_buffer_append(&json, EIO_STR(","));
        if (rc == EIO_OK)
            rc = eio_buffer_append(&json,
                                   responses[i].count > 0 ? responses[i].json[0] : EIO_STR("null"));
    }
    if (rc == EIO_OK && eio_buffer_append(&json, EIO_STR("]")) == EIO_OK)
        return json;
    eio_buffer_unref(json);
    return NULL;
}

static void answer_replies(sio_namespace *nsp, int status, const sio_args *replies, size_t count,
                           void *data)
{
    eio_buffer *json = list_responses(replies, count);

    (void)nsp;
    (void)status;
    if (json != NULL)
        (void)sio_ack_send(data, SIO_ARGS(eio_buffer_slice(json)));
    else
        sio_ack_drop(data);
    eio_buffer_unref(json);
}

static void on_sse(sio_socket *socket, sio_event *event, void *data)
{
    char name[MAX_NAME_BYTES];
    sio_ack *ack = sio_event_take_ack(event);
    sio_args args = testbed_arguments_from(event, 1);

    (void)data;
    args.count = args.count > 1 ? 1 : args.count;
    if (ack != NULL &&
        sio_server_side_emit_with_ack(sio_socket_namespace(socket),
                                      testbed_text(testbed_argument(event, 0), name, sizeof(name)),
                                      args, answer_replies, ack) != EIO_OK)
        sio_ack_drop(ack);
}

static void on_whoami(sio_namespace *nsp, sio_args args, sio_server_reply *reply, void *data)
{
    const testbed *bed = data;
    uint64_t id = (uint64_t)getpid();
    char number[24];

    (void)nsp;
    (void)args;
    if (bed->worker != NULL)
        id = id * SIO_WORKERS_MAX + sio_worker_index(bed->worker);
    (void)sio_server_reply_send(reply, SIO_ARGS(testbed_print(number, id)));
}

static void answer_responses(sio_namespace *nsp, int status, const sio_args *responses,
                             size_t count, void *data)
{
    eio_buffer *json = list_responses(responses, count);
    eio_buffer *error = eio_buffer_new(0);

    (void)nsp;
    if (json != NULL && error != NULL &&
        (status == EIO_OK
             ? eio_buffer_append(&error, EIO_STR("null"))
             : sio_json_append_string(&error, eio_slice_of(eio_strerror(status)))) == EIO_OK) {
        sio_args args = SIO_ARGS(eio_buffer_slice(error), eio_buffer_slice(json));
        if (count == 1) { /* of several, the binary would need new numbers */
            args.attachments = responses[0].attachments;
            args.attachment_count = responses[0].attachment_count;
        }
        (void)sio_ack_send(data, args);
    } else
        sio_ack_drop(data);
    eio_buffer_unref(json);
    eio_buffer_unref(error);
}

static void on_bcast_ack(sio_socket *socket, sio_event *event, void *data)
{
    char room_name[MAX_NAME_BYTES];
    char event_name[MAX_NAME_BYTES];
    const eio_slice room = testbed_text(testbed_argument(event, 0), room_name, sizeof(room_name));
    const eio_slice name = testbed_text(testbed_argument(event, 1), event_name, sizeof(event_name));
    size_t timeout_ms = testbed_number(testbed_argument(event, 3));
    sio_ack *ack = sio_event_take_ack(event);
    sio_args args = testbed_arguments_from(event, 2);

    (void)data;
    args.count = args.count > 1 ? 1 : args.count;
    if (ack != NULL && sio_broadcast_with_ack(sio_socket_namespace(socket),
                                              &(sio_target){ .rooms = SIO_ROOMS(room) }, name, args,
                                              timeout_ms, answer_responses, ack) != EIO_OK)
        sio_ack_drop(ack);
}

/* Not a thing that a server does: what others feel of one that does it. */
static void on_block(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    uv_sleep((unsigned)testbed_number(testbed_argument(event, 0)));
    (void)sio_event_ack(event, SIO_NO_ARGS);
}

static int set_up(testbed *bed)
{
    static const testbed_event events[] = {
        { "echo", on_echo },           { "ack", on_ack },       { "bcast", on_bcast },
        { "join", on_join },           { "leave", on_leave },   { "room", on_room },
        { "broadcast", on_broadcast }, { "fetch", on_fetch },   { "kick", on_kick },
        { "move", on_move },           { "unmove", on_unmove }, { "others", on_others },
        { "everybody", on_everybody }, { "sse", on_sse },       { "bcast-ack", on_bcast_ack },
        { "block", on_block },         { "count", on_count },   { NULL, NULL },
    };

    int rc =
        sio_on_server_side(sio_server_of(bed->io, SIO_STR("/")), SIO_STR("whoami"), on_whoami, bed);

    return rc == EIO_OK ? testbed_on(bed, events) : rc;
}

const testbed_contract contract_load = {
    .name = "load",
    .defaults = { .grace_ms = 8000 },
    .set_up = set_up,
};
