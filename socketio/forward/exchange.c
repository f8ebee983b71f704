#include <assert.h>
#include <stdlib.h>

#include "socketio/forward/owners.h"

static const unsigned legal_next[SIO_EXCHANGE_N_STATES] = {
    [SIO_EXCHANGE_FINDING] = 1u << SIO_EXCHANGE_ASKED,
    [SIO_EXCHANGE_ASKED] = 1u << SIO_EXCHANGE_TUNNEL,
    [SIO_EXCHANGE_SERVED] = 1u << SIO_EXCHANGE_TUNNEL,
};

void sio_exchange_set_state(sio_exchange *exchange, sio_exchange_state state)
{
    assert((legal_next[exchange->state] & 1u << state) != 0);
    exchange->state = (uint8_t)state;
}

sio_exchange *sio_exchange_new(sio_forwarder *forwarder, sio_exchange_state state, eio_slice sid)
{
    sio_exchange *exchange = calloc(1, sizeof(*exchange) + sid.len);

    if (exchange == NULL)
        return NULL;
    exchange->forwarder = forwarder;
    exchange->state = (uint8_t)state;
    exchange->sid_len = sid.len;
    if (sid.len > 0)
        memcpy(exchange->sid, sid.base, sid.len);
    return exchange;
}

void sio_exchange_unlist(sio_exchange *exchange)
{
    LIST_REMOVE(exchange, link);
    exchange->is_listed = false;
}

int sio_exchange_enter(sio_exchange *exchange, sio_peer *peer, eio_slice id)
{
    assert(!exchange->is_listed);
    memcpy(exchange->id, id.base, sizeof(exchange->id));
    int rc = eio_table_add(&exchange->forwarder->exchanges, exchange);
    if (rc != EIO_OK)
        return rc;
    exchange->peer = peer;
    LIST_INSERT_HEAD(&peer->exchanges, exchange, link);
    exchange->is_listed = true;
    return EIO_OK;
}

void sio_exchange_free(sio_exchange *exchange)
{
    sio_forwarder *forwarder = exchange->forwarder;

    eio_late_cancel(forwarder->loop, &exchange->late);
    if (exchange->is_listed)
        LIST_REMOVE(exchange, link);
    if (exchange->peer != NULL)
        eio_table_remove(&forwarder->exchanges, exchange);
    eio_buffer_unref(exchange->body);
    free(exchange);
    if (forwarder->is_closing)
        eio_late_add(forwarder->loop, &forwarder->late); /* perhaps that was the last one */
}

void sio_exchange_post(sio_exchange *exchange, sio_forward_message draft)
{
    draft.exchange = (eio_slice){ exchange->id, sizeof(exchange->id) };
    sio_forwarder_post(exchange->forwarder,
                       (eio_slice){ exchange->peer->name, sizeof(exchange->peer->name) }, draft);
}

void sio_exchange_end(sio_exchange *exchange)
{
    if (exchange->peer != NULL)
        sio_exchange_post(exchange, (sio_forward_message){ .kind = SIO_FORWARD_END });
    sio_exchange_free(exchange);
}

/* It is freed first: what ends with it may end others. */
void sio_exchange_handle_end(sio_exchange *exchange)
{
    eio_http_request *request = exchange->request;
    eio_stream *stream = exchange->stream;
    bool is_near = exchange->is_near;

    sio_exchange_free(exchange);
    if (stream != NULL) {
        eio_stream_close(stream); /* behind what it still has to send */
    } else if (is_near) {
        eio_http_on_abort(request, NULL, NULL);
        eio_http_destroy(request);
    } else {
        eio_http_far_abort(request);
    }
}

void sio_exchange_fail(sio_exchange *exchange)
{
    eio_stream *stream = exchange->stream;

    exchange->forwarder->counters.lost++;
    if (stream != NULL) {
        sio_exchange_free(exchange);
        eio_stream_abort(stream);
    } else if (exchange->is_near) {
        sio_owners_forget(exchange->forwarder, (eio_slice){ exchange->sid, exchange->sid_len });
        sio_near_refuse(exchange);
    } else {
        sio_exchange_handle_end(exchange);
    }
}
