#include "socketio/adapter/streams.h"

#include <stdio.h>
#include <stdlib.h>

#include "socketio/redis/bus.h"
#include "socketio/redis/stream_reader.h"

/* ---- sending ---- */

int sio_streams_adapter_add(sio_streams_adapter *adapter, const sio_cluster_outgoing *message,
                            sio_stream_added_cb *callback, void *data)
{
    const sio_redis_streams_options *options = sio_streams_settings(adapter->streams);
    char type[12];
    int type_len = snprintf(type, sizeof(type), "%d", (int)message->type);
    eio_buffer *entry;
    int rc = sio_cluster_encode_entry(&entry, message, options->only_plaintext);

    if (rc != EIO_OK)
        return rc;
    sio_streams_add(adapter->streams,
                    &(sio_cluster_fields){
                        .uid = sio_cluster_uid(&adapter->cluster),
                        .nsp = sio_namespace_name(adapter->cluster.base.nsp),
                        .type = { type, (size_t)type_len },
                        .data = eio_buffer_slice(entry),
                    },
                    callback, data);
    eio_buffer_unref(entry);
    return EIO_OK;
}

static int send_message(sio_cluster *cluster, const sio_cluster_outgoing *message)
{
    eio_buffer *bytes;

    if (message->type <= SIO_CLUSTER_DISCONNECT) /* an event, join, leave or disconnect for all */
        return sio_streams_adapter_add((sio_streams_adapter *)(void *)cluster, message, NULL, NULL);
    int rc = sio_cluster_encode_msgpack(&bytes, message, sio_cluster_uid(cluster),
                                        sio_namespace_name(cluster->base.nsp));
    if (rc != EIO_OK)
        return rc;
    rc = sio_cluster_publish(cluster, message->to, bytes);
    eio_buffer_unref(bytes);
    return rc;
}

/* ---- hearing ---- */

static void handle_entry(sio_stream_listener *listener, eio_slice id,
                         const sio_cluster_fields *fields)
{
    sio_streams_adapter *adapter =
        (sio_streams_adapter *)(void *)((char *)listener - offsetof(sio_streams_adapter, listener));
    sio_cluster_message message;

    if (fields->data.len == 0)
        return; /* an old server's heartbeat */
    int rc = sio_cluster_read_entry(&message, fields);
    if (rc == EIO_OK) {
        if (adapter->keeps_sessions)
            message.offset = id;
        rc = sio_cluster_handle(&adapter->cluster, &message);
        sio_cluster_message_fini(&message);
    }
    if (rc != EIO_OK)
        sio_redis_bus_count_bad(adapter->cluster.bus, fields->nsp, rc);
    sio_streams_adapter_pass(adapter, id);
}

void sio_streams_adapter_pass(sio_streams_adapter *adapter, eio_slice id)
{
    uint64_t at[2];

    if (!sio_stream_id_read(at, id))
        return;
    if (sio_stream_id_is_before(adapter->passed, at))
        memcpy(adapter->passed, at, sizeof(at));
    if (!LIST_EMPTY(&adapter->waiting))
        sio_streams_settle_sessions(adapter);
}

static int broadcast(sio_adapter *base, const sio_message *message, const sio_target *target)
{
    sio_streams_adapter *adapter = (sio_streams_adapter *)(void *)base;

    if (!adapter->keeps_sessions || (target->flags & SIO_LOCAL) != 0)
        return sio_cluster_broadcast(base, message, target);
    return sio_streams_broadcast_late(adapter, message, target);
}

/* ---- life ---- */

static int open_streams(sio_adapter **out, sio_namespace *nsp)
{
    static const sio_cluster_carrier carrier = { send_message, sio_cluster_encode_msgpack,
                                                 sio_cluster_read_msgpack };
    sio_streams *streams = sio_redis_bus_streams(sio_namespace_adapter_data(nsp));

    if (streams == NULL)
        return EIO_E_INVALID; /* a bus without them */
    sio_streams_adapter *adapter = calloc(1, sizeof(*adapter));
    if (adapter == NULL)
        return EIO_E_NOMEM;
    adapter->streams = streams;
    adapter->keeps_sessions = sio_namespace_restores(nsp);
    TAILQ_INIT(&adapter->late);
    LIST_INIT(&adapter->waiting);
    adapter->cluster.is_sharded = sio_streams_settings(streams)->use_sharded_pubsub;
    int rc = sio_cluster_init(&adapter->cluster, nsp, &carrier);
    if (rc != EIO_OK)
        return rc;
    adapter->listener = (sio_stream_listener){
        .nsp = sio_namespace_name(nsp),
        .uid = sio_cluster_uid(&adapter->cluster),
        .on_entry = handle_entry,
    };
    rc = sio_streams_listen(streams, &adapter->listener);
    if (rc != EIO_OK) {
        sio_cluster_close(&adapter->cluster);
        return rc;
    }
    *out = &adapter->cluster.base;
    return EIO_OK;
}

static void close_streams(sio_adapter *base)
{
    sio_streams_adapter *adapter = (sio_streams_adapter *)(void *)base;

    sio_streams_stop(adapter->streams, &adapter->listener);
    sio_streams_drop_late(adapter);
    sio_streams_drop_sessions(adapter);
    sio_cluster_close(&adapter->cluster);
}

const sio_adapter_type sio_adapter_redis_streams = {
    .name = "redis-streams",
    .open = open_streams,
    .close = close_streams,
    .broadcast = broadcast,
    .join = sio_cluster_join,
    .leave = sio_cluster_leave,
    .disconnect = sio_cluster_disconnect,
    .fetch = sio_cluster_fetch,
    .emit_with_ack = sio_cluster_emit_with_ack,
    .server_side = sio_cluster_server_side,
    .count = sio_cluster_count,
    .save_session = sio_streams_save_session,
    .restore_session = sio_streams_restore_session,
};
