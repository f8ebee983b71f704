/*
 * Classic pub/sub, byte-compatible with @socket.io/redis-adapter 8: one member of the cluster a namespace.
 * classic.c is what this server tells and asks, classic_in.c what it hears, classic_answer.c what it answers.
 */
#ifndef SOCKETIO_ADAPTER_CLASSIC_H
#define SOCKETIO_ADAPTER_CLASSIC_H

#include "socketio/adapter/opts.h"
#include "socketio/adapter/requests.h"
#include "socketio/adapter/wire.h"

enum { CLASSIC_ID_LEN = 6, CLASSIC_N_SUBSCRIPTIONS = 4 };

typedef enum classic_type {
    CLASSIC_SOCKETS,
    CLASSIC_ALL_ROOMS,
    CLASSIC_JOIN,
    CLASSIC_LEAVE,
    CLASSIC_DISCONNECT,
    CLASSIC_FETCH,
    CLASSIC_SERVER_SIDE,
    CLASSIC_ACK_REQUEST,
    CLASSIC_ACK_COUNT,
    CLASSIC_ACK,
} classic_type;

typedef struct sio_classic {
    sio_adapter base;
    sio_redis_bus *bus; /* borrowed */
    char uid[CLASSIC_ID_LEN];
    eio_buffer *events, *request, *response, *private_response; /* own: names of channels */
    sio_subscription *subscriptions[CLASSIC_N_SUBSCRIPTIONS];
    sio_requests requests;
} sio_classic;

static inline eio_slice sio_classic_uid(const sio_classic *classic)
{
    return (eio_slice){ classic->uid, CLASSIC_ID_LEN };
}

/* Callbacks of the subscriptions; data: the sio_classic. */
sio_subscription_cb sio_classic_handle_event;
sio_subscription_cb sio_classic_handle_request;
sio_subscription_cb sio_classic_handle_response;

/* Answer what another server asks: `request` is a JSON object, a part of the wire. */
int sio_classic_answer_rooms_question(sio_classic *classic, eio_slice request);
int sio_classic_answer_old_question(sio_classic *classic, eio_slice request);
int sio_classic_answer_fetch(sio_classic *classic, eio_slice request, const sio_opts *opts);
int sio_classic_answer_server_side(sio_classic *classic, const sio_wire *wire, eio_slice request);
int sio_classic_answer_ack_request(sio_classic *classic, const sio_wire *wire, eio_slice request,
                                   const sio_opts *opts);
/* That an order of the old form was obeyed. */
void sio_classic_confirm(sio_classic *classic, eio_slice request);

#endif
