#include "socketio/redis/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "socketio/redis/slot.h"

enum { RETRY_MS = 200 };

typedef struct shard {
    TAILQ_ENTRY(shard) link;
    sio_shards *shards;
    sio_redis *redis;
    sio_redis_node_place place;
    bool is_named;  /* in the answer that is being read */
    bool is_master; /* of some slots */
} shard;

struct sio_shards {
    uv_loop_t *loop;
    sio_redis_settings *settings;
    sio_redis *home;
    const sio_shards_handler *handler;
    void *data;
    TAILQ_HEAD(, shard) list;
    uv_timer_t retry;
    unsigned asked; /* questions under way: while there are any, the map is in doubt */
    bool is_known;
    bool is_closing;
    unsigned open_handles; /* the timer and the nodes */
    void (*on_closed)(void *data);
    void *closed_data;
    shard *by_slot[SIO_REDIS_N_SLOTS];
};

/* ---- life ---- */

static void unref_if_closed(sio_shards *shards)
{
    void (*on_closed)(void *) = shards->on_closed;
    void *data = shards->closed_data;

    if (--shards->open_handles > 0)
        return;
    sio_redis_settings_unref(shards->settings);
    free(shards);
    on_closed(data);
}

static void handle_node_closed(void *data)
{
    shard *node = data;
    sio_shards *shards = node->shards;

    free(node);
    unref_if_closed(shards);
}

static void forget(sio_shards *shards, shard *node)
{
    TAILQ_REMOVE(&shards->list, node, link);
    for (size_t slot = 0; slot < SIO_REDIS_N_SLOTS; slot++)
        if (shards->by_slot[slot] == node)
            shards->by_slot[slot] = NULL;
    sio_redis_close(node->redis, handle_node_closed, node);
}

static void handle_timer_closed(uv_handle_t *handle)
{
    unref_if_closed(handle->data);
}

void sio_shards_close(sio_shards *shards, void (*on_closed)(void *data), void *data)
{
    shard *node;

    if (shards == NULL) {
        on_closed(data);
        return;
    }
    shards->is_closing = true;
    shards->on_closed = on_closed;
    shards->closed_data = data;
    while ((node = TAILQ_FIRST(&shards->list)) != NULL)
        forget(shards, node);
    uv_close((uv_handle_t *)&shards->retry, handle_timer_closed);
}

/* ---- nodes ---- */

static void handle_connect(sio_redis *redis, void *data)
{
    sio_shards *shards = ((shard *)data)->shards;

    (void)redis;
    if (!shards->is_closing)
        shards->handler->on_change(NULL, shards->data);
}

static void retry_later(sio_shards *shards);

/* It may have died, and another one has its slots. */
static void handle_disconnect(sio_redis *redis, const char *why, void *data)
{
    const shard *node = data;
    sio_shards *shards = node->shards;

    (void)redis;
    if (shards->is_closing)
        return;
    retry_later(shards);
    if (node->is_master)
        shards->handler->on_change(why, shards->data);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    sio_shards *shards = ((shard *)data)->shards;

    (void)redis;
    if (!shards->is_closing)
        shards->handler->on_log(level, line, shards->data);
}

static shard *find_node(const sio_shards *shards, const sio_redis_node_place *place)
{
    shard *node;

    TAILQ_FOREACH(node, &shards->list, link) {
        if (node->place.port == place->port && strcmp(node->place.host, place->host) == 0)
            return node;
    }
    return NULL;
}

/* NULL: out of memory. */
static shard *add_node(sio_shards *shards, const sio_redis_node_place *place)
{
    shard *node = calloc(1, sizeof(*node));
    const sio_redis_options options = { .on_connect = handle_connect,
                                        .on_disconnect = handle_disconnect,
                                        .on_log = handle_log,
                                        .data = node };

    if (node == NULL)
        return NULL;
    node->shards = shards;
    node->place = *place;
    if (sio_redis_open(&node->redis, shards->loop, &options, shards->settings,
                       &(sio_redis_place){ place->host, place->port }) != EIO_OK) {
        free(node);
        return NULL;
    }
    shards->open_handles++;
    TAILQ_INSERT_TAIL(&shards->list, node, link);
    return node;
}

/* ---- the map ---- */

static shard *need_node(sio_shards *shards, const sio_redis_node_place *place)
{
    shard *node = find_node(shards, place);

    if (node == NULL)
        node = add_node(shards, place);
    if (node != NULL)
        node->is_named = true;
    return node;
}

static void take_range(sio_shards *shards, const sio_redis_reply *item)
{
    sio_redis_slot_range range;
    sio_redis_node_place replica;

    if (!sio_redis_read_range(&range, item))
        return;
    shard *node = need_node(shards, &range.place);
    if (node != NULL)
        node->is_master = true;
    for (unsigned slot = range.first; slot <= range.last; slot++)
        shards->by_slot[slot] = node;
    for (size_t i = 0; sio_redis_read_replica(&replica, item, i); i++)
        (void)need_node(shards, &replica);
}

static void take_map(sio_shards *shards, const sio_redis_reply *reply)
{
    shard *node, *next;

    TAILQ_FOREACH(node, &shards->list, link)
        node->is_named = false;
    memset(shards->by_slot, 0, sizeof(shards->by_slot));
    for (size_t i = 0; i < reply->count; i++)
        take_range(shards, &reply->items[i]);
    for (node = TAILQ_FIRST(&shards->list); node != NULL; node = next) {
        next = TAILQ_NEXT(node, link);
        if (!node->is_named)
            forget(shards, node);
    }
    shards->is_known = true;
}

static void handle_map(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    sio_shards *shards = data;

    (void)redis;
    shards->asked--;
    if (!shards->is_closing && status == EIO_OK && reply->type == SIO_REDIS_ARRAY)
        take_map(shards, reply);
    if (!shards->is_closing && !sio_shards_are_complete(shards))
        retry_later(shards);
    if (!shards->is_closing && shards->asked == 0)
        shards->handler->on_change(
            status == EIO_OK ? NULL : "the cluster does not say who serves what", shards->data);
    unref_if_closed(shards);
}

static void ask(sio_shards *shards, sio_redis *redis)
{
    if (sio_redis_command(redis, SIO_REDIS_ARGUMENTS(EIO_STR("CLUSTER"), EIO_STR("SLOTS")),
                          handle_map, shards) != EIO_OK) {
        retry_later(shards);
        return;
    }
    shards->asked++;
    shards->open_handles++;
}

static void handle_retry(uv_timer_t *timer)
{
    sio_shards *shards = timer->data;

    if (!sio_shards_are_complete(shards))
        ask(shards, shards->home);
}

static void retry_later(sio_shards *shards)
{
    if (!uv_is_active((uv_handle_t *)&shards->retry))
        uv_timer_start(&shards->retry, handle_retry, RETRY_MS, 0);
}

void sio_shards_refresh(sio_shards *shards)
{
    if (shards != NULL && shards->asked == 0)
        ask(shards, shards->home);
}

void sio_shards_doubt(sio_shards *shards, sio_redis *redis)
{
    if (shards->asked == 0)
        ask(shards, redis);
}

void sio_shards_pause(sio_shards *shards)
{
    shards->is_known = false;
    retry_later(shards);
}

sio_redis *sio_shards_find(const sio_shards *shards, unsigned slot)
{
    const shard *node = shards->by_slot[slot];

    if (!shards->is_known || shards->asked > 0 || node == NULL)
        return NULL;
    return sio_redis_is_connected(node->redis) ? node->redis : NULL;
}

sio_redis *sio_shards_next(const sio_shards *shards, const void **at)
{
    const shard *node = *at;

    node = node == NULL ? TAILQ_FIRST(&shards->list) : TAILQ_NEXT(node, link);
    *at = node;
    return node == NULL ? NULL : node->redis;
}

bool sio_shards_are_complete(const sio_shards *shards)
{
    const shard *node;

    if (shards == NULL)
        return true;
    if (!shards->is_known || shards->asked > 0 || TAILQ_EMPTY(&shards->list))
        return false;
    TAILQ_FOREACH(node, &shards->list, link) {
        if (node->is_master && !sio_redis_is_connected(node->redis))
            return false;
    }
    return true;
}

int sio_shards_new(sio_shards **out, uv_loop_t *loop, sio_redis_settings *settings, sio_redis *home,
                   const sio_shards_handler *handler, void *data)
{
    sio_shards *shards = calloc(1, sizeof(*shards));

    if (shards == NULL)
        return EIO_E_NOMEM;
    shards->loop = loop;
    shards->settings = sio_redis_settings_ref(settings);
    shards->home = home;
    shards->handler = handler;
    shards->data = data;
    TAILQ_INIT(&shards->list);
    uv_timer_init(loop, &shards->retry);
    shards->retry.data = shards;
    shards->open_handles = 1;
    *out = shards;
    return EIO_OK;
}
