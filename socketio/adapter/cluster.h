/*
 * A member of a cluster that speaks in cluster messages: one namespace of one server. What the
 * sharded and the streams adapter have in common: the two channels of a member, the part of this
 * server in what others ask, and what is asked of them. How a message leaves is the adapter's.
 * Requests wait for as many members as listened when they were sent. Expected load: tens of
 * thousands of messages a second, some hundreds of requests.
 */
#ifndef SOCKETIO_ADAPTER_CLUSTER_H
#define SOCKETIO_ADAPTER_CLUSTER_H

#include "socketio/adapter/cluster_message.h"
#include "socketio/adapter/requests.h"

enum { SIO_CLUSTER_ID_LEN = 16 }; /* hex digits of a uid or request's id */

typedef struct sio_cluster sio_cluster;

/* Static, borrowed for ever. */
typedef struct sio_cluster_carrier {
    /* To the others; never called back. EIO_OK, or what the application's call is to return. */
    int (*send)(sio_cluster *cluster, const sio_cluster_outgoing *message);
    /* What is published. As sio_cluster_encode, and for what came as sio_cluster_read. */
    int (*encode)(eio_buffer **out, const sio_cluster_outgoing *message, eio_slice uid,
                  eio_slice nsp);
    int (*read)(sio_cluster_message *out, eio_slice bytes);
} sio_cluster_carrier;

/* What the adapters begin with. */
struct sio_cluster {
    sio_adapter base; /* first */
    const sio_cluster_carrier *carrier;
    sio_redis_bus *bus;
    eio_buffer *channel; /* own: <prefix>#<namespace># */
    sio_subscription *common;
    sio_subscription *private;
    sio_requests requests;
    unsigned refs;   /* one until it is closed, one for each answer that is being gathered */
    bool is_sharded; /* SPUBLISH and SSUBSCRIBE instead of PUBLISH and SUBSCRIBE */
    bool is_closed;
    char uid[SIO_CLUSTER_ID_LEN];
};

/*
 * cluster: zeroed but for is_sharded, the first part of a block of calloc. EIO_OK or an error; then
 * it is freed.
 */
int sio_cluster_init(sio_cluster *cluster, sio_namespace *nsp, const sio_cluster_carrier *carrier);
/* Nothing is called any more; its memory goes with the last reference. */
void sio_cluster_close(sio_cluster *cluster);
void sio_cluster_unref(sio_cluster *cluster);

static inline eio_slice sio_cluster_uid(const sio_cluster *cluster)
{
    return (eio_slice){ cluster->uid, sizeof(cluster->uid) };
}

/* 16 hex digits that nobody else has. EIO_OK or EIO_E_RANDOM. */
int sio_cluster_new_id(char out[SIO_CLUSTER_ID_LEN]);

/* Publish on the common channel, or on <common channel><part>#. part: {NULL, 0} for the former. */
int sio_cluster_publish(sio_cluster *cluster, eio_slice part, const eio_buffer *bytes);
/* The name of that channel, new; NULL: no memory. */
eio_buffer *sio_cluster_channel(const sio_cluster *cluster, eio_slice part);

/* Do what a message asks for, unless it is our own or for another namespace. EIO_OK, or why not. */
int sio_cluster_handle(sio_cluster *cluster, const sio_cluster_message *message);

/* What a broadcast says. */
typedef struct sio_cluster_broadcast_parts {
    sio_wire_event event;
    sio_opts opts;
    bool has_id; /* its sender waits for an acknowledgement */
} sio_cluster_broadcast_parts;

/* Borrows from the message. EIO_OK; EIO_E_PROTOCOL: not of this form; EIO_E_NOMEM. */
int sio_cluster_read_broadcast(sio_cluster_broadcast_parts *out,
                               const sio_cluster_message *message);
void sio_cluster_broadcast_parts_fini(sio_cluster_broadcast_parts *parts);

/* A message came on a channel, whose callback this is. data: the cluster */
void sio_cluster_receive(eio_slice channel, eio_slice bytes, void *data);

/* An event for the others. EIO_OK, or what the application's call is to return. */
int sio_cluster_tell_event(sio_cluster *cluster, const sio_target *target, eio_slice name,
                           sio_args args);
/* The calls of sio_adapter_type, all but life and rooms. */
int sio_cluster_broadcast(sio_adapter *adapter, const sio_message *message,
                          const sio_target *target);
int sio_cluster_join(sio_adapter *adapter, const sio_target *target, sio_rooms rooms);
int sio_cluster_leave(sio_adapter *adapter, const sio_target *target, sio_rooms rooms);
int sio_cluster_disconnect(sio_adapter *adapter, const sio_target *target, bool close);
int sio_cluster_fetch(sio_adapter *adapter, const sio_target *target, sio_gather *gather);
int sio_cluster_count(sio_adapter *adapter, const sio_target *target, sio_gather *gather);
int sio_cluster_emit_with_ack(sio_adapter *adapter, const sio_target *target, eio_slice name,
                              sio_args args, uint64_t timeout_ms, sio_gather *gather);
int sio_cluster_server_side(sio_adapter *adapter, eio_slice name, sio_args args,
                            sio_gather *gather);

/* An answer to a request of ours; one that nobody waits for is passed over. EIO_OK, or why not. */
int sio_cluster_take_answer(const sio_cluster *cluster, const sio_cluster_message *message);
#endif
