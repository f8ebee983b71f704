/*
 * Rooms in Redis, in the keys that the tutorial's own server uses: set `rooms`, set `members` of
 * `<room>::<user>`, list `chat::<room>` of `<user>::<text>`, newest first. Each check with its
 * write is one Lua script. What this process holds also stands in a set of its own
 * (`chat:rooms:server:<id>:held`): there the names that a dead server held can be found.
 *
 * The keys of its leases are those of store/lease.h, the code is its own: a name that a dead server held goes to the
 * adopter's set and gets `free:<adopter>` as its holder in one step. store/lease.h moves the set alone, and the rest
 * would be a second step. Who asks for the name in between would find the dead one for its holder: it would refuse a
 * name that is free, or take it off the dead one's set and not the adopter's, who then releases it under whoever has
 * it by that time.
 */
#ifndef CHAT_ROOMS_REDIS_H
#define CHAT_ROOMS_REDIS_H

#include "chat/rooms/store.h"

typedef struct chat_redis_options {
    const char *url; /* copied */
    void (*on_connect)(void *data);
    void (*on_log)(char level, const char *line, void *data);
    /* It cannot be used, ever: servers of another profile do. */
    void (*on_refused)(const char *why, void *data);
    void *data;
    const char *ca_file; /* of rediss://, copied; NULL: the system's CAs */
    long lease_ms;       /* after which others take a silent server for dead */
} chat_redis_options;

/*
 * Connects by itself. EIO_OK; EIO_E_INVALID, EIO_E_UNSUPPORTED (by this build, or the URL);
 * EIO_E_NOMEM; EIO_E_RANDOM.
 */
int chat_redis_open(chat_store **out, uv_loop_t *loop, const chat_redis_options *options,
                    eio_error *why);

#endif
