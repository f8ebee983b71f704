/*
 * Sharded pub/sub, Redis 7 and later: one cluster with the sharded adapter of
 * @socket.io/redis-adapter. Rooms with a socket of this server may have a channel each.
 */
#include <stdlib.h>

#include "engineio/net/table.h"
#include "socketio/adapter/cluster.h"

enum { PRIVATE_ROOM_UNITS = 20 }; /* a socket's id */

typedef struct sharded {
    sio_cluster cluster; /* first */
    sio_sharded_mode mode;
    eio_table rooms;
} sharded;

/* A room whose channel is listened to; one block with its name. */
typedef struct room_channel {
    sio_subscription *subscription;
    unsigned holders; /* workers that have the room; without workers one */
    size_t name_len;
    char name[];
} room_channel;

static eio_slice name_of(const void *item)
{
    const room_channel *room = item;

    return (eio_slice){ room->name, room->name_len };
}

/* As JavaScript measures a string: each character beyond the first 65536 counts twice. */
static size_t count_units(eio_slice text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.base[i];
        units += (byte & 0xc0) != 0x80;
        units += byte >= 0xf0;
    }
    return units;
}

/* ---- sending ---- */

/* What is for it comes on the common channel, as what is for a socket's own room does. */
static bool is_private(const sharded *adapter, eio_slice room)
{
    return adapter->mode == SIO_SHARDED_DYNAMIC && count_units(room) == PRIVATE_ROOM_UNITS;
}

/* The room whose channel a message goes to; {NULL, 0}: the common one. */
static eio_slice pick_room(const sharded *adapter, const sio_target *target)
{
    if (target == NULL || target->rooms.count != 1 || adapter->mode == SIO_SHARDED_STATIC)
        return (eio_slice){ NULL, 0 };
    const eio_slice room = target->rooms.names[0];
    if (is_private(adapter, room))
        return (eio_slice){ NULL, 0 };
    return room.base == NULL ? EIO_STR("") : room;
}

static int send_message(sio_cluster *cluster, const sio_cluster_outgoing *message)
{
    const sharded *adapter = (const sharded *)(const void *)cluster;
    eio_buffer *bytes;
    int rc = sio_cluster_encode(&bytes, message, sio_cluster_uid(cluster),
                                sio_namespace_name(cluster->base.nsp));

    if (rc != EIO_OK)
        return rc;
    rc = sio_cluster_publish(
        cluster, message->to.base != NULL ? message->to : pick_room(adapter, message->target),
        bytes);
    eio_buffer_unref(bytes);
    return rc;
}

/* ---- rooms ---- */

static void listen_to_room(sharded *adapter, eio_slice name)
{
    room_channel *room = eio_table_find(&adapter->rooms, name);

    if (room != NULL) {
        room->holders++;
        return;
    }
    room = malloc(sizeof(*room) + name.len);
    eio_buffer *channel =
        sio_cluster_channel(&adapter->cluster, name.base == NULL ? EIO_STR("") : name);
    int rc = room == NULL || channel == NULL ? EIO_E_NOMEM : EIO_OK;

    if (rc == EIO_OK) {
        room->subscription = NULL;
        room->holders = 1;
        room->name_len = name.len;
        if (name.base != NULL)
            memcpy(room->name, name.base, name.len);
        rc = eio_table_add(&adapter->rooms, room);
    }
    if (rc == EIO_OK) {
        rc = sio_subscriber_add(&room->subscription, sio_redis_bus_subscriber(adapter->cluster.bus),
                                SIO_SSUBSCRIBE, eio_buffer_slice(channel), sio_cluster_receive,
                                &adapter->cluster);
        if (rc != EIO_OK) /* a room that is named like our private channel */
            eio_table_remove(&adapter->rooms, room);
    }
    if (rc != EIO_OK)
        free(room);
    eio_buffer_unref(channel);
}

static void leave_room_alone(sharded *adapter, eio_slice name)
{
    room_channel *room = eio_table_find(&adapter->rooms, name);

    if (room == NULL || --room->holders > 0)
        return;
    eio_table_remove(&adapter->rooms, room);
    sio_subscription_remove(room->subscription);
    free(room);
}

static void handle_room(sio_adapter *base, sio_room_change change, eio_slice room, eio_slice id)
{
    sharded *adapter = (sharded *)(void *)base;

    (void)id;
    if (adapter->mode == SIO_SHARDED_STATIC || is_private(adapter, room))
        return;
    switch (change) {
    case SIO_ROOM_CREATED: listen_to_room(adapter, room); break;
    case SIO_ROOM_DELETED: leave_room_alone(adapter, room); break;
    case SIO_ROOM_JOINED:
    case SIO_ROOM_LEFT: break;
    }
}

/* ---- life ---- */

static int open_sharded(sio_adapter **out, sio_namespace *nsp)
{
    static const sio_cluster_carrier carrier = { send_message, sio_cluster_encode,
                                                 sio_cluster_read };
    sharded *adapter = calloc(1, sizeof(*adapter));

    if (adapter == NULL)
        return EIO_E_NOMEM;
    adapter->cluster.is_sharded = true;
    eio_table_init(&adapter->rooms, name_of);
    int rc = sio_cluster_init(&adapter->cluster, nsp, &carrier);
    if (rc != EIO_OK)
        return rc;
    adapter->mode = sio_redis_bus_settings(adapter->cluster.bus)->sharded_mode;
    *out = &adapter->cluster.base;
    return EIO_OK;
}

static void close_sharded(sio_adapter *base)
{
    sharded *adapter = (sharded *)(void *)base;
    room_channel *room;
    size_t at = 0;

    while ((room = eio_table_next(&adapter->rooms, &at)) != NULL) {
        sio_subscription_remove(room->subscription);
        free(room);
    }
    eio_table_fini(&adapter->rooms);
    sio_cluster_close(&adapter->cluster);
}

const sio_adapter_type sio_adapter_redis_sharded = {
    .name = "redis-sharded",
    .lacks_recovery = true,
    .open = open_sharded,
    .close = close_sharded,
    .broadcast = sio_cluster_broadcast,
    .on_room = handle_room,
    .join = sio_cluster_join,
    .leave = sio_cluster_leave,
    .disconnect = sio_cluster_disconnect,
    .fetch = sio_cluster_fetch,
    .emit_with_ack = sio_cluster_emit_with_ack,
    .server_side = sio_cluster_server_side,
    .count = sio_cluster_count,
};
