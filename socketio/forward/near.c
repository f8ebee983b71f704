/* Where the client is: its request is passed on, and the response that comes back is given to it. */
#include <stdlib.h>

#include "socketio/forward/owners.h"

/* ---- to the other end ---- */

static unsigned body_flags(const sio_exchange *exchange)
{
    if (!exchange->is_body_known)
        return 0;
    return exchange->is_too_big ? SIO_FORWARD_TOO_BIG : SIO_FORWARD_HAS_BODY;
}

/* The body, once: it is not kept. */
static eio_slice body_of(const sio_exchange *exchange)
{
    return exchange->body == NULL ? (eio_slice){ NULL, 0 } : eio_buffer_slice(exchange->body);
}

static void forget_body(sio_exchange *exchange)
{
    eio_buffer_unref(exchange->body);
    exchange->body = NULL;
}

static int pass_on(sio_exchange *exchange)
{
    eio_http_far_head head;
    eio_buffer *text;
    int rc = eio_http_far_describe(&head, &text, exchange->request);

    if (rc != EIO_OK)
        return rc;
    sio_exchange_post(
        exchange, (sio_forward_message){ .kind = SIO_FORWARD_OPEN,
                                         .flags = body_flags(exchange) |
                                                  (head.is_secure ? SIO_FORWARD_IS_SECURE : 0) |
                                                  (head.is_upgrade ? SIO_FORWARD_IS_UPGRADE : 0),
                                         .texts = { [SIO_FORWARD_METHOD] = head.method,
                                                    [SIO_FORWARD_TARGET] = head.target,
                                                    [SIO_FORWARD_ADDRESS] = head.address,
                                                    [SIO_FORWARD_HEADERS] = head.headers,
                                                    [SIO_FORWARD_LINES] = head.lines },
                                         .bytes = body_of(exchange) });
    eio_buffer_unref(text);
    forget_body(exchange);
    return EIO_OK;
}

static int join_owner(sio_exchange *exchange, const sio_owner *owner)
{
    char id[EIO_RANDOM_ID_LEN];
    sio_peer *peer = sio_forwarder_need_peer(exchange->forwarder,
                                             (eio_slice){ owner->name, sizeof(owner->name) });
    int rc = peer == NULL ? EIO_E_NOMEM : eio_random_id(id);

    sio_exchange_unlist(exchange);
    if (rc == EIO_OK)
        rc = sio_exchange_enter(exchange, peer, (eio_slice){ id, sizeof(id) });
    if (rc == EIO_OK)
        sio_exchange_set_state(exchange, SIO_EXCHANGE_ASKED);
    return rc;
}

/* Late, so that a body that stands behind the head goes with it. */
static void run_late(eio_late *late)
{
    sio_exchange *exchange = (sio_exchange *)((char *)late - offsetof(sio_exchange, late));
    const sio_owner *owner =
        sio_owners_find(exchange->forwarder, (eio_slice){ exchange->sid, exchange->sid_len });

    if (owner == NULL || !owner->is_known)
        return; /* sio_near_go_on comes, or sio_near_refuse */
    int rc = join_owner(exchange, owner);
    if (rc == EIO_OK)
        rc = pass_on(exchange);
    if (rc != EIO_OK)
        sio_near_refuse(exchange);
}

void sio_near_go_on(sio_exchange *exchange)
{
    eio_late_add(exchange->forwarder->loop, &exchange->late);
}

/* ---- what the client does ---- */

static void handle_abort(eio_http_request *request, void *data)
{
    (void)request;
    sio_exchange_end(data);
}

static void handle_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    sio_exchange *exchange = data;

    (void)request;
    exchange->is_body_known = true;
    exchange->is_too_big = status == EIO_E_TOO_BIG;
    if (status == EIO_OK)
        exchange->body = eio_buffer_copy(body);
    if (exchange->body == NULL && !exchange->is_too_big) {
        sio_near_drop(exchange);
        return;
    }
    if (exchange->state != SIO_EXCHANGE_ASKED)
        return; /* it goes with the head */
    sio_exchange_post(exchange, (sio_forward_message){ .kind = SIO_FORWARD_BODY,
                                                       .flags = body_flags(exchange),
                                                       .bytes = body_of(exchange) });
    forget_body(exchange);
}

bool sio_near_take(eio_server *engine, eio_http_request *request, eio_slice sid, void *data)
{
    sio_forwarder *forwarder = data;

    (void)sio_forwarder_look(forwarder);
    sio_owner *owner = sio_forwarder_is_ready(forwarder) ? sio_owners_need(forwarder, sid) : NULL;
    if (owner == NULL)
        return false;
    sio_exchange *exchange = sio_exchange_new(forwarder, SIO_EXCHANGE_FINDING, sid);
    if (exchange == NULL)
        return false;
    exchange->is_near = true;
    exchange->request = request;
    exchange->late.run = run_late;
    LIST_INSERT_HEAD(&owner->waiting, exchange, link);
    exchange->is_listed = true;
    forwarder->counters.forwarded++;
    eio_http_on_abort(request, handle_abort, exchange);
    sio_near_go_on(exchange);
    if (eio_slice_equal(eio_http_method(request), EIO_STR("POST")))
        eio_http_read_body(request, eio_server_max_payload(engine), handle_body, exchange);
    return true;
}

/* ---- what comes back ---- */

/* The request, which is nobody's then; the exchange is gone. */
static eio_http_request *take_request(sio_exchange *exchange)
{
    eio_http_request *request = exchange->request;

    eio_http_on_abort(request, NULL, NULL);
    sio_exchange_free(exchange);
    return request;
}

void sio_near_refuse(sio_exchange *exchange)
{
    eio_server *engine = exchange->forwarder->engine;

    eio_server_refuse_stray(engine, take_request(exchange));
}

void sio_near_drop(sio_exchange *exchange)
{
    eio_http_request *request = exchange->request;
    eio_stream *stream = exchange->stream;

    if (request != NULL)
        eio_http_on_abort(request, NULL, NULL);
    sio_exchange_end(exchange);
    if (request != NULL)
        eio_http_destroy(request);
    eio_stream_abort(stream);
}

void sio_near_answer(sio_exchange *exchange, const sio_forward_message *message)
{
    eio_buffer *body = message->bytes.len == 0 ? NULL : eio_buffer_copy(message->bytes);

    if (body == NULL && message->bytes.len > 0) {
        eio_http_destroy(take_request(exchange));
        return;
    }
    (void)eio_http_far_deliver(take_request(exchange), (int)message->number,
                               message->texts[SIO_FORWARD_LINES], body,
                               (message->flags & SIO_FORWARD_KEEPS_ALIVE) != 0);
    eio_buffer_unref(body);
}

void sio_near_upgrade(sio_exchange *exchange)
{
    eio_http_request *request = exchange->request;

    eio_http_on_abort(request, NULL, NULL);
    eio_stream *stream = eio_http_far_open(request, &sio_tunnel_handler, exchange);
    exchange->request = NULL;
    if (stream == NULL)
        sio_exchange_end(exchange);
    else
        sio_tunnel_begin(exchange, stream);
}
