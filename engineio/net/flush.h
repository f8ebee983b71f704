/*
 * Late jobs: what one loop pass queues leaves together, just before the loop sleeps. A stream with something to write
 * is one, a polling response that collects what is queued by then another. Jobs run in the order in which they were
 * added; what a job adds runs in the same pass.
 *
 * Unless there is so much to do that a pass would take longer than a slice: then the rest is left to the next passes,
 * and the loop reads, pings and answers in between. What is added meanwhile does not wait behind that rest: new and old
 * jobs take turns. So a large message to twenty thousand clients delays nobody else by more than a slice or two, nor
 * one of them that asks for something meanwhile: what is queued for it leaves early, the large message and the answer.
 * The order of what one stream sends is that of its own queue, and is not touched by any of this.
 */
#ifndef ENGINEIO_NET_FLUSH_H
#define ENGINEIO_NET_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "engineio/error.h"

struct eio_loop;

/* Embedded in its owner; zeroed and `run` set before its first use. */
typedef struct eio_late {
    TAILQ_ENTRY(eio_late) link; /* tqe_prev is NULL while it is not in the list */
    void (*run)(struct eio_late *late);
} eio_late;

typedef TAILQ_HEAD(eio_late_list, eio_late) eio_late_list;

static inline bool eio_late_is_waiting(const eio_late *late)
{
    return late->link.tqe_prev != NULL;
}

/* Run it before the loop sleeps; adding it again does nothing. */
EIO_PRIVATE void eio_late_add(struct eio_loop *loop, eio_late *late);
/* Do not run it after all: before its owner goes. */
EIO_PRIVATE void eio_late_cancel(struct eio_loop *loop, eio_late *late);
/* If it waits, let it go first: somebody waits for it. */
EIO_PRIVATE void eio_late_hasten(struct eio_loop *loop, eio_late *late);
/* Run what is there, for a slice of time. False: there is a rest. */
EIO_PRIVATE bool eio_late_run(struct eio_loop *loop);

#endif
