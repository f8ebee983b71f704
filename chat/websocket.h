/*
 * The clients of a profile that speaks plain WebSocket: who is connected, on any path, and how they are sent away.
 * They are pinged every --ping-interval; who has sent nothing for two of them is dropped.
 */
#ifndef CHAT_WEBSOCKET_H
#define CHAT_WEBSOCKET_H

#include <sys/queue.h>

#include "chat/profile.h"
#include "engineio/websocket.h"

/* First member of a profile's own struct. */
typedef struct chat_client {
    TAILQ_ENTRY(chat_client) link;
    eio_websocket *ws; /* NULL once it is closed */
} chat_client;

typedef struct chat_clients {
    TAILQ_HEAD(chat_client_list, chat_client) list;
    size_t count;
    eio_websocket_options options;
    bool stopping;
    void (*on_empty)(void *data); /* when the last one has gone after chat_clients_stop */
    void *data;
} chat_clients;

void chat_clients_init(chat_clients *clients, const chat_options *options);

/*
 * Accept an upgrade. The client's memory is the caller's; it is in the list until chat_clients_remove, which belongs
 * into the handler's on_close. The request is gone. False: it was refused, or the server is stopping.
 */
bool chat_clients_accept(chat_clients *clients, chat_client *client, eio_http_request *request,
                         const eio_websocket_handler *handler);
void chat_clients_remove(chat_clients *clients, chat_client *client);

/* Close them all with 1001. on_empty comes when they are gone, now if there are none. */
void chat_clients_stop(chat_clients *clients, void (*on_empty)(void *data), void *data);

#endif
