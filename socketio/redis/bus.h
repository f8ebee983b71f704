/*
 * What an adapter takes of the bus: its links, and publishing that bears with a Redis that is away. The handle itself
 * is in redis.h. Messages leave when all channels are confirmed, so that nobody asks who cannot hear the answer; until
 * then they wait, bounded in bytes and in time. What was sent is never sent again, but for entries
 * of streams that are not there.
 */
#ifndef SOCKETIO_REDIS_BUS_H
#define SOCKETIO_REDIS_BUS_H

#include "socketio/redis.h"
#include "socketio/redis/outbox.h"
#include "socketio/redis/streams.h"
#include "socketio/redis/subscriber.h"

/* Borrowed. In a cluster both go to any of its nodes, and the subscriber goes where its shard channels are. */
sio_redis *sio_redis_bus_commands(sio_redis_bus *bus);
sio_subscriber *sio_redis_bus_subscriber(sio_redis_bus *bus);
const sio_redis_bus_options *sio_redis_bus_settings(const sio_redis_bus *bus);

/*
 * Send one message, in the order of the calls. Never calls back: what does not leave is counted and logged.
 *
 * command: "PUBLISH" or "SPUBLISH". All are copied.
 */
void sio_redis_bus_publish(sio_redis_bus *bus, eio_slice command, eio_slice channel,
                           eio_slice bytes);

/* Send a command about this key; its slot is filled in. Counted by who sends it. */
void sio_redis_bus_send(sio_redis_bus *bus, eio_slice key, sio_parcel parcel);
/* As sio_outbox_settle. */
void sio_redis_bus_settle(sio_redis_bus *bus, sio_outbox_lane *lane,
                          sio_outbox_verdict (*judge)(const void *data));

/* How many listen to a channel, on all nodes. status: not EIO_OK: it is not known. Once, from the loop. */
typedef void sio_listeners_cb(int status, size_t count, void *data);
/* sharded: it is a shard channel. EIO_OK, EIO_E_UNAVAILABLE, EIO_E_NOMEM. */
int sio_redis_bus_count_listeners(sio_redis_bus *bus, bool sharded, eio_slice channel,
                                  sio_listeners_cb *callback, void *data);

/* The nodes of a Redis Cluster; NULL: it is none. Borrowed. */
struct sio_shards *sio_redis_bus_shards(const sio_redis_bus *bus);

/* The streams it was made with; NULL: none. Borrowed. */
sio_streams *sio_redis_bus_streams(sio_redis_bus *bus);

/* A message did not leave, or perhaps not: counted, and said once for each time that it begins. */
void sio_redis_bus_count_dropped(sio_redis_bus *bus, const char *why);
/* A message has left, or what came of it. reply: NULL unless status is EIO_OK or EIO_E_REPLY */
void sio_redis_bus_count_published(sio_redis_bus *bus, int status, const sio_redis_reply *reply);
/* A message came: count it. */
void sio_redis_bus_count_received(sio_redis_bus *bus);
/* It could not be understood: count that, and say so at debug. */
void sio_redis_bus_count_bad(sio_redis_bus *bus, eio_slice channel, int rc);

#endif
