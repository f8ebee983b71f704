/*
 * A link that listens: channels, patterns and shard channels, each with its callback. What was asked for is asked for
 * again on every new link. Redis answers in the order of asking, so an answer belongs to the oldest question; it is
 * ready when none is open. RESP2. Expected load: one a process, a few channels a namespace and, sharded, one a room;
 * tens of thousands of messages a second.
 */
#ifndef SOCKETIO_REDIS_SUBSCRIBER_H
#define SOCKETIO_REDIS_SUBSCRIBER_H

#include "socketio/redis.h"

typedef struct sio_subscriber sio_subscriber;
typedef struct sio_subscription sio_subscription;

typedef enum sio_subscription_kind {
    SIO_SUBSCRIBE,  /* one channel */
    SIO_PSUBSCRIBE, /* a pattern */
    SIO_SSUBSCRIBE, /* one shard channel */
    SIO_N_SUBSCRIPTION_KINDS
} sio_subscription_kind;

/* One message. Both are borrowed until it returns; all calls are allowed. */
typedef void sio_subscription_cb(eio_slice channel, eio_slice bytes, void *data);

/* Static table, borrowed for ever; any may be NULL. Every call is allowed inside every callback. */
typedef struct sio_subscriber_handler {
    /* All that was asked for is confirmed: after a connect, and after each sio_subscriber_add. */
    void (*on_ready)(sio_subscriber *subscriber, void *data);
    /* It was up, and messages are lost from now on until it is ready again. `why` is borrowed. */
    void (*on_down)(sio_subscriber *subscriber, const char *why, void *data);
    /* Redis refuses a channel (NOPERM, MOVED, no such command): it stays unheard until the next link. */
    void (*on_refused)(sio_subscriber *subscriber, eio_slice channel, const char *why, void *data);
    void (*on_log)(sio_subscriber *subscriber, char level, const char *line, void *data);
} sio_subscriber_handler;

/* Of the options: as sio_redis_link_new. Begins to connect. The handler is not called from within. */
int sio_subscriber_new(sio_subscriber **out, uv_loop_t *loop, const sio_redis_options *options,
                       const sio_subscriber_handler *handler, void *data, eio_error *why);

/* Taken with all its subscriptions; no more callbacks but on_closed. NULL and a second call do nothing. */
void sio_subscriber_close(sio_subscriber *subscriber, void (*on_closed)(void *data), void *data);

/*
 * Listen. Messages may come before the confirmation, and on_ready tells of that.
 *
 * out: new; sio_subscription_remove it, or close the subscriber. name: copied. EIO_OK; EIO_E_EXISTS: this kind and
 * name is listened to already; EIO_E_NOMEM.
 */
int sio_subscriber_add(sio_subscription **out, sio_subscriber *subscriber,
                       sio_subscription_kind kind, eio_slice name, sio_subscription_cb *callback,
                       void *data);

/* No message comes any more. Taken; may be NULL. */
void sio_subscription_remove(sio_subscription *subscription);

/* Whether Redis has confirmed it on the present link. */
bool sio_subscription_is_confirmed(const sio_subscription *subscription);

/* Whether the link is up and all is confirmed or refused. */
bool sio_subscriber_is_ready(const sio_subscriber *subscriber);

#endif
