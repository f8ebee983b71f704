#include "chat/broadcast/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/log.h"
#include "chat/store/place.h"
#include "socketio/redis.h"

/* A message on the channel: the server's id, `t` or `b`, and the bytes. */
enum { HEAD_BYTES = BROADCAST_ID_BYTES };

typedef struct redis_link {
    broadcast_link link; /* first */
    sio_redis *redis;
    sio_subscriber *subscriber;
    sio_subscription *subscription;
    char channel[64];
    void (*on_closed)(void *data);
    void *closed_data;
} redis_link;

static void send_message(broadcast_link *base, eio_slice payload, bool binary)
{
    redis_link *link = (redis_link *)base;
    eio_buffer *message = eio_buffer_new(HEAD_BYTES + payload.len);

    if (message != NULL && eio_buffer_append(&message, eio_slice_of(base->id)) == EIO_OK &&
        eio_buffer_append(&message, binary ? EIO_STR("b") : EIO_STR("t")) == EIO_OK &&
        eio_buffer_append(&message, payload) == EIO_OK)
        (void)sio_redis_command(link->redis,
                                SIO_REDIS_ARGUMENTS(EIO_STR("PUBLISH"), eio_slice_of(link->channel),
                                                    eio_buffer_slice(message)),
                                NULL, NULL);
    eio_buffer_unref(message);
}

static void handle_message(eio_slice channel, eio_slice bytes, void *data)
{
    redis_link *link = data;

    (void)channel;
    if (bytes.len < HEAD_BYTES || memcmp(bytes.base, link->link.id, HEAD_BYTES - 1) == 0)
        return;
    char kind = bytes.base[HEAD_BYTES - 1];
    if (kind == 't' || kind == 'b')
        link->link.on_message((eio_slice){ bytes.base + HEAD_BYTES, bytes.len - HEAD_BYTES },
                              kind == 'b', link->link.data);
}

static bool is_ready(const broadcast_link *base)
{
    const redis_link *link = (const redis_link *)base;

    return sio_redis_is_connected(link->redis) && sio_subscriber_is_ready(link->subscriber);
}

static void handle_redis_closed(void *data)
{
    redis_link *link = data;
    void (*on_closed)(void *) = link->on_closed;
    void *closed_data = link->closed_data;

    free(link);
    on_closed(closed_data);
}

static void handle_subscriber_closed(void *data)
{
    redis_link *link = data;

    sio_redis_close(link->redis, handle_redis_closed, link);
}

static void close_link(broadcast_link *base, void (*on_closed)(void *data), void *data)
{
    redis_link *link = (redis_link *)base;

    link->on_closed = on_closed;
    link->closed_data = data;
    sio_subscriber_close(link->subscriber, handle_subscriber_closed, link);
}

static void handle_connect(sio_redis *redis, void *data)
{
    (void)redis;
    (void)data;
    printf("Redis connected\n");
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    (void)redis;
    (void)data;
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

int broadcast_redis_open(broadcast_link **out, uv_loop_t *loop, const chat_options *options,
                         broadcast_link_cb *on_message, void *data, eio_error *why)
{
    static const broadcast_link_type type = { send_message, is_ready, close_link };
    static const sio_subscriber_handler handler = { 0 };
    redis_link *link = calloc(1, sizeof(*link));
    sio_redis_options redis_options;

    if (link == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    *out = &link->link; /* also if it fails: it ends with the process */
    sio_redis_options_init(&redis_options);
    redis_options.url = options->redis_url;
    redis_options.tls_ca_file = options->redis_ca;
    redis_options.name = "chatd";
    redis_options.on_connect = handle_connect;
    redis_options.on_log = handle_log;
    int rc = broadcast_link_init(&link->link, &type, on_message, data);
    if (rc == EIO_OK)
        rc = sio_redis_new(&link->redis, loop, &redis_options, why);
    if (rc == EIO_OK)
        rc = sio_subscriber_new(&link->subscriber, loop, &redis_options, &handler, link, why);
    if (rc != EIO_OK)
        return rc;
    (void)snprintf(link->channel, sizeof(link->channel), "chat:broadcast:%s",
                   chat_place_database(options));
    rc = sio_subscriber_add(&link->subscription, link->subscriber, SIO_SUBSCRIBE,
                            eio_slice_of(link->channel), handle_message, link);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "Redis: %s", eio_strerror(rc));
}
