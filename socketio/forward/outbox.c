#include <stdlib.h>

#include "socketio/forward/forwarder.h"

static void free_posted(sio_posted *posted)
{
    eio_buffer_unref(posted->bytes);
    free(posted);
}

static sio_posted *take_first(sio_forwarder *forwarder)
{
    sio_posted *first = STAILQ_FIRST(&forwarder->outbox);

    STAILQ_REMOVE_HEAD(&forwarder->outbox, link);
    forwarder->outbox_bytes -= first->len;
    return first;
}

static void flush(sio_forwarder *forwarder);

static void wake_tunnels(sio_forwarder *forwarder)
{
    sio_exchange *exchange;
    size_t at = 0;

    while ((exchange = eio_table_next(&forwarder->exchanges, &at)) != NULL)
        if (exchange->state == SIO_EXCHANGE_TUNNEL)
            sio_tunnel_wake(exchange);
}

static void handle_published(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    sio_posted *posted = data;
    sio_forwarder *forwarder = posted->forwarder;
    bool was_busy = sio_forwarder_is_busy(forwarder);

    (void)redis;
    forwarder->in_flight--;
    forwarder->flight_bytes -= posted->len;
    free_posted(posted);
    if (forwarder->engine == NULL) {
        sio_forwarder_free_if_unused(forwarder);
        return;
    }
    sio_redis_bus_count_published(forwarder->bus, status, reply);
    if (status != EIO_OK) /* of a link that broke the bus tells */
        sio_forwarder_give_up(
            forwarder, status == EIO_E_UNAVAILABLE ? NULL : "Redis did not take what was sent");
    flush(forwarder);
    if (was_busy && !sio_forwarder_is_busy(forwarder))
        wake_tunnels(forwarder);
}

static eio_slice channel_of(const sio_forwarder *forwarder, const sio_posted *posted)
{
    const eio_slice all = { forwarder->channel, forwarder->channel_len };

    if (posted->is_for_all)
        return all;
    memcpy(forwarder->channel + all.len, posted->to, sizeof(posted->to));
    return (eio_slice){ all.base, all.len + sizeof(posted->to) };
}

static void publish(sio_forwarder *forwarder, sio_posted *posted)
{
    int rc =
        sio_redis_command(sio_redis_bus_commands(forwarder->bus),
                          SIO_REDIS_ARGUMENTS(EIO_STR("PUBLISH"), channel_of(forwarder, posted),
                                              eio_buffer_slice(posted->bytes)),
                          handle_published, posted);

    if (rc != EIO_OK) {
        free_posted(posted);
        sio_forwarder_give_up(forwarder, eio_strerror(rc));
        return;
    }
    forwarder->in_flight++;
    forwarder->flight_bytes += posted->len;
    eio_buffer_unref(posted->bytes); /* it was copied */
    posted->bytes = NULL;
}

static void flush(sio_forwarder *forwarder)
{
    while (!STAILQ_EMPTY(&forwarder->outbox) && forwarder->flight_bytes < SIO_FORWARD_FLIGHT_BYTES)
        publish(forwarder, take_first(forwarder));
}

bool sio_forwarder_is_busy(const sio_forwarder *forwarder)
{
    return !STAILQ_EMPTY(&forwarder->outbox);
}

void sio_forwarder_post(sio_forwarder *forwarder, eio_slice to, sio_forward_message draft)
{
    sio_posted *posted = calloc(1, sizeof(*posted));

    draft.from = (eio_slice){ forwarder->name, sizeof(forwarder->name) };
    if (posted == NULL || sio_forward_encode(&posted->bytes, &draft) != EIO_OK) {
        free(posted);
        sio_forwarder_give_up(forwarder, "out of memory");
        return;
    }
    posted->forwarder = forwarder;
    posted->len = eio_buffer_slice(posted->bytes).len;
    posted->is_for_all = to.base == NULL;
    if (to.base != NULL)
        memcpy(posted->to, to.base, sizeof(posted->to));
    STAILQ_INSERT_TAIL(&forwarder->outbox, posted, link);
    forwarder->outbox_bytes += posted->len;
    flush(forwarder);
    if (forwarder->outbox_bytes > SIO_FORWARD_OUTBOX_BYTES)
        sio_forwarder_give_up(forwarder, "Redis is too slow for what is sent");
}

void sio_outbox_clear(sio_forwarder *forwarder)
{
    while (!STAILQ_EMPTY(&forwarder->outbox))
        free_posted(take_first(forwarder));
}
