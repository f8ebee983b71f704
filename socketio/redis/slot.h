/* Where a Redis Cluster keeps things: each key and shard channel has a slot, each slot a node. Pure. */
#ifndef SOCKETIO_REDIS_SLOT_H
#define SOCKETIO_REDIS_SLOT_H

#include "socketio/redis.h"
#include "socketio/redis/url.h"

enum { SIO_REDIS_N_SLOTS = 16384 };

/* The slot of a key or a shard channel; of {braces} in it what they hold decides. */
unsigned sio_redis_slot(eio_slice key);

/* Where a node is that was told of in a reply; its host is copied. */
typedef struct sio_redis_node_place {
    char host[256];
    int port;
} sio_redis_node_place;

/* "MOVED 1234 host:port". False: it is another error, or says no place that can be gone to. */
bool sio_redis_read_moved(sio_redis_node_place *out, const sio_redis_reply *error);
/* Whether the command was not carried out because the cluster is being changed. */
bool sio_redis_is_redirection(const sio_redis_reply *error);

/* The master of a range of slots: one item of the answer to CLUSTER SLOTS. False: it is none. */
typedef struct sio_redis_slot_range {
    unsigned first, last;
    sio_redis_node_place place;
} sio_redis_slot_range;
bool sio_redis_read_range(sio_redis_slot_range *out, const sio_redis_reply *item);
/* A replica of that master, from 0 on. False: there are not so many. */
bool sio_redis_read_replica(sio_redis_node_place *out, const sio_redis_reply *item, size_t index);

#endif
