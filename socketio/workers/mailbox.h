/*
 * What other threads send to a loop: a locked list. The first message wakes the loop, which takes the list and unlocks
 * before it handles anything, a batch a turn, so that its own clients get theirs. Counted in bytes: above the bound
 * mail that may be lost is. Expected load: a broadcast each, tens of thousands a second.
 */
#ifndef SOCKETIO_WORKERS_MAILBOX_H
#define SOCKETIO_WORKERS_MAILBOX_H

#include <stdbool.h>
#include <uv.h>

#include "engineio/error.h"

/* The head of what is sent; the rest is the sender's business. */
typedef struct sio_mail {
    struct sio_mail *next;
    size_t bytes; /* that it keeps in memory, about */
    /* On the loop of who got it; owner: the mailbox's. Frees it. */
    void (*run)(struct sio_mail *mail, void *owner);
    /* Nobody will read it. Any thread. Frees it. */
    void (*drop)(struct sio_mail *mail);
} sio_mail;

typedef struct sio_mailbox {
    uv_mutex_t lock; /* for all that follows, up to `async` */
    sio_mail *first, **last;
    size_t bytes;
    uint64_t dropped_bytes;
    bool is_open;
    bool is_woken;
    uv_async_t async;
    sio_mail *taken; /* the loop's: what is worked off */
    size_t max_bytes;
    void *owner;
} sio_mailbox;

/* EIO_OK, or libuv's code: then there is nothing to end. */
int sio_mailbox_init(sio_mailbox *mailbox, size_t max_bytes, void *owner);
/* Begin to read, on this loop. EIO_OK or libuv's code. */
int sio_mailbox_open(sio_mailbox *mailbox, uv_loop_t *loop);
/* Whether it keeps its loop running; at first it does. From its loop. */
void sio_mailbox_set_busy(sio_mailbox *mailbox, bool busy);
/* From its loop, once: what was not read is dropped. The loop has to run once more. */
void sio_mailbox_close(sio_mailbox *mailbox);
/* No thread posts any more. */
void sio_mailbox_fini(sio_mailbox *mailbox);

/*
 * Any thread. mail: taken. EIO_OK; EIO_E_CLOSED; EIO_E_BACKLOG if it may be lost and would pass
 * the bound: dropped then.
 */
int sio_mailbox_post(sio_mailbox *mailbox, sio_mail *mail, bool may_be_lost);
/* Bytes that were dropped at the bound. */
uint64_t sio_mailbox_dropped(sio_mailbox *mailbox);

#endif
