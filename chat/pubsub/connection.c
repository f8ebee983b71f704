#include "chat/pubsub/pubsub.h"

#include <stdlib.h>

#include "chat/log.h"
#include "chat/pubsub/actions.h"
#include "chat/pubsub/told.h"

enum {
    MOST_QUEUED = 6000, /* more is a flood: 1008 */
    TYPING_A_SECOND = 20,
    TYPING_AT_ONCE = 40,
};

void pubsub_tell(pubsub_connection *connection, eio_slice json)
{
    if (connection->client.ws != NULL)
        (void)eio_websocket_send_text(connection->client.ws, json);
}

static void connection_free(pubsub_connection *connection)
{
    pubsub *owner = connection->owner;
    pubsub_action *action;

    while ((action = STAILQ_FIRST(&connection->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->queue, link);
        free(action);
    }
    free((char *)(uintptr_t)connection->user.base);
    free((char *)(uintptr_t)connection->user_json.base);
    free(connection);
    owner->connections--;
    pubsub_check_stopped(owner);
}

/* The next action, when nothing is waited for. In the end: its departure, then its memory. */
static void run(pubsub_connection *connection)
{
    pubsub_action *action;

    if (connection->running)
        return;
    connection->running = true;
    while (connection->waiting == 0 && (action = STAILQ_FIRST(&connection->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->queue, link);
        connection->queued--;
        connection->queued_bytes -= action->len;
        pubsub_act(connection, (eio_slice){ action->text, action->len }, action->too_fast);
        free(action);
    }
    if (connection->waiting == 0 && connection->gone && !connection->leaving) {
        connection->leaving = true;
        pubsub_depart(connection);
    }
    connection->running = false;
    if (connection->waiting == 0 && connection->leaving)
        connection_free(connection);
}

void pubsub_connection_go_on(pubsub_connection *connection)
{
    connection->waiting--;
    run(connection);
}

static void handle_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    pubsub_connection *connection = data;
    pubsub_action *action;
    size_t most_bytes = connection->owner->clients.options.max_message_bytes * 8;

    (void)binary; /* JSON in a binary frame counts, too */
    action = connection->queued >= MOST_QUEUED || connection->queued_bytes > most_bytes
                 ? NULL
                 : malloc(sizeof(*action) + payload.len);
    if (action == NULL) {
        chat_log(CHAT_LOG_WARN, "dropped", "id=%s reason=flood", connection->id);
        eio_websocket_close(ws, EIO_WS_POLICY, EIO_STR("too many messages"));
        return;
    }
    if (payload.len > 0)
        memcpy(action->text, payload.base, payload.len);
    action->len = payload.len;
    action->too_fast = !chat_rate_take(&connection->rate, uv_now(connection->owner->host->loop));
    connection->queued++;
    connection->queued_bytes += payload.len;
    STAILQ_INSERT_TAIL(&connection->queue, action, link);
    run(connection);
}

static void handle_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    pubsub_connection *connection = data;

    (void)ws;
    (void)reason;
    (void)failed;
    chat_log(CHAT_LOG_INFO, "disconnect", "id=%s code=%d", connection->id, code);
    connection->gone = true;
    chat_clients_remove(&connection->owner->clients, &connection->client);
    run(connection);
}

static const eio_websocket_handler handler = { .on_message = handle_message,
                                               .on_close = handle_close };

static void greet(pubsub_connection *connection)
{
    eio_buffer *json = pubsub_told_connected(connection->id, connection->owner->store->server_id);

    if (json != NULL)
        pubsub_tell(connection, eio_buffer_slice(json));
    eio_buffer_unref(json);
}

void pubsub_accept(pubsub *owner, eio_http_request *request)
{
    const chat_options *options = owner->host->options;
    uint64_t now = uv_now(owner->host->loop);
    char peer[64];
    pubsub_connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL) {
        eio_http_destroy(request);
        return;
    }
    connection->owner = owner;
    pubsub_make_id(connection->id);
    LIST_INIT(&connection->seats);
    STAILQ_INIT(&connection->queue);
    chat_rate_init(&connection->rate, (uint64_t)options->events_per_second,
                   (uint64_t)options->events_at_once, now);
    chat_rate_init(&connection->typing, TYPING_A_SECOND, TYPING_AT_ONCE, now);
    eio_http_remote_address(request, peer, sizeof(peer));
    if (!chat_clients_accept(&owner->clients, &connection->client, request, &handler)) {
        free(connection);
        return;
    }
    owner->connections++;
    chat_log(CHAT_LOG_INFO, "connect", "id=%s peer=%s", connection->id, peer);
    greet(connection);
}
