/*
 * The link to a Redis server: connect, authenticate, notice that it broke, connect again. It knows no commands but
 * those of its handshake: what is sent and what a reply belongs to is its owner's, a client for commands or one for
 * subscribing. Invariant: a reply is handed to the owner only while the link is up. Expected load: a few a process.
 */
#ifndef SOCKETIO_REDIS_LINK_H
#define SOCKETIO_REDIS_LINK_H

#include "socketio/redis/settings.h"

typedef struct sio_redis_link sio_redis_link;

/* Static table, borrowed for ever. Every call is allowed inside every callback. */
typedef struct sio_redis_link_handler {
    /* Authenticated and answering: commands may be written. */
    void (*on_up)(sio_redis_link *link, void *data);
    /*
     * It was up. What was sent will not be answered; nor will it be carried out from now on, unless status is
     * EIO_E_TIMEOUT: Redis was silent, and may wake. `why` is borrowed.
     */
    void (*on_down)(sio_redis_link *link, int status, const char *why, void *data);
    /* An attempt failed, and another one will follow. May be NULL. */
    void (*on_failure)(sio_redis_link *link, void *data);
    /* One reply, borrowed until the callback returns. */
    void (*on_reply)(sio_redis_link *link, const sio_redis_reply *reply, void *data);
    /* Nothing was heard for ping_interval_ms: send a PING. */
    void (*on_idle)(sio_redis_link *link, void *data);
    void (*on_log)(sio_redis_link *link, char level, const char *line, void *data);
} sio_redis_link_handler;

/* settings: shared. place: copied, where it goes; NULL: where they say. Begins to connect. EIO_OK or EIO_E_NOMEM. */
int sio_redis_link_new(sio_redis_link **out, uv_loop_t *loop, sio_redis_settings *settings,
                       const sio_redis_place *place, const sio_redis_link_handler *handler,
                       void *data);

/* Leave for this place, copied; once it is not there, for any. */
void sio_redis_link_go_to(sio_redis_link *link, const sio_redis_place *place);

/* No more callbacks but on_closed; what is queued is sent. The link is taken; NULL and a second call do nothing. */
void sio_redis_link_close(sio_redis_link *link, void (*on_closed)(void *data));

/* Its commands block, one after the other, and are answered after this time at the latest. */
void sio_redis_link_will_block(sio_redis_link *link, uint64_t most_ms);

bool sio_redis_link_is_up(const sio_redis_link *link);
const char *sio_redis_link_address(const sio_redis_link *link);

/* EIO_OK; EIO_E_UNAVAILABLE while it is not up; EIO_E_NOMEM. The buffer is shared. */
int sio_redis_link_write(sio_redis_link *link, eio_buffer *buffer);

#endif
