#include "socketio/redis/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

/* A message that waits for Redis. */
typedef struct waiting {
    STAILQ_ENTRY(waiting) link;
    eio_slice command; /* a literal */
    size_t channel_len, len;
    uint64_t since_ms;
    char bytes[]; /* the channel, then the message */
} waiting;

struct sio_redis_bus {
    uv_loop_t *loop;
    sio_redis *commands;
    sio_subscriber *subscriber;
    sio_streams *streams;          /* NULL: none */
    sio_redis_bus_options options; /* key: own */
    STAILQ_HEAD(, waiting) queue;
    size_t queued_bytes;
    sio_redis_bus_counters counters;
    char trouble[300];
    bool is_ready;
    bool drops; /* and has said so */
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
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    bus->options.on_log(bus, level, line, bus->options.data);
}

/* ---- what leaves ---- */

/* Told once for each time that it begins: a Redis that is away must not fill the log. */
void sio_redis_bus_count_dropped(sio_redis_bus *bus, const char *why)
{
    bus->counters.dropped++;
    if (!bus->drops)
        log_line(bus, 'w', "Redis: messages to other servers are dropped: %s", why);
    bus->drops = true;
}

void sio_redis_bus_count_published(sio_redis_bus *bus, int status, const sio_redis_reply *reply)
{
    char why[200];

    if (status == EIO_OK) {
        bus->counters.published++;
        bus->drops = false;
        return;
    }
    if (reply != NULL)
        snprintf(why, sizeof(why), "%.*s", (int)(reply->text.len < 180 ? reply->text.len : 180),
                 reply->text.base);
    sio_redis_bus_count_dropped(bus, reply != NULL ? why : eio_strerror(status));
}

static void handle_published(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    (void)redis;
    sio_redis_bus_count_published(data, status, reply);
}

static void send_now(sio_redis_bus *bus, eio_slice command, eio_slice channel, eio_slice bytes)
{
    int rc = sio_redis_command(bus->commands, SIO_REDIS_ARGUMENTS(command, channel, bytes),
                               handle_published, bus);

    if (rc != EIO_OK)
        sio_redis_bus_count_dropped(bus, eio_strerror(rc));
}

static waiting *take_first(sio_redis_bus *bus)
{
    waiting *first = STAILQ_FIRST(&bus->queue);

    if (first != NULL) {
        STAILQ_REMOVE_HEAD(&bus->queue, link);
        bus->queued_bytes -= first->channel_len + first->len;
    }
    return first;
}

static void drop_old(sio_redis_bus *bus)
{
    const waiting *first;

    while ((first = STAILQ_FIRST(&bus->queue)) != NULL &&
           uv_now(bus->loop) - first->since_ms > bus->options.max_wait_ms) {
        free(take_first(bus));
        sio_redis_bus_count_dropped(bus, "Redis is away for too long");
    }
}

static void flush(sio_redis_bus *bus)
{
    waiting *first;

    drop_old(bus);
    while ((first = take_first(bus)) != NULL) {
        send_now(bus, first->command, (eio_slice){ first->bytes, first->channel_len },
                 (eio_slice){ first->bytes + first->channel_len, first->len });
        free(first);
    }
}

static void wait_for_redis(sio_redis_bus *bus, eio_slice command, eio_slice channel,
                           eio_slice bytes)
{
    size_t len = channel.len + bytes.len;

    drop_old(bus);
    if (len > bus->options.redis.max_queued_bytes - bus->queued_bytes) {
        sio_redis_bus_count_dropped(bus, "too many wait for Redis");
        return;
    }
    waiting *last = malloc(sizeof(*last) + len);
    if (last == NULL) {
        sio_redis_bus_count_dropped(bus, "out of memory");
        return;
    }
    *last = (waiting){ .command = command,
                       .channel_len = channel.len,
                       .len = bytes.len,
                       .since_ms = uv_now(bus->loop) };
    memcpy(last->bytes, channel.base, channel.len);
    memcpy(last->bytes + channel.len, bytes.base, bytes.len);
    STAILQ_INSERT_TAIL(&bus->queue, last, link);
    bus->queued_bytes += len;
}

void sio_redis_bus_publish(sio_redis_bus *bus, eio_slice command, eio_slice channel,
                           eio_slice bytes)
{
    if (bus->is_ready)
        send_now(bus, command, channel, bytes);
    else
        wait_for_redis(bus, command, channel, bytes);
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
    snprintf(bus->trouble, sizeof(bus->trouble), "%s", why);
    tell_health(bus);
}

static void look(sio_redis_bus *bus)
{
    if (bus->is_ready || !sio_redis_is_connected(bus->commands) ||
        !sio_subscriber_is_ready(bus->subscriber) || !sio_streams_are_ready(bus->streams))
        return;
    bus->is_ready = true;
    bus->trouble[0] = '\0';
    flush(bus);
    sio_streams_flush(bus->streams);
    tell_health(bus);
}

static void handle_connect(sio_redis *redis, void *data)
{
    (void)redis;
    look(data);
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
    waiting *first;

    while ((first = take_first(bus)) != NULL)
        free(first);
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
    if (bus->options.redis.max_queued_bytes == 0)
        bus->options.redis.max_queued_bytes = defaults.redis.max_queued_bytes;
    if (bus->options.requests_timeout_ms == 0)
        bus->options.requests_timeout_ms = defaults.requests_timeout_ms;
    bus->options.key = strdup(given->key == NULL ? defaults.key : given->key);
    return bus->options.key == NULL ? eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory")
                                    : EIO_OK;
}

static int open_streams(sio_redis_bus *bus, const sio_redis_options *redis, eio_error *why)
{
    const sio_streams_setup setup = {
        .bus = bus,
        .redis = redis,
        .options = bus->options.streams,
        .on_change = handle_streams,
        .on_log = handle_line,
    };

    if (setup.options == NULL)
        return EIO_OK;
    bus->options.streams = NULL; /* the caller's: they have their copy */
    return sio_streams_new(&bus->streams, bus->loop, &setup, why);
}

static int open_links(sio_redis_bus *bus, eio_error *why)
{
    static const sio_subscriber_handler handler = {
        .on_ready = handle_ready,
        .on_down = handle_down,
        .on_refused = handle_refused,
        .on_log = handle_subscriber_log,
    };
    sio_redis_options options = bus->options.redis;

    options.on_connect = handle_connect;
    options.on_disconnect = handle_disconnect;
    options.on_log = handle_log;
    options.data = bus;
    int rc = sio_redis_new(&bus->commands, bus->loop, &options, why);
    if (rc == EIO_OK)
        rc = sio_subscriber_new(&bus->subscriber, bus->loop, &options, &handler, bus, why);
    if (rc == EIO_OK)
        rc = open_streams(bus, &options, why);
    bus->options.redis.url = NULL; /* the caller's: the links have their copies */
    bus->options.redis.name = NULL;
    bus->options.redis.tls_ca_file = NULL;
    return rc;
}

/* Those that there are. */
static void close_links(sio_redis_bus *bus)
{
    bus->is_closing = true;
    bus->is_ready = false;
    bus->open_links = bus->subscriber == NULL ? 2 : 3;
    sio_streams_close(bus->streams, handle_link_closed, bus);
    sio_subscriber_close(bus->subscriber, handle_link_closed, bus);
    sio_redis_close(bus->commands, handle_link_closed, bus);
}

int sio_redis_bus_new(sio_redis_bus **out, uv_loop_t *loop, const sio_redis_bus_options *options,
                      eio_error *why)
{
    sio_redis_bus *bus = calloc(1, sizeof(*bus));

    if (bus == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    bus->loop = loop;
    STAILQ_INIT(&bus->queue);
    int rc = copy_options(bus, options, why);
    if (rc == EIO_OK)
        rc = open_links(bus, why);
    if (rc == EIO_OK) {
        snprintf(bus->trouble, sizeof(bus->trouble), "Redis %s: not connected yet",
                 sio_redis_address(bus->commands));
        *out = bus;
        return EIO_OK;
    }
    if (bus->commands == NULL) {
        free_bus(bus);
        return rc;
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
