/*
 * The nodes of a Redis Cluster, a link to each, and which of the masters serves a slot. The cluster is asked when the
 * bus connects, when a node says that a slot has moved, and while a node cannot be reached. Invariant: from the first
 * word that something has moved until the answer, no node is named, so what waits for it leaves in its order. Expected
 * load: some nodes; a look at the map for each message.
 */
#ifndef SOCKETIO_REDIS_SHARDS_H
#define SOCKETIO_REDIS_SHARDS_H

#include "socketio/redis/client.h"

typedef struct sio_shards sio_shards;

/* Static table, borrowed for ever. */
typedef struct sio_shards_handler {
    /* Nodes can be reached that could not, or the slots are others. Or, with a reason, the opposite. */
    void (*on_change)(const char *why, void *data);
    void (*on_log)(char level, const char *line, void *data);
} sio_shards_handler;

/* home: borrowed, a client to any node. settings: shared. EIO_OK or EIO_E_NOMEM. */
int sio_shards_new(sio_shards **out, uv_loop_t *loop, sio_redis_settings *settings, sio_redis *home,
                   const sio_shards_handler *handler, void *data);
/* Taken; NULL: on_closed is called at once. No more callbacks but that one. */
void sio_shards_close(sio_shards *shards, void (*on_closed)(void *data), void *data);

/* home is connected: ask who serves what. */
void sio_shards_refresh(sio_shards *shards);
/* redis, home or a node's, said that something has moved: ask it, behind all that it was sent. */
void sio_shards_doubt(sio_shards *shards, sio_redis *redis);
/* The cluster cannot take what it was sent: no node is named for a moment. */
void sio_shards_pause(sio_shards *shards);

/* The master of what has this slot, borrowed; NULL: it is not known, or not there, at present. */
sio_redis *sio_shards_find(const sio_shards *shards, unsigned slot);
/* All nodes in turn, also replicas, where somebody may listen; NULL after the last. *at begins with NULL. */
sio_redis *sio_shards_next(const sio_shards *shards, const void **at);
/* shards: NULL is complete. */
bool sio_shards_are_complete(const sio_shards *shards);

#endif
