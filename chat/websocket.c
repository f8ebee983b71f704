#include "chat/websocket.h"

void chat_clients_init(chat_clients *clients, const chat_options *options)
{
    *clients = (chat_clients){ 0 };
    TAILQ_INIT(&clients->list);
    eio_websocket_options_init(&clients->options);
    clients->options.max_message_bytes = (size_t)options->max_payload_bytes;
    clients->options.ping_interval_ms = (uint64_t)options->ping_interval_ms;
    clients->options.close_timeout_ms = 1000;
}

bool chat_clients_accept(chat_clients *clients, chat_client *client, eio_http_request *request,
                         const eio_websocket_handler *handler)
{
    if (clients->stopping) {
        (void)eio_http_respond(request, 503, NULL);
        return false;
    }
    if (eio_websocket_accept(&client->ws, request, &clients->options, handler, client) != EIO_OK)
        return false;
    TAILQ_INSERT_TAIL(&clients->list, client, link);
    clients->count++;
    return true;
}

void chat_clients_remove(chat_clients *clients, chat_client *client)
{
    client->ws = NULL;
    TAILQ_REMOVE(&clients->list, client, link);
    if (--clients->count == 0 && clients->stopping)
        clients->on_empty(clients->data);
}

void chat_clients_stop(chat_clients *clients, void (*on_empty)(void *data), void *data)
{
    chat_client *client;

    clients->stopping = true;
    clients->on_empty = on_empty;
    clients->data = data;
    TAILQ_FOREACH(client, &clients->list, link)
        eio_websocket_close(client->ws, EIO_WS_GOING_AWAY, EIO_STR("server shutting down"));
    if (clients->count == 0)
        on_empty(data);
}
