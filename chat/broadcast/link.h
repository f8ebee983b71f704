/*
 * What carries messages to the other servers: RabbitMQ, Redis pub/sub, or nothing. It connects by itself, for ever;
 * what is sent while it is away is lost to the others. Calls and callbacks on the loop's thread. Expected load:
 * thousands of messages a second.
 */
#ifndef CHAT_BROADCAST_LINK_H
#define CHAT_BROADCAST_LINK_H

#include <uv.h>

#include "chat/options.h"
#include "engineio/buffer.h"

enum { BROADCAST_ID_BYTES = 17 }; /* 16 hex digits, with NUL */

/* A message of another server: never one of our own. Borrowed. */
typedef void broadcast_link_cb(eio_slice payload, bool binary, void *data);

typedef struct broadcast_link broadcast_link;

typedef struct broadcast_link_type {
    void (*send)(broadcast_link *link, eio_slice payload, bool binary);
    bool (*is_ready)(const broadcast_link *link);
    void (*close)(broadcast_link *link, void (*on_closed)(void *data), void *data);
} broadcast_link_type;

struct broadcast_link {
    const broadcast_link_type *type;
    char id[BROADCAST_ID_BYTES]; /* of this server */
    broadcast_link_cb *on_message;
    void *data;
};

/* Fill what all links have. EIO_OK or EIO_E_RANDOM. */
int broadcast_link_init(broadcast_link *link, const broadcast_link_type *type,
                        broadcast_link_cb *on_message, void *data);

/* EIO_OK, EIO_E_UNSUPPORTED by this build, EIO_E_INVALID URL, EIO_E_NOMEM, EIO_E_RANDOM. */
int broadcast_redis_open(broadcast_link **out, uv_loop_t *loop, const chat_options *options,
                         broadcast_link_cb *on_message, void *data, eio_error *why);
int broadcast_amqp_open(broadcast_link **out, uv_loop_t *loop, const char *url,
                        broadcast_link_cb *on_message, void *data, eio_error *why);

#endif
