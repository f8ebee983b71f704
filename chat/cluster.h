/* Several servers of a profile that speaks Socket.IO, as one cluster over their Redis. */
#ifndef CHAT_CLUSTER_H
#define CHAT_CLUSTER_H

#include "chat/profile.h"
#include "socketio/redis.h"
#include "socketio/socketio.h"

/*
 * Connect, and set the adapter in the options. `key` begins the names of its channels, which also carry the prefix and
 * the database's number: pub/sub knows no databases. As sio_redis_bus_new; EIO_E_UNSUPPORTED by this build.
 */
int chat_cluster_join(sio_redis_bus **out, sio_options *options, const chat_host *host,
                      const char *key, eio_error *why);

/* Requests that reach the wrong one of them are answered through the right one. As sio_forwarder_new. */
int chat_cluster_forward(sio_redis_bus *bus, sio_server *io, eio_error *why);

/* After the server is closed. The bus is taken; NULL: it was none. on_closed is the last callback. */
void chat_cluster_leave(sio_redis_bus *bus, void (*on_closed)(void *data), void *data);

#endif
