/*
 * One client: what it asked for, strictly in the order in which it asked, each request completely before the next.
 * Its disconnection stands in that order too: what was sent before it still takes effect. Expected load: one per
 * client; a few requests waiting at most, unless the store is slow or the client floods.
 */
#ifndef CHAT_ROOMS_CONNECTION_H
#define CHAT_ROOMS_CONNECTION_H

#include "chat/rate.h"
#include "chat/rooms/rooms_private.h"

typedef struct chat_request chat_request;

/* A kind of request: how it begins. It ends in one call of chat_request_end, from within or later. */
typedef struct chat_request_kind {
    const char *name; /* of its event */
    void (*start)(chat_request *request);
} chat_request_kind;

struct chat_request {
    STAILQ_ENTRY(chat_request) link;
    const chat_request_kind *kind;
    struct chat_connection *connection;
    sio_event *event; /* a reference; NULL for the disconnection, and for what came too fast */
    size_t bytes;     /* of its payload */
    bool too_fast;    /* to be refused when its turn comes */
    bool takes_over;  /* it claims a name whose holder is gone */
    chat_fields fields;
};

typedef struct chat_connection {
    chat_rooms *rooms;
    sio_socket *socket; /* a reference */
    STAILQ_HEAD(, chat_request) queue;
    size_t queued, queued_bytes;
    bool busy;    /* a request is in work */
    bool running; /* requests are being started further up the stack */
    bool ended;   /* its disconnection has taken effect */
    chat_rate rate;
    chat_request leaving;          /* its disconnection: there is always memory for that */
    struct chat_member_list names; /* held and claimed */
} chat_connection;

/* NULL when out of memory. */
chat_connection *chat_connection_new(chat_rooms *rooms, sio_socket *socket);

/* An event came. One that floods is disconnected. */
void chat_connection_add(chat_connection *connection, const chat_request_kind *kind,
                         sio_event *event);
/* The socket has disconnected: the last call; it frees itself when all that was asked is done. */
void chat_connection_leave(chat_connection *connection, const chat_request_kind *kind);

/* The request is done: the next one begins. */
void chat_request_end(chat_request *request);

#endif
