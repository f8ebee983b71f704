/*
 * The link that listens: its interface is public. Redis answers in the order of asking, so an answer belongs to the
 * oldest question; it is ready when none is open. RESP2. Expected load: one a process, a few channels a namespace and,
 * sharded, one a room; tens of thousands of messages a second.
 */
#ifndef SOCKETIO_REDIS_SUBSCRIBER_H
#define SOCKETIO_REDIS_SUBSCRIBER_H

#include "socketio/redis.h"

#endif
