/*
 * What listens: its interface is public. It has a link of its own, and in a Redis Cluster one to each node that serves
 * a shard channel of it: a channel is asked for at the first link, and where that says that another node has it, there.
 * What a node loses or gives up is asked for anew. RESP2. Expected load: one a process, a few channels a namespace
 * and, sharded, one a room; tens of thousands of messages a second.
 */
#ifndef SOCKETIO_REDIS_SUBSCRIBER_H
#define SOCKETIO_REDIS_SUBSCRIBER_H

#include "socketio/redis/settings.h"

/* As sio_subscriber_new. settings: shared. EIO_OK or EIO_E_NOMEM. */
int sio_subscriber_open(sio_subscriber **out, uv_loop_t *loop, sio_redis_settings *settings,
                        const sio_subscriber_handler *handler, void *data);

#endif
