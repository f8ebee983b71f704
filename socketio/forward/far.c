/* Where the session is: requests of clients that are elsewhere, answered as if they were here. */
#include "socketio/forward/forwarder.h"

static void handle_response(int status, eio_slice lines, eio_slice body, bool keep_alive,
                            void *data)
{
    sio_exchange_post(data,
                      (sio_forward_message){ .kind = SIO_FORWARD_ANSWER,
                                             .number = (uint32_t)status,
                                             .flags = keep_alive ? SIO_FORWARD_KEEPS_ALIVE : 0,
                                             .texts = { [SIO_FORWARD_LINES] = lines },
                                             .bytes = body });
    sio_exchange_free(data);
}

static void handle_upgrade(eio_stream *stream, void *data)
{
    sio_exchange *exchange = data;

    exchange->request = NULL;
    sio_exchange_post(exchange, (sio_forward_message){ .kind = SIO_FORWARD_UPGRADE });
    eio_stream_set_handler(stream, &sio_tunnel_handler, exchange);
    sio_tunnel_begin(exchange, stream);
}

static void handle_drop(void *data)
{
    sio_exchange_end(data);
}

static const eio_http_far_handler far_handler = {
    .on_response = handle_response,
    .on_upgrade = handle_upgrade,
    .on_drop = handle_drop,
};

void sio_far_body(sio_exchange *exchange, const sio_forward_message *message)
{
    eio_http_far_feed(exchange->request,
                      (message->flags & SIO_FORWARD_TOO_BIG) != 0 ? EIO_E_TOO_BIG : EIO_OK,
                      message->bytes);
}

/* It may be answered before this returns: then the exchange is gone. */
static void serve(sio_forwarder *forwarder, const sio_exchange *exchange,
                  const sio_forward_message *message)
{
    eio_server_serve_far(forwarder->engine, exchange->request);
    sio_exchange *left = eio_table_find(&forwarder->exchanges, message->exchange);
    if (left != NULL && left->state == SIO_EXCHANGE_SERVED &&
        (message->flags & (SIO_FORWARD_HAS_BODY | SIO_FORWARD_TOO_BIG)) != 0)
        sio_far_body(left, message);
}

static eio_http_request *make_request(sio_exchange *exchange, const sio_forward_message *message)
{
    const eio_http_far_head head = {
        .method = message->texts[SIO_FORWARD_METHOD],
        .target = message->texts[SIO_FORWARD_TARGET],
        .address = message->texts[SIO_FORWARD_ADDRESS],
        .headers = message->texts[SIO_FORWARD_HEADERS],
        .lines = message->texts[SIO_FORWARD_LINES],
        .is_secure = (message->flags & SIO_FORWARD_IS_SECURE) != 0,
        .is_upgrade = (message->flags & SIO_FORWARD_IS_UPGRADE) != 0,
    };

    return eio_http_far_new(eio_server_http(exchange->forwarder->engine), &head, &far_handler,
                            exchange);
}

bool sio_far_open(sio_forwarder *forwarder, sio_peer *peer, const sio_forward_message *message)
{
    sio_exchange *exchange =
        sio_exchange_new(forwarder, SIO_EXCHANGE_SERVED, (eio_slice){ NULL, 0 });

    if (exchange == NULL)
        return true; /* its client finds out when it is tired of waiting */
    int rc = sio_exchange_enter(exchange, peer, message->exchange);
    if (rc != EIO_OK) {
        sio_exchange_free(exchange);
        return rc != EIO_E_EXISTS;
    }
    exchange->request = make_request(exchange, message);
    if (exchange->request == NULL) {
        sio_exchange_end(exchange);
        return false;
    }
    forwarder->counters.served++;
    serve(forwarder, exchange, message);
    return true;
}
