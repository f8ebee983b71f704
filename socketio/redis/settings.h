/*
 * What all links to one Redis have in common: where it is and how it is spoken to, read once from the options and
 * shared, so that the nodes of a cluster can be reached long after the caller's strings are gone. Counted, immutable.
 */
#ifndef SOCKETIO_REDIS_SETTINGS_H
#define SOCKETIO_REDIS_SETTINGS_H

#include "engineio/stream.h"
#include "socketio/redis.h"
#include "socketio/redis/url.h"

typedef struct sio_redis_settings {
    unsigned refs;
    sio_redis_url url;
    eio_tls *tls;  /* own; NULL: plain */
    char *name;    /* own; NULL: none */
    char *address; /* own: the URL without secrets */
    uint64_t connect_timeout_ms, command_timeout_ms, ping_interval_ms;
    size_t max_queued_bytes, max_reply_bytes;
} sio_redis_settings;

/* new. options: copied, but for callbacks; zeros are the defaults. As sio_redis_new. */
int sio_redis_settings_new(sio_redis_settings **out, const sio_redis_options *options,
                           eio_error *why);
sio_redis_settings *sio_redis_settings_ref(sio_redis_settings *settings);
/* May be NULL. */
void sio_redis_settings_unref(sio_redis_settings *settings);

#endif
