/*
 * Several servers of one profile on one Redis: who is alive, and what becomes of what a dead one held.
 *
 * A server is a member of the set `chat:PROFILE:servers` and renews its lease `chat:PROFILE:server:ID`. What it holds
 * (sockets, names, presence: texts that the profile chooses) its scripts keep in the set `chat:PROFILE:server:ID:held`,
 * in the same step as the state that this stands for. Whoever finds a listed server without a lease moves that set to
 * its own in one step, and only then is the dead one off the list; then the profile releases item by item, which takes
 * each off the own set. So a cleaner that dies half-way is followed by another, and cleaning twice does no harm.
 * A release must look whether the item stands in the set of its former holder again: that one may have been asleep.
 *
 * From the death of a server until its things are free pass at most 1.25 lives of a lease; no time at all when it ran
 * on the same machine. Loop thread only. Expected load: a script every few seconds.
 */
#ifndef CHAT_STORE_LEASE_H
#define CHAT_STORE_LEASE_H

#include <uv.h>

#include "engineio/buffer.h"
#include "socketio/redis.h"

typedef struct chat_lease chat_lease;

typedef struct chat_lease_options {
    const char *profile; /* copied, as is the prefix */
    const char *prefix;  /* of every key, up to 256 bytes; "" */
    uint64_t life_ms;
    /* What the server `from` held is in our set now: release it. `from_held` is the key of its set. All borrowed. */
    void (*on_adopted)(chat_lease *lease, const char *from_held, const eio_slice *items,
                       size_t count, void *data);
    /* Our own lease was gone, so others may have released what we hold: register all of it again. */
    void (*on_lost)(chat_lease *lease, void *data);
    /* Servers of another profile use this database, and their keys are ours: it cannot go on. Nothing is registered. */
    void (*on_clash)(chat_lease *lease, const char *other, void *data);
    void *data;
} chat_lease_options;

enum { CHAT_MOST_RIVALS = 8, CHAT_CLASH_BYTES = 200 };

/* The profiles whose servers may not share a database with servers of this one. Returns how many. */
size_t chat_lease_rivals(const char *out[CHAT_MOST_RIVALS], const char *profile);

/* What whoever starts the server should read of a clash with `other`: one line. */
void chat_lease_explain(char out[CHAT_CLASH_BYTES], const char *other);

/* `redis` is borrowed until closed. EIO_OK, EIO_E_NOMEM, EIO_E_RANDOM; EIO_E_INVALID: the prefix is too long. */
int chat_lease_new(chat_lease **out, uv_loop_t *loop, sio_redis *redis,
                   const chat_lease_options *options);

/* 16 hex digits, new at each start. */
const char *chat_lease_id(const chat_lease *lease);
/* The key of the set of what this server holds. */
const char *chat_lease_held(const chat_lease *lease);

/* The link to Redis is up: renew at once. */
void chat_lease_renew(chat_lease *lease);

/* Registered, and those that were dead at that time have been adopted. */
bool chat_lease_is_held(const chat_lease *lease);

/*
 * Leave the list, unless something is held still: then another server will find it. Call it when all has been released.
 * on_closed comes from the loop and is the last callback.
 */
void chat_lease_close(chat_lease *lease, void (*on_closed)(void *data), void *data);

#endif
