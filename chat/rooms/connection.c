#include "chat/rooms/connection.h"

#include <stdlib.h>

#include "chat/log.h"
#include "chat/rooms/tell.h"

enum {
    MOST_QUEUED =
        10000, /* requests that wait, refused ones included: who sends more does not listen */
    MOST_QUEUED_BYTES = 4 * 1024 * 1024,
};

static const char too_fast[] = "Too many requests.";

chat_connection *chat_connection_new(chat_rooms *rooms, sio_socket *socket)
{
    chat_connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL)
        return NULL;
    connection->rooms = rooms;
    connection->socket = sio_socket_ref(socket);
    STAILQ_INIT(&connection->queue);
    LIST_INIT(&connection->names);
    chat_rate_init(&connection->rate, rooms->options.events_per_second,
                   rooms->options.events_at_once, uv_now(rooms->loop));
    rooms->connections++;
    return connection;
}

static void connection_free(chat_connection *connection)
{
    chat_rooms *rooms = connection->rooms;

    sio_socket_unref(connection->socket);
    free(connection);
    rooms->connections--;
    chat_rooms_check_stopped(rooms);
}

/* Start what waits until one has to wait for the store. */
/* NOLINTNEXTLINE(misc-no-recursion): `running` ends it */
static void run(chat_connection *connection)
{
    chat_request *request;

    if (connection->running)
        return;
    connection->running = true;
    while (!connection->busy && (request = STAILQ_FIRST(&connection->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->queue, link);
        connection->queued--;
        connection->queued_bytes -= request->bytes;
        connection->busy = true;
        if (request->too_fast) {
            chat_tell_error(connection->socket, too_fast);
            chat_request_end(request);
        } else {
            request->kind->start(request);
        }
    }
    connection->running = false;
    if (connection->ended)
        connection_free(connection);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
void chat_request_end(chat_request *request)
{
    chat_connection *connection = request->connection;

    chat_fields_fini(&request->fields);
    sio_event_unref(request->event);
    if (request != &connection->leaving)
        free(request);
    connection->busy = false;
    run(connection);
}

static void enqueue(chat_connection *connection, chat_request *request,
                    const chat_request_kind *kind)
{
    request->kind = kind;
    request->connection = connection;
    STAILQ_INSERT_TAIL(&connection->queue, request, link);
    connection->queued++;
}

static size_t payload_bytes(const sio_event *event)
{
    const sio_args args = sio_event_args(event);
    size_t bytes = 0;

    for (size_t i = 0; i < args.count; i++)
        bytes += args.json[i].len;
    for (size_t i = 0; i < args.attachment_count; i++)
        bytes += eio_buffer_slice(args.attachments[i]).len;
    return bytes;
}

static void drop(chat_connection *connection, const char *why)
{
    eio_slice id = sio_socket_id(connection->socket);

    chat_log(CHAT_LOG_WARN, "dropped", "id=%.*s why=%s", (int)id.len, id.base, why);
    sio_disconnect(connection->socket, true);
}

void chat_connection_add(chat_connection *connection, const chat_request_kind *kind,
                         sio_event *event)
{
    size_t bytes = payload_bytes(event);

    if (connection->queued >= MOST_QUEUED) {
        drop(connection, "flood");
        return;
    }
    chat_request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        drop(connection, "memory");
        return;
    }
    enqueue(connection, request, kind);
    request->too_fast =
        !chat_rate_take(&connection->rate, uv_now(connection->rooms->loop)) ||
        (connection->queued_bytes > 0 && connection->queued_bytes + bytes > MOST_QUEUED_BYTES);
    if (!request->too_fast) {
        request->bytes = bytes;
        connection->queued_bytes += bytes;
        request->event = sio_event_ref(event);
        if (request->event == NULL)
            request->too_fast = true;
    }
    run(connection);
}

void chat_connection_leave(chat_connection *connection, const chat_request_kind *kind)
{
    enqueue(connection, &connection->leaving, kind);
    run(connection);
}
