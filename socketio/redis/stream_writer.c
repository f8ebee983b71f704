#include "socketio/redis/stream_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "socketio/redis/bus.h"
#include "socketio/redis/encode.h"
#include "socketio/redis/handshake.h"
#include "socketio/redis/stream_reader.h"

enum { LOOK_COUNT = 100 }; /* entries at once */

/* An entry on its way, until it is known what became of it. */
typedef struct addition {
    TAILQ_ENTRY(addition) link;
    sio_stream_writer *writer;
    eio_buffer *command; /* own */
    sio_stream_added_cb *callback;
    void *data;
    char id[SIO_STREAM_ID_MAX]; /* it was met in the stream, without an answer; "": not yet */
} addition;

TAILQ_HEAD(addition_list, addition);

struct sio_stream_writer {
    sio_outbox_lane lane; /* first */
    sio_redis_bus *bus;
    struct addition_list additions; /* in the order of the calls, which is that of their ids */
    uint64_t last[2];               /* the newest id that one of them ended with */
    uint64_t until[2];              /* a look goes back from the end: what is to be seen yet */
    bool is_looking;
    bool cannot_look; /* Redis does not let us */
    bool is_closed;
    size_t uses; /* its owner, the additions and the look */
    size_t max_len;
    size_t name_len;
    char name[];
};

static void unref(sio_stream_writer *writer)
{
    if (--writer->uses == 0)
        free(writer);
}

static eio_slice name_of(const sio_stream_writer *writer)
{
    return (eio_slice){ writer->name, writer->name_len };
}

/* ---- adding ---- */

static int encode_addition(eio_buffer **out, const sio_stream_writer *writer,
                           const sio_cluster_fields *fields)
{
    char most[24];
    int most_len = snprintf(most, sizeof(most), "%zu", writer->max_len);
    const eio_slice arguments[] = {
        EIO_STR("XADD"),
        name_of(writer),
        EIO_STR("MAXLEN"),
        EIO_STR("~"),
        { most, (size_t)most_len },
        EIO_STR("*"),
        EIO_STR("uid"),
        fields->uid,
        EIO_STR("nsp"),
        fields->nsp,
        EIO_STR("type"),
        fields->type,
        EIO_STR("data"),
        fields->data,
    };

    return sio_redis_encode(out, arguments, sizeof(arguments) / sizeof(arguments[0]), SIZE_MAX);
}

static void handle_added(int status, const sio_redis_reply *reply, void *data)
{
    addition *one = data;
    sio_stream_writer *writer = one->writer;
    bool is_answered = status == EIO_OK && reply != NULL && reply->type == SIO_REDIS_STRING;
    eio_slice id = is_answered          ? reply->text
                   : one->id[0] != '\0' ? eio_slice_of(one->id)
                                        : (eio_slice){ NULL, 0 };

    if (id.base != NULL)
        (void)sio_stream_id_read(writer->last, id);
    if (status != EIO_E_CLOSED)
        sio_redis_bus_count_published(writer->bus, status, reply);
    TAILQ_REMOVE(&writer->additions, one, link);
    if (one->callback != NULL)
        one->callback(id, one->data);
    eio_buffer_unref(one->command);
    free(one);
    unref(writer);
}

void sio_stream_writer_add(sio_stream_writer *writer, const sio_cluster_fields *fields,
                           sio_stream_added_cb *callback, void *data)
{
    addition *one = calloc(1, sizeof(*one));
    int rc = one == NULL ? EIO_E_NOMEM : encode_addition(&one->command, writer, fields);

    if (rc != EIO_OK) {
        free(one);
        sio_redis_bus_count_dropped(writer->bus, eio_strerror(rc));
        if (callback != NULL)
            callback((eio_slice){ NULL, 0 }, data);
        return;
    }
    one->writer = writer;
    one->callback = callback;
    one->data = data;
    writer->uses++;
    TAILQ_INSERT_TAIL(&writer->additions, one, link);
    sio_redis_bus_send(writer->bus, name_of(writer),
                       (sio_parcel){ .lane = &writer->lane,
                                     .command = one->command,
                                     .callback = handle_added,
                                     .data = one });
}

/* ---- what was on its way ---- */

/* They are carried out in the order of sending, and what they say is all there is to know them by. */
void sio_stream_writer_note(sio_stream_writer *writer, eio_slice id,
                            const sio_cluster_fields *fields)
{
    eio_buffer *command = NULL;
    uint64_t at[2];
    addition *one;
    /* What is in doubt is older than all else that is on its way. */
    size_t left = writer->lane.in_doubt > 0 ? writer->lane.in_doubt : SIZE_MAX;

    if (!sio_stream_id_read(at, id) || id.len >= SIO_STREAM_ID_MAX ||
        !sio_stream_id_is_before(writer->last, at) ||
        encode_addition(&command, writer, fields) != EIO_OK)
        return;
    TAILQ_FOREACH(one, &writer->additions, link) {
        if (left-- == 0 || eio_slice_equal(eio_slice_of(one->id), id))
            break; /* none of these, or met before */
        if (one->id[0] == '\0' &&
            eio_slice_equal(eio_buffer_slice(one->command), eio_buffer_slice(command))) {
            memcpy(one->id, id.base, id.len); /* what follows is zero */
            break;
        }
    }
    eio_buffer_unref(command);
}

static sio_outbox_verdict judge(const void *data)
{
    const addition *one = data;

    return one->id[0] != '\0'         ? SIO_OUTBOX_DONE
           : one->writer->cannot_look ? SIO_OUTBOX_LOST
                                      : SIO_OUTBOX_AGAIN;
}

void sio_stream_read_fields(sio_cluster_fields *out, const sio_redis_reply *items, size_t count)
{
    *out = (sio_cluster_fields){ .uid = { NULL, 0 } };
    for (size_t i = 0; i + 1 < count; i += 2) {
        eio_slice name = items[i].text, value = items[i + 1].text;
        if (eio_slice_equal(name, EIO_STR("uid")))
            out->uid = value;
        else if (eio_slice_equal(name, EIO_STR("nsp")))
            out->nsp = value;
        else if (eio_slice_equal(name, EIO_STR("type")))
            out->type = value;
        else if (eio_slice_equal(name, EIO_STR("data")))
            out->data = value;
    }
}

/* [[id, [name, value, …]], …], the newest first. Whether there may be more. */
static bool take_page(sio_stream_writer *writer, const sio_redis_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        const sio_redis_reply *entry = &reply->items[i];
        sio_cluster_fields fields;
        if (entry->type != SIO_REDIS_ARRAY || entry->count != 2 ||
            !sio_stream_id_read(writer->until, entry->items[0].text))
            return false;
        sio_stream_read_fields(&fields, entry->items[1].items, entry->items[1].count);
        sio_stream_writer_note(writer, entry->items[0].text, &fields);
    }
    if (writer->until[1]-- == 0)
        writer->until[0]--;
    return reply->count == LOOK_COUNT;
}

static void look_on(sio_stream_writer *writer);

static void handle_page(int status, const sio_redis_reply *reply, void *data)
{
    sio_stream_writer *writer = data;
    bool is_told = status == EIO_OK || status == EIO_E_REPLY;
    bool is_away = status == EIO_E_UNAVAILABLE || status == EIO_E_NOMEM ||
                   (status == EIO_E_REPLY && sio_redis_error_is(reply, "LOADING"));

    writer->is_looking = false;
    if (writer->is_closed || status == EIO_E_CLOSED || is_away) {
        unref(writer); /* it is asked for again when Redis is back */
        return;
    }
    if (!is_told || (status == EIO_OK && take_page(writer, reply))) {
        look_on(writer);
    } else {
        writer->cannot_look = status == EIO_E_REPLY;
        sio_redis_bus_settle(writer->bus, &writer->lane, judge);
    }
    unref(writer);
}

static int print_id(char out[SIO_STREAM_ID_MAX + 1], const uint64_t id[2])
{
    return snprintf(out, SIO_STREAM_ID_MAX + 1, "%" PRIu64 "-%" PRIu64, id[0], id[1]);
}

/* From the newest back: what others add meanwhile is not chased after. */
static void look_on(sio_stream_writer *writer)
{
    char until[SIO_STREAM_ID_MAX + 1], last[SIO_STREAM_ID_MAX + 1], count[24];
    int until_len = print_id(until, writer->until);
    int last_len = print_id(last, writer->last);
    int count_len = snprintf(count, sizeof(count), "%d", LOOK_COUNT);
    const eio_slice arguments[] = {
        EIO_STR("XREVRANGE"),       name_of(writer),  { until, (size_t)until_len },
        { last, (size_t)last_len }, EIO_STR("COUNT"), { count, (size_t)count_len },
    };
    eio_buffer *command = NULL;

    if (sio_redis_encode(&command, arguments, sizeof(arguments) / sizeof(arguments[0]), SIZE_MAX) !=
        EIO_OK)
        return; /* with the next flush, then */
    writer->is_looking = true;
    writer->uses++;
    sio_redis_bus_send(writer->bus, name_of(writer),
                       (sio_parcel){ .command = command, .callback = handle_page, .data = writer });
    eio_buffer_unref(command);
}

static void handle_doubt(sio_outbox_lane *lane)
{
    sio_stream_writer *writer = (sio_stream_writer *)(void *)lane;

    if (writer->is_looking)
        return;
    writer->until[0] = writer->until[1] = UINT64_MAX;
    look_on(writer);
}

/* ---- life ---- */

int sio_stream_writer_new(sio_stream_writer **out, sio_redis_bus *bus, eio_slice name,
                          size_t max_len)
{
    sio_stream_writer *writer = calloc(1, sizeof(*writer) + name.len);

    if (writer == NULL)
        return EIO_E_NOMEM;
    TAILQ_INIT(&writer->additions);
    writer->lane.on_doubt = handle_doubt;
    writer->bus = bus;
    writer->uses = 1;
    writer->max_len = max_len;
    writer->name_len = name.len;
    memcpy(writer->name, name.base, name.len);
    *out = writer;
    return EIO_OK;
}

void sio_stream_writer_close(sio_stream_writer *writer)
{
    if (writer == NULL)
        return;
    writer->is_closed = true;
    unref(writer);
}
