/*
 * One link of a subscriber, and what it was asked: where it listens. Redis answers in the order of asking, so an answer
 * belongs to the oldest question. It knows channels by the items that it is handed; what they are is the subscriber's.
 */
#ifndef SOCKETIO_REDIS_POST_H
#define SOCKETIO_REDIS_POST_H

#include "socketio/redis/settings.h"

typedef struct sio_post sio_post;

/* Static table, borrowed for ever. Every call is allowed inside every callback. */
typedef struct sio_post_handler {
    /* It can be asked. */
    void (*on_up)(sio_post *post, void *data);
    /* It was up (or with was_up false, could not be), and all questions are forgotten. why: borrowed. */
    void (*on_down)(sio_post *post, bool was_up, const char *why, void *data);
    /* What it was asked for is confirmed; error: NULL, or what it said instead. */
    void (*on_answer)(sio_post *post, sio_subscription *subscription, const sio_redis_reply *error,
                      void *data);
    /* A shard channel's slot has left this node. */
    void (*on_eviction)(sio_post *post, eio_slice channel, void *data);
    /* name: the channel's or the pattern's. message: the channel and the bytes. */
    void (*on_message)(sio_subscription_kind kind, eio_slice name, const sio_redis_reply *message,
                       void *data);
    /* A reply has been dealt with. */
    void (*on_settled)(sio_post *post, void *data);
    void (*on_log)(char level, const char *line, void *data);
} sio_post_handler;

/* place: NULL: where the settings say. EIO_OK or EIO_E_NOMEM. */
int sio_post_new(sio_post **out, uv_loop_t *loop, sio_redis_settings *settings,
                 const sio_redis_place *place, const sio_post_handler *handler, void *data);
/* Taken; no more callbacks but on_closed. */
void sio_post_close(sio_post *post, void (*on_closed)(void *data));

bool sio_post_is_up(const sio_post *post);
/* It is up, and nothing is unanswered. */
bool sio_post_is_settled(const sio_post *post);
bool sio_post_is_at(const sio_post *post, const sio_redis_place *place);

/*
 * Ask for a channel; the answer names the subscription. NULL: say farewell to it. EIO_OK, also while it is not up,
 * which asks nothing; EIO_E_NOMEM.
 */
int sio_post_ask(sio_post *post, sio_subscription_kind kind, eio_slice name,
                 sio_subscription *subscription);
/* It is going: its answer is nobody's. */
void sio_post_forget(sio_post *post, const sio_subscription *subscription);

#endif
