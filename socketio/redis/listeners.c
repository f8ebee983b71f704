/* How many listen to a channel: Redis counts its own; in a cluster each node counts those that came to it. */
#include <stdlib.h>

#include "socketio/redis/bus.h"
#include "socketio/redis/shards.h"
#include "socketio/redis/slot.h"

typedef struct census {
    sio_listeners_cb *callback;
    void *data;
    size_t count;
    size_t asked; /* nodes that have not answered */
    int status;
} census;

static void end_one(census *all)
{
    if (--all->asked > 0)
        return;
    all->callback(all->status, all->count, all->data);
    free(all);
}

/* [channel, count] */
static void handle_count(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    census *all = data;

    (void)redis;
    if (status == EIO_OK && (reply->type != SIO_REDIS_ARRAY || reply->count != 2 ||
                             reply->items[1].type != SIO_REDIS_INTEGER))
        status = EIO_E_PROTOCOL;
    if (status != EIO_OK)
        all->status = status;
    else if (reply->items[1].integer > 0)
        all->count += (size_t)reply->items[1].integer;
    end_one(all);
}

static int ask(census *all, sio_redis *redis, bool sharded, eio_slice channel)
{
    const eio_slice what = sharded ? EIO_STR("SHARDNUMSUB") : EIO_STR("NUMSUB");
    int rc = redis == NULL
                 ? EIO_E_UNAVAILABLE
                 : sio_redis_command(redis, SIO_REDIS_ARGUMENTS(EIO_STR("PUBSUB"), what, channel),
                                     handle_count, all);

    if (rc == EIO_OK)
        all->asked++;
    return rc;
}

static int ask_all(census *all, const sio_shards *shards, eio_slice channel)
{
    const void *at = NULL;
    sio_redis *redis;
    int rc = EIO_E_UNAVAILABLE;

    /* Who listens at a node that is away does not hear. */
    while ((redis = sio_shards_next(shards, &at)) != NULL) {
        if (!sio_redis_is_connected(redis))
            continue;
        rc = ask(all, redis, false, channel);
        if (rc != EIO_OK)
            break;
    }
    return rc;
}

int sio_redis_bus_count_listeners(sio_redis_bus *bus, bool sharded, eio_slice channel,
                                  sio_listeners_cb *callback, void *data)
{
    const sio_shards *shards = sio_redis_bus_shards(bus);
    census *all = calloc(1, sizeof(*all));
    int rc;

    if (all == NULL)
        return EIO_E_NOMEM;
    all->callback = callback;
    all->data = data;
    if (shards == NULL)
        rc = ask(all, sio_redis_bus_commands(bus), sharded, channel);
    else if (sharded)
        rc = ask(all, sio_shards_find(shards, sio_redis_slot(channel)), true, channel);
    else
        rc = ask_all(all, shards, channel);
    if (all->asked == 0) {
        free(all);
        return rc;
    }
    all->status = rc; /* answers come from the loop: some are still out */
    return EIO_OK;
}
