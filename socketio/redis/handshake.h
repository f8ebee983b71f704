/*
 * What is said first on a new link: AUTH, SELECT, CLIENT SETNAME, ROLE where it has to be a master, and a PING
 * whose answer shows that commands will be taken. To a sentinel: AUTH, and the question where the master is. All of it
 * leaves in one write; the replies come in that order. Pure.
 */
#ifndef SOCKETIO_REDIS_HANDSHAKE_H
#define SOCKETIO_REDIS_HANDSHAKE_H

#include "socketio/redis.h"
#include "socketio/redis/url.h"

typedef enum sio_redis_handshake_step {
    SIO_REDIS_STEP_AUTH,
    SIO_REDIS_STEP_SELECT,
    SIO_REDIS_STEP_NAME,
    SIO_REDIS_STEP_ROLE,
    SIO_REDIS_STEP_PING,
    SIO_REDIS_STEP_MASTER,
    SIO_REDIS_N_STEPS
} sio_redis_handshake_step;

typedef struct sio_redis_handshake {
    sio_redis_handshake_step asked[SIO_REDIS_N_STEPS];
    size_t count, answered;
    char host[256]; /* of the master, once a sentinel has told it */
    int port;
} sio_redis_handshake;

typedef enum sio_redis_verdict {
    SIO_REDIS_HANDSHAKE_GOES_ON,
    SIO_REDIS_HANDSHAKE_DONE,
    SIO_REDIS_HANDSHAKE_REFUSED,
} sio_redis_verdict;

/* New bytes to send in *out. `name` may be NULL. master: no other will do. EIO_OK or EIO_E_NOMEM. */
int sio_redis_handshake_begin(sio_redis_handshake *handshake, eio_buffer **out,
                              const sio_redis_url *url, const char *name, bool master);

/* The same for one of its sentinels. */
int sio_redis_handshake_begin_sentinel(sio_redis_handshake *handshake, eio_buffer **out,
                                       const sio_redis_url *url);

/* Take the next reply. Refused: `why` says by what, in one line that holds no secret. */
sio_redis_verdict sio_redis_handshake_take(sio_redis_handshake *handshake,
                                           const sio_redis_reply *reply, char *why, size_t size);

/* Whether an error reply begins with this code. */
bool sio_redis_error_is(const sio_redis_reply *reply, const char *code);

#endif
