#include "socketio/redis/stream_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/redis/client.h"
#include "socketio/redis/slot.h"

enum { RETRY_MS = 500, DIGITS_MAX = 20 };

struct sio_stream_reader {
    sio_redis *redis;
    uv_timer_t retry;
    const sio_stream_handler *handler;
    void *data;
    uint64_t last[2]; /* the entry that was read last */
    bool has_last;
    bool is_ready;
    bool is_closing;
    unsigned open_handles; /* link and timer */
    void (*on_closed)(void *data);
    void *closed_data;
    char block[DIGITS_MAX + 1];
    char count[DIGITS_MAX + 1];
    size_t name_len;
    char name[];
};

static eio_slice name_of(const sio_stream_reader *reader)
{
    return (eio_slice){ reader->name, reader->name_len };
}

/* ---- ids ---- */

static bool read_digits(uint64_t *out, const char *at, const char *end)
{
    uint64_t value = 0;

    if (at == end || end - at > DIGITS_MAX)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool sio_stream_id_read(uint64_t out[2], eio_slice text)
{
    const char *dash = text.len == 0 ? NULL : memchr(text.base, '-', text.len);

    return dash != NULL && read_digits(&out[0], text.base, dash) &&
           read_digits(&out[1], dash + 1, text.base + text.len);
}

void sio_stream_reader_position(uint64_t out[2], const sio_stream_reader *reader)
{
    memcpy(out, reader->last, sizeof(reader->last));
}

bool sio_stream_id_is_before(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

/* ---- reading ---- */

static void set_ready(sio_stream_reader *reader, bool is_ready, const char *why)
{
    if (reader->is_closing || (reader->is_ready == is_ready && is_ready))
        return;
    reader->is_ready = is_ready;
    reader->handler->on_ready(is_ready, why, reader->data);
}

static void take_entry(sio_stream_reader *reader, const sio_redis_reply *entry)
{
    uint64_t id[2];

    if (entry->type != SIO_REDIS_ARRAY || entry->count != 2 ||
        !sio_stream_id_read(id, entry->items[0].text))
        return;
    memcpy(reader->last, id, sizeof(id)); /* whatever is in it: never read it again */
    if (entry->items[1].type == SIO_REDIS_ARRAY)
        reader->handler->on_entry(entry->items[0].text, entry->items[1].items,
                                  entry->items[1].count, reader->data);
}

/* [[name, [entry, …]]], or nothing new. */
static void take_entries(sio_stream_reader *reader, const sio_redis_reply *reply)
{
    if (reply->type != SIO_REDIS_ARRAY || reply->count != 1 ||
        reply->items[0].type != SIO_REDIS_ARRAY || reply->items[0].count != 2)
        return;
    const sio_redis_reply *entries = &reply->items[0].items[1];
    for (size_t i = 0; i < entries->count && !reader->is_closing; i++)
        take_entry(reader, &entries->items[i]);
}

static void locate(sio_stream_reader *reader);

static void handle_retry(uv_timer_t *timer)
{
    locate(timer->data);
}

static void try_later(sio_stream_reader *reader, const sio_redis_reply *reply)
{
    sio_redis_node_place place;
    char why[200];

    if (sio_redis_read_moved(&place, reply)) {
        sio_redis_go_to(reader->redis, &(sio_redis_place){ place.host, place.port });
        return;
    }
    (void)snprintf(why, sizeof(why), "Redis: a stream cannot be read: %.*s",
                   (int)(reply->text.len < 150 ? reply->text.len : 150), reply->text.base);
    set_ready(reader, false, why);
    uv_timer_start(&reader->retry, handle_retry, RETRY_MS, 0);
}

static void read_on(sio_stream_reader *reader);

static void handle_entries(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    sio_stream_reader *reader = data;

    (void)redis;
    if (reader->is_closing || status == EIO_E_UNAVAILABLE)
        return; /* it goes on when the link is back */
    if (status == EIO_E_REPLY) {
        try_later(reader, reply);
        return;
    }
    if (status == EIO_OK)
        take_entries(reader, reply);
    if (!reader->is_closing)
        read_on(reader);
}

static void read_on(sio_stream_reader *reader)
{
    char last[SIO_STREAM_ID_MAX + 1];
    int len =
        snprintf(last, sizeof(last), "%" PRIu64 "-%" PRIu64, reader->last[0], reader->last[1]);
    int rc = sio_redis_command(
        reader->redis,
        SIO_REDIS_ARGUMENTS(EIO_STR("XREAD"), EIO_STR("COUNT"), eio_slice_of(reader->count),
                            EIO_STR("BLOCK"), eio_slice_of(reader->block), EIO_STR("STREAMS"),
                            name_of(reader), ((eio_slice){ last, (size_t)len })),
        handle_entries, reader);

    if (rc != EIO_OK)
        uv_timer_start(&reader->retry, handle_retry, RETRY_MS, 0);
}

/* ---- where to begin ---- */

/* [key, value, …]; false: it is not told. */
static bool find_last(uint64_t out[2], const sio_redis_reply *info)
{
    for (size_t i = 0; info->type == SIO_REDIS_ARRAY && i + 1 < info->count; i += 2) {
        if (eio_slice_equal(info->items[i].text, EIO_STR("last-generated-id")))
            return sio_stream_id_read(out, info->items[i + 1].text);
    }
    return false;
}

static bool is_no_stream(const sio_redis_reply *reply)
{
    static const char text[] = "ERR no such key";

    return reply->type == SIO_REDIS_ERROR && reply->text.len >= sizeof(text) - 1 &&
           memcmp(reply->text.base, text, sizeof(text) - 1) == 0;
}

static void handle_info(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    sio_stream_reader *reader = data;
    uint64_t end[2] = { 0, 0 };

    (void)redis;
    if (reader->is_closing || status == EIO_E_UNAVAILABLE)
        return;
    if (status == EIO_E_REPLY && !is_no_stream(reply)) {
        try_later(reader, reply);
        return;
    }
    if (status != EIO_OK && status != EIO_E_REPLY) {
        uv_timer_start(&reader->retry, handle_retry, RETRY_MS, 0);
        return;
    }
    if (status == EIO_OK && !find_last(end, reply)) {
        uv_timer_start(&reader->retry, handle_retry, RETRY_MS, 0);
        return;
    }
    /* A stream that ends before what we have read is another one: its old entries are not for us. */
    if (!reader->has_last || sio_stream_id_is_before(end, reader->last))
        memcpy(reader->last, end, sizeof(end));
    reader->has_last = true;
    set_ready(reader, true, NULL);
    read_on(reader);
}

static void locate(sio_stream_reader *reader)
{
    if (reader->is_closing || !sio_redis_is_connected(reader->redis))
        return;
    int rc = sio_redis_command(
        reader->redis, SIO_REDIS_ARGUMENTS(EIO_STR("XINFO"), EIO_STR("STREAM"), name_of(reader)),
        handle_info, reader);
    if (rc != EIO_OK)
        uv_timer_start(&reader->retry, handle_retry, RETRY_MS, 0);
}

/* ---- life ---- */

static void handle_connect(sio_redis *redis, void *data)
{
    (void)redis;
    locate(data);
}

static void handle_disconnect(sio_redis *redis, const char *why, void *data)
{
    sio_stream_reader *reader = data;

    (void)redis;
    uv_timer_stop(&reader->retry);
    set_ready(reader, false, why);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    sio_stream_reader *reader = data;

    (void)redis;
    if (!reader->is_closing)
        reader->handler->on_log(level, line, reader->data);
}

static int open_link(sio_stream_reader *reader, uv_loop_t *loop, sio_redis_settings *settings,
                     uint64_t block_ms)
{
    const sio_redis_options link = { .on_connect = handle_connect,
                                     .on_disconnect = handle_disconnect,
                                     .on_log = handle_log,
                                     .data = reader };
    int rc = sio_redis_open(&reader->redis, loop, &link, settings, NULL);

    if (rc == EIO_OK)
        sio_redis_will_block(reader->redis, block_ms);
    return rc;
}

int sio_stream_reader_new(sio_stream_reader **out, uv_loop_t *loop, sio_redis_settings *settings,
                          const sio_stream_options *options, const sio_stream_handler *handler,
                          void *data)
{
    sio_stream_reader *reader = calloc(1, sizeof(*reader) + options->name.len);

    if (reader == NULL)
        return EIO_E_NOMEM;
    reader->handler = handler;
    reader->data = data;
    reader->name_len = options->name.len;
    memcpy(reader->name, options->name.base, options->name.len);
    (void)snprintf(reader->block, sizeof(reader->block), "%" PRIu64, options->block_ms);
    (void)snprintf(reader->count, sizeof(reader->count), "%zu", options->read_count);
    int rc = open_link(reader, loop, settings, options->block_ms);
    if (rc != EIO_OK) {
        free(reader);
        return rc;
    }
    uv_timer_init(loop, &reader->retry);
    reader->retry.data = reader;
    reader->open_handles = 2;
    *out = reader;
    return EIO_OK;
}

static void handle_closed(void *data)
{
    sio_stream_reader *reader = data;

    if (--reader->open_handles > 0)
        return;
    void (*on_closed)(void *) = reader->on_closed;
    void *closed_data = reader->closed_data;
    free(reader);
    on_closed(closed_data);
}

static void handle_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

void sio_stream_reader_close(sio_stream_reader *reader, void (*on_closed)(void *data), void *data)
{
    reader->is_closing = true;
    reader->on_closed = on_closed;
    reader->closed_data = data;
    uv_close((uv_handle_t *)&reader->retry, handle_timer_closed);
    sio_redis_close(reader->redis, handle_closed, reader);
}
