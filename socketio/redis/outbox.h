/*
 * Commands on their way to Redis. They leave in the order in which they were given, as soon as the node that they are
 * for is there; until then they wait, bounded in bytes and, unless they are kept, in time. In a cluster what a node
 * refuses because its slot has moved goes to the node that has it now: it was not carried out. What was on its way when
 * a link broke is given up, unless it belongs to a lane, whose owner finds out what was carried out; the rest of it is
 * sent again, before all that was given later. Expected load: each message to other servers.
 */
#ifndef SOCKETIO_REDIS_OUTBOX_H
#define SOCKETIO_REDIS_OUTBOX_H

#include "socketio/redis.h"

typedef struct sio_outbox sio_outbox;

enum { SIO_OUTBOX_ANY_NODE = -1 };

/* What it needs to know of the links. Static table, borrowed for ever. */
typedef struct sio_outbox_way {
    /* Who takes a command for this slot, or SIO_OUTBOX_ANY_NODE; NULL: nobody at present. */
    sio_redis *(*find)(int slot, void *data);
    /* This node has not carried a command out: its slot has moved, or is about to. */
    void (*on_refused)(sio_redis *redis, const sio_redis_reply *why, void *data);
} sio_outbox_way;

typedef enum sio_outbox_verdict {
    SIO_OUTBOX_AGAIN, /* it was not carried out */
    SIO_OUTBOX_DONE,
    SIO_OUTBOX_LOST, /* it cannot be known */
} sio_outbox_verdict;

/* Commands of which none may be lost: they wait however long Redis is away. Embedded in their owner, zeroed. */
typedef struct sio_outbox_lane {
    /*
     * Redis is there, and some were on their way when it went: look what it did of them, with a command of no lane,
     * then call sio_outbox_settle, not from within. Called again with each flush, for each of them.
     */
    void (*on_doubt)(struct sio_outbox_lane *lane);
    size_t waiting;  /* the outbox's */
    size_t in_doubt; /* of these; likewise */
} sio_outbox_lane;

/* What became of a command: as sio_redis_callback, once, perhaps from within the call that gave it. */
typedef void sio_outbox_cb(int status, const sio_redis_reply *reply, void *data);

typedef struct sio_parcel {
    int slot;
    sio_outbox_lane *lane; /* NULL: none. Borrowed until the callback */
    eio_buffer *command;   /* encoded; shared */
    sio_outbox_cb *callback;
    void *data;
} sio_parcel;

/* max_wait_ms: for what has no lane. way: called with data. EIO_OK or EIO_E_NOMEM. */
int sio_outbox_new(sio_outbox **out, uv_loop_t *loop, uint64_t max_wait_ms, size_t max_bytes,
                   const sio_outbox_way *way, void *data);
/* What waits ends with EIO_E_CLOSED; its memory goes when what was sent has been answered. May be NULL. */
void sio_outbox_close(sio_outbox *outbox);

void sio_outbox_send(sio_outbox *outbox, const sio_parcel *parcel);
/* A node is there that was not: what waits for it leaves. */
void sio_outbox_flush(sio_outbox *outbox);
/* Nothing of the lane is in doubt any more. What is done ends with EIO_OK and no reply, in the order of the calls. */
void sio_outbox_settle(sio_outbox *outbox, sio_outbox_lane *lane,
                       sio_outbox_verdict (*judge)(const void *data));

#endif
