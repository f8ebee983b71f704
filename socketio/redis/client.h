/* What the library itself does with a client for commands beyond redis.h: many of them, with the same settings. */
#ifndef SOCKETIO_REDIS_CLIENT_H
#define SOCKETIO_REDIS_CLIENT_H

#include "socketio/redis/settings.h"

/*
 * As sio_redis_new. options: of these the callbacks and their data alone. place: copied, the one node it goes to; NULL:
 * where the settings say. settings: shared. EIO_OK or EIO_E_NOMEM.
 */
int sio_redis_open(sio_redis **out, uv_loop_t *loop, const sio_redis_options *options,
                   sio_redis_settings *settings, const sio_redis_place *place);

/* Leave for this place, copied; once it is not there, for any. What is under way ends with EIO_E_UNAVAILABLE. */
void sio_redis_go_to(sio_redis *redis, const sio_redis_place *place);

/* As sio_redis_command, with a command that is encoded already; shared. */
int sio_redis_send(sio_redis *redis, eio_buffer *encoded, sio_redis_callback *callback, void *data);

/* It sends commands that block, at most so long, one after the other and nothing else. */
void sio_redis_will_block(sio_redis *redis, uint64_t most_ms);

#endif
