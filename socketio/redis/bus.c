#include "socketio/redis/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/redis/encode.h"
#include "socketio/redis/outbox.h"
#include "socketio/redis/shards.h"
#include "socketio/redis/slot.h"

enum { CALM_MS = 1000 }; /* without a drop: the next one is told again */

struct sio_redis_bus {
    uv_loop_t *loop;
    sio_redis_settings *settings; /* of all links; shared */
    sio_redis *commands;          /* of a cluster: to any of its nodes */
    sio_shards *shards;           /* the nodes of a cluster; NULL: it is none */
    sio_subscriber *subscriber;
    sio_streams *streams;          /* NULL: none */
    sio_redis_bus_options options; /* key: own */
    sio_outbox *outbox;
    sio_redis_bus_counters counters;
    char trouble[300];
    bool is_ready;
    bool has_been_ready;
    bool drops; /* and has said so */
    uint64_t dropped_ms;
    bool is_closing;
    unsigned open_links;
    void (*on_closed)(void *data);
    void *closed_data;
};

void sio_redis_bus_options_init(sio_redis_bus_options *options)
{
    *options = (sio_redis_bus_options){
        .size = sizeof(*options),
        .key = "socket.io",
        .requests_timeout_ms = 5000,
        .max_wait_ms = 2000,
    };
    sio_redis_options_init(&options->redis);
}

EIO_PRINTF(3, 4)
static void log_line(sio_redis_bus *bus, char level, const char *format, ...)
{
    char line[400];
    va_list arguments;

    if (bus->options.on_log == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    bus->options.on_log(bus, level, line, bus->options.data);
}

/* ---- what leaves ---- */

/* Told once for each time that it begins: a Redis that is away, or a node of many, must not fill the log. */
void sio_redis_bus_count_dropped(sio_redis_bus *bus, const char *why)
{
    bus->counters.dropped++;
    bus->dropped_ms = uv_now(bus->loop);
    if (!bus->drops)
        log_line(bus, 'w', "Redis: messages to other servers are dropped: %s", why);
    bus->drops = true;
}

void sio_redis_bus_count_published(sio_redis_bus *bus, int status, const sio_redis_reply *reply)
{
    char why[200];

    if (status == EIO_OK) {
        bus->counters.published++;
        if (bus->drops && uv_now(bus->loop) - bus->dropped_ms > CALM_MS)
            bus->drops = false;
        return;
    }
    if (reply != NULL)
        (void)snprintf(why, sizeof(why), "%.*s",
                       (int)(reply->text.len < 180 ? reply->text.len : 180), reply->text.base);
    sio_redis_bus_count_dropped(bus, reply != NULL ? why : eio_strerror(status));
}

static void handle_published(int status, const sio_redis_reply *reply, void *data)
{
    sio_redis_bus *bus = data;

    if (!bus->is_closing)
        sio_redis_bus_count_published(bus, status, reply);
}

/* In a cluster the other nodes go on where one is away; but nobody speaks before it has heard. */
static sio_redis *find_way(int slot, void *data)
{
    const sio_redis_bus *bus = data;

    if (bus->shards == NULL)
        return bus->is_ready ? bus->commands : NULL;
    if (!bus->has_been_ready)
        return NULL;
    if (slot != SIO_OUTBOX_ANY_NODE)
        return sio_shards_find(bus->shards, (unsigned)slot);
    return sio_redis_is_connected(bus->commands) ? bus->commands : NULL;
}

static void handle_refusal(sio_redis *redis, const sio_redis_reply *why, void *data)
{
    const sio_redis_bus *bus = data;
    sio_redis_node_place place;

    if (sio_redis_read_moved(&place, why))
        sio_shards_doubt(bus->shards, redis);
    else
        sio_shards_pause(bus->shards);
}

static int slot_of(const sio_redis_bus *bus, eio_slice key)
{
    return bus->shards == NULL ? SIO_OUTBOX_ANY_NODE : (int)sio_redis_slot(key);
}

void sio_redis_bus_publish(sio_redis_bus *bus, eio_slice command, eio_slice channel,
                           eio_slice bytes)
{
    bool has_slot = eio_slice_equal(command, EIO_STR("SPUBLISH"));
    const eio_slice arguments[] = { command, channel, bytes };
    eio_buffer *encoded = NULL;
    int rc = sio_redis_encode(&encoded, arguments, 3, SIZE_MAX);

    if (rc != EIO_OK) {
        sio_redis_bus_count_dropped(bus, eio_strerror(rc));
        return;
    }
    sio_outbox_send(bus->outbox, &(sio_parcel){
                                     .slot = has_slot ? slot_of(bus, channel) : SIO_OUTBOX_ANY_NODE,
                                     .command = encoded,
                                     .callback = handle_published,
                                     .data = bus,
                                 });
    eio_buffer_unref(encoded);
}

void sio_redis_bus_send(sio_redis_bus *bus, eio_slice key, sio_parcel parcel)
{
    parcel.slot = slot_of(bus, key);
    sio_outbox_send(bus->outbox, &parcel);
}

void sio_redis_bus_settle(sio_redis_bus *bus, sio_outbox_lane *lane,
                          sio_outbox_verdict (*judge)(const void *data))
{
    sio_outbox_settle(bus->outbox, lane, judge);
}

/* ---- health ---- */

static void tell_health(sio_redis_bus *bus)
{
    if (bus->options.on_health != NULL && !bus->is_closing)
        bus->options.on_health(bus, bus->is_ready, sio_redis_bus_trouble(bus), bus->options.data);
}

static void set_trouble(sio_redis_bus *bus, const char *why)
{
    bus->is_ready = false;
    (void)snprintf(bus->trouble, sizeof(bus->trouble), "%s", why);
    tell_health(bus);
}

static void look(sio_redis_bus *bus)
{
    if (bus->is_ready || !sio_redis_is_connected(bus->commands) ||
        !sio_shards_are_complete(bus->shards) || !sio_subscriber_is_ready(bus->subscriber) ||
        !sio_streams_are_ready(bus->streams))
        return;
    bus->is_ready = true;
    bus->has_been_ready = true;
    bus->trouble[0] = '\0';
    sio_outbox_flush(bus->outbox);
    tell_health(bus);
}

static void handle_connect(sio_redis *redis, void *data)
{
    sio_redis_bus *bus = data;

    (void)redis;
    sio_shards_refresh(bus->shards);
    look(bus);
}

static void handle_disconnect(sio_redis *redis, const char *why, void *data)
{
    sio_redis_bus *bus = data;

    (void)redis;
    bus->counters.lost++;
    set_trouble(bus, why);
}

/* A link that cannot be made says so here alone. */
static void handle_line(sio_redis_bus *bus, char level, const char *line)
{
    if (level != 'd' && level != 'i' && !bus->is_ready)
        set_trouble(bus, line);
    if (bus->options.on_log != NULL)
        bus->options.on_log(bus, level, line, bus->options.data);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    (void)redis;
    handle_line(data, level, line);
}

static void handle_ready(sio_subscriber *subscriber, void *data)
{
    (void)subscriber;
    look(data);
}

static void handle_down(sio_subscriber *subscriber, const char *why, void *data)
{
    sio_redis_bus *bus = data;

    (void)subscriber;
    bus->counters.lost++;
    set_trouble(bus, why);
}

static void handle_refused(sio_subscriber *subscriber, eio_slice channel, const char *why,
                           void *data)
{
    (void)subscriber;
    log_line(data, 'e', "Redis: channel %.*s cannot be heard: %s",
             (int)(channel.len < 100 ? channel.len : 100), channel.base, why);
}

static void handle_subscriber_log(sio_subscriber *subscriber, char level, const char *line,
                                  void *data)
{
    (void)subscriber;
    handle_line(data, level, line);
}

/* A node is there, or is not. */
static void handle_shards(const char *why, void *data)
{
    sio_redis_bus *bus = data;

    if (why != NULL) {
        bus->counters.lost++;
        set_trouble(bus, why);
        return;
    }
    look(bus);
    sio_outbox_flush(bus->outbox);
}

static void handle_shards_log(char level, const char *line, void *data)
{
    handle_line(data, level, line);
}

static void handle_streams(sio_redis_bus *bus, const char *why)
{
    if (why == NULL)
        look(bus);
    else
        set_trouble(bus, why);
}

const char *sio_redis_bus_trouble(const sio_redis_bus *bus)
{
    return bus->is_ready ? NULL : bus->trouble;
}

/* ---- the handle ---- */

static void free_bus(sio_redis_bus *bus)
{
    sio_redis_settings_unref(bus->settings);
    free((void *)(uintptr_t)bus->options.key);
    free(bus);
}

static void handle_link_closed(void *data)
{
    sio_redis_bus *bus = data;
    void (*on_closed)(void *) = bus->on_closed;
    void *closed_data = bus->closed_data;

    if (--bus->open_links > 0)
        return;
    free_bus(bus);
    if (on_closed != NULL)
        on_closed(closed_data);
}

static int copy_options(sio_redis_bus *bus, const sio_redis_bus_options *given, eio_error *why)
{
    sio_redis_bus_options defaults;

    if (given->size != sizeof(*given))
        return eio_error_set(why, EIO_E_INVALID, "sio_redis_bus_options: not initialised");
    sio_redis_bus_options_init(&defaults);
    bus->options = *given;
    bus->options.key = NULL;
    if (bus->options.requests_timeout_ms == 0)
        bus->options.requests_timeout_ms = defaults.requests_timeout_ms;
    bus->options.key = strdup(given->key == NULL ? defaults.key : given->key);
    return bus->options.key == NULL ? eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory")
                                    : EIO_OK;
}

static int open_streams(sio_redis_bus *bus, eio_error *why)
{
    const sio_streams_setup setup = {
        .bus = bus,
        .settings = bus->settings,
        .options = bus->options.streams,
        .on_change = handle_streams,
        .on_log = handle_line,
    };

    if (setup.options == NULL)
        return EIO_OK;
    bus->options.streams = NULL; /* the caller's: they have their copy */
    return sio_streams_new(&bus->streams, bus->loop, &setup, why);
}

static int open_commands(sio_redis_bus *bus)
{
    static const sio_shards_handler shards_handler = { handle_shards, handle_shards_log };
    static const sio_outbox_way way = { find_way, handle_refusal };
    const sio_redis_options options = { .on_connect = handle_connect,
                                        .on_disconnect = handle_disconnect,
                                        .on_log = handle_log,
                                        .data = bus };
    int rc = sio_outbox_new(&bus->outbox, bus->loop, bus->options.max_wait_ms,
                            bus->settings->max_queued_bytes, &way, bus);

    if (rc == EIO_OK)
        rc = sio_redis_open(&bus->commands, bus->loop, &options, bus->settings, NULL);
    if (rc == EIO_OK && bus->settings->url.is_cluster)
        rc = sio_shards_new(&bus->shards, bus->loop, bus->settings, bus->commands, &shards_handler,
                            bus);
    return rc;
}

static int open_links(sio_redis_bus *bus, eio_error *why)
{
    static const sio_subscriber_handler handler = {
        .on_ready = handle_ready,
        .on_down = handle_down,
        .on_refused = handle_refused,
        .on_log = handle_subscriber_log,
    };
    int rc = sio_redis_settings_new(&bus->settings, &bus->options.redis, why);

    bus->options.redis.url = NULL; /* the caller's: the settings have their copies */
    bus->options.redis.name = NULL;
    bus->options.redis.tls_ca_file = NULL;
    if (rc != EIO_OK)
        return rc;
    rc = open_commands(bus);
    if (rc == EIO_OK)
        rc = sio_subscriber_open(&bus->subscriber, bus->loop, bus->settings, &handler, bus);
    if (rc != EIO_OK)
        return eio_error_set(why, rc, "Redis: out of memory");
    return open_streams(bus, why);
}

/* Those that there are. */
static void close_links(sio_redis_bus *bus)
{
    bus->is_closing = true;
    bus->is_ready = false;
    bus->open_links = 2u + (bus->subscriber != NULL) + (bus->commands != NULL);
    sio_outbox_close(bus->outbox);
    bus->outbox = NULL;
    sio_streams_close(bus->streams, handle_link_closed, bus);
    sio_subscriber_close(bus->subscriber, handle_link_closed, bus);
    sio_redis_close(bus->commands, handle_link_closed, bus);
    sio_shards_close(bus->shards, handle_link_closed, bus);
}

int sio_redis_bus_new(sio_redis_bus **out, uv_loop_t *loop, const sio_redis_bus_options *options,
                      eio_error *why)
{
    sio_redis_bus *bus = calloc(1, sizeof(*bus));

    if (bus == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    bus->loop = loop;
    int rc = copy_options(bus, options, why);
    if (rc == EIO_OK)
        rc = open_links(bus, why);
    if (rc == EIO_OK) {
        (void)snprintf(bus->trouble, sizeof(bus->trouble), "Redis %s: not connected yet",
                       bus->settings->address);
        *out = bus;
        return EIO_OK;
    }
    close_links(bus);
    return rc;
}

void sio_redis_bus_close(sio_redis_bus *bus, void (*on_closed)(void *data), void *data)
{
    if (bus == NULL || bus->is_closing)
        return;
    bus->on_closed = on_closed;
    bus->closed_data = data;
    close_links(bus);
}

/* ---- for adapters ---- */

sio_redis *sio_redis_bus_commands(sio_redis_bus *bus)
{
    return bus->commands;
}

sio_subscriber *sio_redis_bus_subscriber(sio_redis_bus *bus)
{
    return bus->subscriber;
}

sio_streams *sio_redis_bus_streams(sio_redis_bus *bus)
{
    return bus->streams;
}

sio_shards *sio_redis_bus_shards(const sio_redis_bus *bus)
{
    return bus->shards;
}

const sio_redis_bus_options *sio_redis_bus_settings(const sio_redis_bus *bus)
{
    return &bus->options;
}

void sio_redis_bus_count_received(sio_redis_bus *bus)
{
    bus->counters.received++;
}

void sio_redis_bus_count_bad(sio_redis_bus *bus, eio_slice channel, int rc)
{
    bus->counters.bad++;
    log_line(bus, 'd', "Redis: a message on %.*s is passed over: %s",
             (int)(channel.len < 100 ? channel.len : 100), channel.base, eio_strerror(rc));
}

sio_redis_bus_counters sio_redis_bus_count(const sio_redis_bus *bus)
{
    return bus->counters;
}
