/*
 * Sessions in Redis, and what their clients missed in the stream: as Node's streams adapter keeps and finds them. A
 * session is asked for together with the entry that its client has heard last; then the stream is read from there on.
 *
 * Two readers are at work then, this one and that of all events. A session is whole when they have met: all that was
 * delivered here has been looked at, and all that was looked at has been delivered to who is connected. So nothing is
 * missed and nothing comes twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/adapter/streams.h"
#include "socketio/json_member.h"
#include "socketio/redis/bus.h"
#include "socketio/redis/encode.h"
#include "socketio/redis/stream_reader.h"

enum { READS_MAX = 100 }; /* as with Node; who writes faster than we read would keep us at it */

struct sio_returning {
    LIST_ENTRY(sio_returning) link; /* while it waits for the reader */
    sio_streams_adapter *adapter;   /* a reference */
    sio_restore *restore;           /* NULL: ended */
    sio_wire session;               /* own */
    sio_names rooms;                /* of it: own */
    uint64_t at[2];                 /* the entry that was looked at last */
    uint64_t others[2];             /* the last one of them that another server has sent */
    unsigned reads;
    unsigned awaited; /* answers of Redis */
    bool is_waiting;
    bool has_session, has_offset;
};

/* ---- keys ---- */

/* New; NULL: no memory. */
static eio_buffer *key_of(const sio_streams_adapter *adapter, eio_slice pid)
{
    eio_buffer *key =
        eio_buffer_copy(eio_slice_of(sio_streams_settings(adapter->streams)->session_key_prefix));

    if (key != NULL && eio_buffer_append(&key, pid) != EIO_OK) {
        eio_buffer_unref(key);
        return NULL;
    }
    return key;
}

/* The key is the first of its arguments. The callback may come from within. */
static void command(const sio_streams_adapter *adapter, const eio_slice *arguments, size_t count,
                    sio_outbox_cb *callback, void *data)
{
    eio_buffer *encoded;
    int rc = sio_redis_encode(&encoded, arguments, count, SIZE_MAX);

    if (rc != EIO_OK) {
        callback(rc, NULL, data);
        return;
    }
    sio_redis_bus_send(adapter->cluster.bus, arguments[1],
                       (sio_parcel){ .command = encoded, .callback = callback, .data = data });
    eio_buffer_unref(encoded);
}

/* ---- saving ---- */

/* Socket data is the application's, behind a pointer: there is none to tell of, as with fetchSockets. */
static int encode_session(eio_buffer **out, const sio_session *session)
{
    sio_writer text = { .json = NULL };
    eio_buffer *bytes;

    sio_write(&text, EIO_STR("{\"sid\":"));
    sio_write_string(&text, session->id);
    sio_write(&text, EIO_STR(",\"pid\":"));
    sio_write_string(&text, session->pid);
    sio_write(&text, EIO_STR(",\"rooms\":"));
    sio_write_rooms(&text, session->rooms);
    sio_write(&text, EIO_STR(",\"data\":{}}"));
    int rc = sio_writer_to_msgpack(&bytes, &text, NULL, 0);
    sio_writer_fini(&text);
    if (rc != EIO_OK)
        return rc;
    *out = sio_base64_of(eio_buffer_slice(bytes));
    eio_buffer_unref(bytes);
    return *out == NULL ? EIO_E_NOMEM : EIO_OK;
}

static void handle_saved(int status, const sio_redis_reply *reply, void *data)
{
    sio_streams_adapter *adapter = data;

    (void)reply;
    if (status != EIO_OK && !adapter->cluster.is_closed)
        sio_redis_bus_count_dropped(adapter->cluster.bus, "a session could not be saved");
    sio_cluster_unref(&adapter->cluster);
}

void sio_streams_save_session(sio_adapter *base, const sio_session *session, uint64_t keep_ms)
{
    sio_streams_adapter *adapter = (sio_streams_adapter *)(void *)base;
    eio_buffer *key = key_of(adapter, session->pid), *value = NULL;
    char keep[24];
    int keep_len = snprintf(keep, sizeof(keep), "%" PRIu64, keep_ms);

    if (key == NULL || encode_session(&value, session) != EIO_OK) {
        sio_redis_bus_count_dropped(adapter->cluster.bus, "out of memory");
        eio_buffer_unref(key);
        return;
    }
    const eio_slice arguments[] = { EIO_STR("SET"),
                                    eio_buffer_slice(key),
                                    eio_buffer_slice(value),
                                    EIO_STR("PX"),
                                    { keep, (size_t)keep_len } };
    adapter->cluster.refs++;
    command(adapter, arguments, 5, handle_saved, adapter);
    eio_buffer_unref(key);
    eio_buffer_unref(value);
}

/* ---- the end of a search ---- */

static void end(sio_returning *one, bool is_whole)
{
    sio_restore *restore = one->restore;

    if (one->is_waiting)
        LIST_REMOVE(one, link);
    one->is_waiting = false;
    one->restore = NULL;
    if (restore != NULL)
        sio_restore_end(restore, is_whole);
}

/* An answer has been dealt with: with the last one its memory goes, unless it goes on. */
static void leave(sio_returning *one)
{
    if (one->awaited > 0 || one->is_waiting)
        return;
    end(one, false);
    sio_names_fini(&one->rooms);
    sio_wire_fini(&one->session);
    sio_cluster_unref(&one->adapter->cluster);
    free(one);
}

/* Whether it makes sense to go on. */
static bool is_alive(const sio_returning *one)
{
    return one->restore != NULL && !one->adapter->cluster.is_closed &&
           sio_restore_is_awaited(one->restore);
}

/* ---- what was missed ---- */

static bool is_any_of(sio_rooms some, sio_rooms rooms)
{
    for (size_t i = 0; i < some.count; i++)
        for (size_t k = 0; k < rooms.count; k++)
            if (eio_slice_equal(some.names[i], rooms.names[k]))
                return true;
    return false;
}

static int add_missed(sio_returning *one, const sio_cluster_message *message, eio_slice id)
{
    sio_cluster_broadcast_parts parts;

    int rc = sio_cluster_read_broadcast(&parts, message);
    if (rc != EIO_OK)
        return rc;
    const sio_target *target = &parts.opts.target;
    if ((target->rooms.count == 0 || is_any_of(target->rooms, one->rooms.rooms)) &&
        !is_any_of(target->except, one->rooms.rooms))
        rc = sio_restore_add_event(one->restore, parts.event.name, parts.event.args, id);
    sio_cluster_broadcast_parts_fini(&parts);
    return rc;
}

/* EIO_OK also for what is no event for this namespace, and what nobody can read. */
static int look_at_fields(sio_returning *one, eio_slice id, const sio_cluster_fields *fields)
{
    const sio_cluster *cluster = &one->adapter->cluster;
    sio_cluster_message message;

    if (!eio_slice_equal(fields->nsp, sio_namespace_name(cluster->base.nsp)))
        return EIO_OK;
    if (!eio_slice_equal(fields->uid, sio_cluster_uid(cluster)))
        memcpy(one->others, one->at, sizeof(one->others));
    if (!eio_slice_equal(fields->type, EIO_STR("3")))
        return EIO_OK;
    int rc = sio_cluster_read_entry(&message, fields);
    if (rc == EIO_OK) {
        rc = add_missed(one, &message, id);
        sio_cluster_message_fini(&message);
    }
    return rc == EIO_E_PROTOCOL || rc == EIO_E_INVALID || rc == EIO_E_RESERVED ? EIO_OK : rc;
}

static int look_at_entry(sio_returning *one, const sio_redis_reply *entry)
{
    sio_cluster_fields fields;

    if (entry->type != SIO_REDIS_ARRAY || entry->count != 2 ||
        !sio_stream_id_read(one->at, entry->items[0].text))
        return EIO_E_PROTOCOL;
    sio_stream_read_fields(&fields, entry->items[1].items, entry->items[1].count);
    return fields.nsp.base == NULL ? EIO_OK : look_at_fields(one, entry->items[0].text, &fields);
}

/* ---- reading the stream ---- */

static void read_on(sio_returning *one);

/* Whether all has been looked at that was delivered here, and delivered here what was looked at. */
static void settle(sio_returning *one)
{
    const sio_streams_adapter *adapter = one->adapter;
    uint64_t position[2];

    if (sio_stream_id_is_before(one->at, adapter->passed)) {
        read_on(one);
        return;
    }
    sio_streams_position(position, adapter->streams, sio_namespace_name(adapter->cluster.base.nsp));
    if (!sio_stream_id_is_before(position, one->others)) {
        end(one, true);
        return;
    }
    LIST_INSERT_HEAD(&one->adapter->waiting, one, link);
    one->is_waiting = true;
}

static void handle_range(int status, const sio_redis_reply *reply, void *data)
{
    sio_returning *one = data;
    int rc = status;

    one->awaited--;
    if (is_alive(one) && rc == EIO_OK && reply->type == SIO_REDIS_ARRAY) {
        for (size_t i = 0; i < reply->count && rc == EIO_OK; i++)
            rc = look_at_entry(one, &reply->items[i]);
        if (rc == EIO_OK && reply->count > 0)
            read_on(one);
        else if (rc == EIO_OK)
            settle(one);
    }
    leave(one);
}

/* Some more than the stream holds, as it is trimmed roughly and goes on growing. */
static unsigned most_reads(const sio_redis_streams_options *options)
{
    return READS_MAX + 2 * (unsigned)(options->max_len / options->read_count);
}

static void read_on(sio_returning *one)
{
    const sio_streams_adapter *adapter = one->adapter;
    const sio_redis_streams_options *options = sio_streams_settings(adapter->streams);
    char name[SIO_STREAM_NAME_MAX], from[SIO_STREAM_ID_MAX + 1], count[24];
    const eio_slice nsp = sio_namespace_name(adapter->cluster.base.nsp);

    if (++one->reads > most_reads(options) || one->at[1] == UINT64_MAX) {
        end(one, false);
        return;
    }
    int from_len = snprintf(from, sizeof(from), "%" PRIu64 "-%" PRIu64, one->at[0], one->at[1] + 1);
    int count_len = snprintf(count, sizeof(count), "%zu", options->read_count);
    const eio_slice arguments[] = {
        EIO_STR("XRANGE"),          { name, sio_stream_name(name, options, nsp) },
        { from, (size_t)from_len }, EIO_STR("+"),
        EIO_STR("COUNT"),           { count, (size_t)count_len },
    };
    one->awaited++;
    command(adapter, arguments, 6, handle_range, one);
}

void sio_streams_settle_sessions(sio_streams_adapter *adapter)
{
    sio_returning *one = LIST_FIRST(&adapter->waiting);

    while (one != NULL) {
        sio_returning *next = LIST_NEXT(one, link);
        LIST_REMOVE(one, link);
        one->is_waiting = false;
        if (is_alive(one))
            settle(one);
        leave(one);
        one = next;
    }
}

void sio_streams_drop_sessions(sio_streams_adapter *adapter)
{
    sio_returning *one;

    while ((one = LIST_FIRST(&adapter->waiting)) != NULL) {
        end(one, false);
        leave(one);
    }
}

/* ---- the session, and where to begin ---- */

/* EIO_OK, or why it is none. */
static int take_session(sio_returning *one, eio_slice text)
{
    sio_wire_string id = { .memory = NULL }, pid = { .memory = NULL };

    int rc = sio_wire_read_base64(&one->session, text);
    if (rc != EIO_OK)
        return rc;
    const eio_slice whole = sio_wire_text(&one->session);
    if (whole.base[0] != '{')
        return EIO_E_PROTOCOL;
    rc = sio_wire_string_read(&id, sio_json_member(whole, EIO_STR("sid")));
    if (rc == EIO_OK)
        rc = sio_wire_string_read(&pid, sio_json_member(whole, EIO_STR("pid")));
    if (rc == EIO_OK)
        rc = sio_names_read(&one->rooms, sio_json_member(whole, EIO_STR("rooms")));
    if (rc == EIO_OK)
        rc = sio_restore_add_session(
            one->restore,
            &(sio_session){ .id = id.value, .pid = pid.value, .rooms = one->rooms.rooms });
    sio_wire_string_fini(&id);
    sio_wire_string_fini(&pid);
    return rc;
}

static void begin(sio_returning *one)
{
    if (--one->awaited > 0)
        return;
    if (is_alive(one) && one->has_session && one->has_offset)
        read_on(one);
    leave(one);
}

static void handle_session(int status, const sio_redis_reply *reply, void *data)
{
    sio_returning *one = data;

    if (is_alive(one) && status == EIO_OK && reply->type == SIO_REDIS_STRING)
        one->has_session = take_session(one, reply->text) == EIO_OK;
    begin(one);
}

/* An entry that is there no more may have been followed by others that are not either. */
static void handle_offset(int status, const sio_redis_reply *reply, void *data)
{
    sio_returning *one = data;

    one->has_offset = status == EIO_OK && reply->type == SIO_REDIS_ARRAY && reply->count == 1;
    begin(one);
}

static void ask(sio_returning *one, eio_slice key, eio_slice offset)
{
    const sio_streams_adapter *adapter = one->adapter;
    char name[SIO_STREAM_NAME_MAX];
    const eio_slice take[] = { EIO_STR("GETDEL"), key };
    const eio_slice look[] = {
        EIO_STR("XRANGE"),
        { name, sio_stream_name(name, sio_streams_settings(adapter->streams),
                                sio_namespace_name(adapter->cluster.base.nsp)) },
        offset,
        offset,
    };

    one->awaited = 3; /* the answers, and this call */
    command(adapter, take, 2, handle_session, one);
    command(adapter, look, 4, handle_offset, one);
    begin(one);
}

int sio_streams_restore_session(sio_adapter *base, eio_slice pid, eio_slice offset,
                                sio_restore *restore)
{
    sio_streams_adapter *adapter = (sio_streams_adapter *)(void *)base;
    uint64_t at[2];

    if (!sio_stream_id_read(at, offset))
        return EIO_E_INVALID;
    if (sio_redis_bus_trouble(adapter->cluster.bus) != NULL)
        return EIO_E_UNAVAILABLE;
    eio_buffer *key = key_of(adapter, pid);
    sio_returning *one = key == NULL ? NULL : calloc(1, sizeof(*one));
    if (one == NULL) {
        eio_buffer_unref(key);
        return EIO_E_NOMEM;
    }
    one->adapter = adapter;
    adapter->cluster.refs++;
    one->restore = restore;
    memcpy(one->at, at, sizeof(at));
    ask(one, eio_buffer_slice(key), offset);
    eio_buffer_unref(key);
    return EIO_OK;
}
