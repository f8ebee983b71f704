#include "socketio/redis/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/net/table.h"
#include "socketio/redis/bus.h"
#include "socketio/redis/stream_reader.h"

struct sio_streams {
    sio_redis_bus *bus;
    sio_redis_streams_options options; /* its texts: own */
    void (*on_change)(sio_redis_bus *bus, const char *why);
    void (*on_log)(sio_redis_bus *bus, char level, const char *line);
    eio_table listeners;
    size_t ready;
    size_t open_readers;
    void (*on_closed)(void *data);
    void *closed_data;
    sio_stream_writer **writers; /* new; two for a reader but one, by index */
    size_t reader_count;
    struct reader_slot {
        sio_streams *streams;
        sio_stream_reader *reader;
        bool is_ready;
    } readers[];
};

/* ---- names ---- */

/* Java's hash of a string over its UTF-16 units, as Node's adapter has it. */
static int32_t hash_of(eio_slice text)
{
    uint32_t hash = 0;
    size_t i = 0;

    while (i < text.len) {
        unsigned char byte = (unsigned char)text.base[i];
        size_t len = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        uint32_t unit = len == 1 ? byte : byte & (0x7fu >> len);
        for (size_t k = 1; k < len && i + k < text.len; k++)
            unit = unit << 6 | ((unsigned char)text.base[i + k] & 0x3f);
        if (unit > 0xffff) {
            hash = hash * 31 + (0xd800 + ((unit - 0x10000) >> 10));
            unit = 0xdc00 + ((unit - 0x10000) & 0x3ff);
        }
        hash = hash * 31 + unit;
        i += len;
    }
    return (int32_t)hash;
}

static size_t print_name(char out[SIO_STREAM_NAME_MAX], const sio_redis_streams_options *options,
                         int32_t index)
{
    int len = options->stream_count == 1
                  ? snprintf(out, SIO_STREAM_NAME_MAX, "%s", options->stream_name)
                  : snprintf(out, SIO_STREAM_NAME_MAX, "%s-%" PRId32, options->stream_name, index);

    return len < SIO_STREAM_NAME_MAX ? (size_t)len : SIO_STREAM_NAME_MAX - 1;
}

size_t sio_stream_name(char out[SIO_STREAM_NAME_MAX], const sio_redis_streams_options *options,
                       eio_slice nsp)
{
    return print_name(out, options, hash_of(nsp) % (int32_t)options->stream_count);
}

/* ---- adding ---- */

/* Node's adapter writes a namespace whose hash is negative to a stream that nobody reads. */
static sio_stream_writer **writer_of(const sio_streams *streams, int32_t index)
{
    return &streams->writers[index + (int32_t)streams->reader_count - 1];
}

void sio_streams_add(sio_streams *streams, const sio_cluster_fields *fields,
                     sio_stream_added_cb *callback, void *data)
{
    int32_t index = hash_of(fields->nsp) % (int32_t)streams->reader_count;

    sio_stream_writer_add(*writer_of(streams, index), fields, callback, data);
}

/* ---- hearing ---- */

static eio_slice key_of(const void *item)
{
    return ((const sio_stream_listener *)item)->nsp;
}

int sio_streams_listen(sio_streams *streams, sio_stream_listener *listener)
{
    return eio_table_add(&streams->listeners, listener);
}

void sio_streams_stop(sio_streams *streams, sio_stream_listener *listener)
{
    (void)eio_table_remove(&streams->listeners, listener);
}

void sio_streams_position(uint64_t out[2], const sio_streams *streams, eio_slice nsp)
{
    int32_t index = hash_of(nsp) % (int32_t)streams->reader_count;

    if (index < 0) /* nobody reads it: nothing of it is still to come */
        out[0] = out[1] = UINT64_MAX;
    else
        sio_stream_reader_position(out, streams->readers[index].reader);
}

static void handle_entry(eio_slice id, const sio_redis_reply *items, size_t count, void *data)
{
    const struct reader_slot *slot = data;
    sio_streams *streams = slot->streams;
    sio_cluster_fields fields;

    sio_redis_bus_count_received(streams->bus);
    sio_stream_read_fields(&fields, items, count);
    sio_stream_listener *listener =
        fields.nsp.base == NULL ? NULL : eio_table_find(&streams->listeners, fields.nsp);
    if (listener == NULL)
        return;
    if (eio_slice_equal(fields.uid, listener->uid))
        sio_stream_writer_note(*writer_of(streams, (int32_t)(slot - streams->readers)), id,
                               &fields);
    else
        listener->on_entry(listener, id, &fields);
}

static void handle_ready(bool is_ready, const char *why, void *data)
{
    struct reader_slot *slot = data;
    sio_streams *streams = slot->streams;

    if (slot->is_ready != is_ready)
        streams->ready += is_ready ? 1 : (size_t)-1;
    slot->is_ready = is_ready;
    streams->on_change(streams->bus, is_ready ? NULL : why);
}

static void handle_log(char level, const char *line, void *data)
{
    sio_streams *streams = ((struct reader_slot *)data)->streams;

    streams->on_log(streams->bus, level, line);
}

bool sio_streams_are_ready(const sio_streams *streams)
{
    return streams == NULL || streams->ready == streams->reader_count;
}

/* ---- life ---- */

static void free_streams(sio_streams *streams)
{
    eio_table_fini(&streams->listeners);
    free(streams->writers);
    free((void *)(uintptr_t)streams->options.stream_name);
    free((void *)(uintptr_t)streams->options.session_key_prefix);
    free(streams);
}

static void handle_reader_closed(void *data)
{
    sio_streams *streams = data;
    void (*on_closed)(void *) = streams->on_closed;
    void *closed_data = streams->closed_data;

    if (--streams->open_readers > 0)
        return;
    free_streams(streams);
    if (on_closed != NULL)
        on_closed(closed_data);
}

void sio_streams_close(sio_streams *streams, void (*on_closed)(void *data), void *data)
{
    if (streams == NULL) {
        on_closed(data);
        return;
    }
    streams->on_closed = on_closed;
    streams->closed_data = data;
    for (size_t i = 0; streams->writers != NULL && i < 2 * streams->reader_count - 1; i++)
        sio_stream_writer_close(streams->writers[i]);
    streams->open_readers++;
    for (size_t i = 0; i < streams->reader_count; i++) {
        if (streams->readers[i].reader != NULL)
            sio_stream_reader_close(streams->readers[i].reader, handle_reader_closed, streams);
        else
            streams->open_readers--;
    }
    handle_reader_closed(streams);
}

static int copy_options(sio_streams *streams, const sio_redis_streams_options *given)
{
    sio_redis_streams_options *options = &streams->options;

    *options = *given;
    options->stream_name = strdup(given->stream_name == NULL ? "socket.io" : given->stream_name);
    options->session_key_prefix =
        strdup(given->session_key_prefix == NULL ? "sio:session:" : given->session_key_prefix);
    if (options->max_len == 0)
        options->max_len = 10000;
    if (options->read_count == 0)
        options->read_count = 100;
    if (options->block_time_ms == 0)
        options->block_time_ms = 5000;
    return options->stream_name == NULL || options->session_key_prefix == NULL ? EIO_E_NOMEM
                                                                               : EIO_OK;
}

static int open_reader(sio_streams *streams, uv_loop_t *loop, sio_redis_settings *settings,
                       size_t index)
{
    static const sio_stream_handler handler = { handle_entry, handle_ready, handle_log };
    struct reader_slot *slot = &streams->readers[index];
    char name[SIO_STREAM_NAME_MAX];
    const sio_stream_options options = {
        .name = { name, print_name(name, &streams->options, (int32_t)index) },
        .block_ms = streams->options.block_time_ms,
        .read_count = streams->options.read_count,
    };

    slot->streams = streams;
    return sio_stream_reader_new(&slot->reader, loop, settings, &options, &handler, slot);
}

static int open_writers(sio_streams *streams)
{
    int32_t count = (int32_t)streams->reader_count;
    char name[SIO_STREAM_NAME_MAX];

    streams->writers = calloc(2 * streams->reader_count - 1, sizeof(sio_stream_writer *));
    if (streams->writers == NULL)
        return EIO_E_NOMEM;
    for (int32_t i = 1 - count; i < count; i++) {
        const eio_slice slice = { name, print_name(name, &streams->options, i) };
        int rc = sio_stream_writer_new(writer_of(streams, i), streams->bus, slice,
                                       streams->options.max_len);
        if (rc != EIO_OK)
            return rc;
    }
    return EIO_OK;
}

enum { STREAMS_MAX = 64 };

int sio_streams_new(sio_streams **out, uv_loop_t *loop, const sio_streams_setup *setup,
                    eio_error *why)
{
    size_t count = setup->options->stream_count == 0 ? 1 : setup->options->stream_count;

    if (count > STREAMS_MAX)
        return eio_error_set(why, EIO_E_INVALID, "Redis: stream_count: at most %d", STREAMS_MAX);
    sio_streams *streams = calloc(1, sizeof(*streams) + count * sizeof(streams->readers[0]));
    if (streams == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    eio_table_init(&streams->listeners, key_of);
    streams->bus = setup->bus;
    streams->on_change = setup->on_change;
    streams->on_log = setup->on_log;
    streams->reader_count = count;
    streams->open_readers = count;
    *out = streams; /* from now on it is closed, not freed */
    int rc = copy_options(streams, setup->options);
    streams->options.stream_count = count;
    if (rc == EIO_OK)
        rc = open_writers(streams);
    for (size_t i = 0; i < count && rc == EIO_OK; i++)
        rc = open_reader(streams, loop, setup->settings, i);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "Redis: out of memory");
}

const sio_redis_streams_options *sio_streams_settings(const sio_streams *streams)
{
    return &streams->options;
}
