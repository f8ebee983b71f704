/*
 * The pubsub profile: JSON over plain WebSocket, rooms whose members hear of each other through Redis. What its files
 * share. Loop thread only.
 */
#ifndef CHAT_PUBSUB_PUBSUB_H
#define CHAT_PUBSUB_PUBSUB_H

#include "chat/pubsub/release.h"
#include "chat/pubsub/rooms.h"
#include "chat/pubsub/store.h"
#include "chat/rate.h"
#include "chat/websocket.h"

typedef struct pubsub pubsub;
typedef struct pubsub_connection pubsub_connection;

/* One message of a client, to be processed when all before it have taken effect. */
typedef struct pubsub_action {
    STAILQ_ENTRY(pubsub_action) link;
    size_t len;
    bool too_fast;
    char text[];
} pubsub_action;

struct pubsub_connection {
    chat_client client; /* first */
    pubsub *owner;
    char id[PUBSUB_ID_BYTES];
    eio_slice user,
        user_json; /* new; {NULL, 0} before auth. As canonical text, and as it was sent */
    struct pubsub_seat_list seats;
    size_t seat_count;
    STAILQ_HEAD(, pubsub_action) queue;
    size_t queued, queued_bytes;
    size_t waiting; /* answers of the store that the present action waits for */
    bool running;   /* actions are being started further up the stack */
    bool gone;      /* its client is: when all is done, it leaves everything and is freed */
    bool leaving;
    chat_rate rate, typing;
};

struct pubsub {
    const chat_host *host;
    pubsub_store *store;
    chat_clients clients;
    size_t connections; /* not freed yet: more than there are clients while some are leaving */
    size_t asked;       /* releases that are not answered yet */
    pubsub_rooms rooms;
    struct pubsub_release_list failed; /* for the next time that Redis is there */
    double last_score;
    bool stopping, closing;
    void (*on_stopped)(void *data);
    void *stopped_data;
};

void pubsub_tell(pubsub_connection *connection, eio_slice json);

/* An answer that a connection was waiting for has come. */
void pubsub_connection_go_on(pubsub_connection *connection);

/* A request for an upgrade, on any path. */
void pubsub_accept(pubsub *owner, eio_http_request *request);
/* Look whether a stop is complete. */
void pubsub_check_stopped(pubsub *owner);

/* GET /health, /api/…; and what is no upgrade gets 404. */
int pubsub_mount_rest(pubsub *owner);

#endif
