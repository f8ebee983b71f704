/*
 * RESP2 in, replies out: hiredis' reader with limits of our own around it. Pure. Redis is not trusted blindly: depth,
 * elements and bytes of a reply are bounded before memory is taken for them, and RESP3 types, which we never ask for,
 * are refused. This and encode.c are the only files that name hiredis. Expected load: tens of thousands of replies a
 * second.
 */
#ifndef SOCKETIO_REDIS_READER_H
#define SOCKETIO_REDIS_READER_H

#include "socketio/redis.h"

enum {
    SIO_REDIS_MAX_ELEMENTS = 1000000, /* in one reply, all levels together */
    SIO_REDIS_MAX_DEPTH = 6,          /* arrays in arrays; hiredis itself ends at 7 */
};

typedef struct sio_redis_reader sio_redis_reader;

/* EIO_OK or EIO_E_NOMEM. */
int sio_redis_reader_new(sio_redis_reader **out, size_t max_reply_bytes);
/* May be NULL. */
void sio_redis_reader_free(sio_redis_reader *reader);

/* Take bytes in. EIO_OK, EIO_E_NOMEM, or what it failed with before. */
int sio_redis_reader_feed(sio_redis_reader *reader, eio_slice bytes);

/*
 * The next whole reply, new (sio_redis_reply_free), or NULL when more bytes are needed. EIO_E_PROTOCOL, EIO_E_TOO_BIG
 * and EIO_E_NOMEM are for good: the stream is out of step.
 */
int sio_redis_reader_next(sio_redis_reader *reader, sio_redis_reply **out);

/* A reply and all in it; NULL is fine. */
void sio_redis_reply_free(sio_redis_reply *reply);

#endif
