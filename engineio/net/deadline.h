/*
 * Constant time-outs. Every member of a queue waits equally long, so the next one due is the head of a FIFO: starting,
 * stopping and firing are O(1) for any number of clients, and one uv_timer_t a loop serves all queues.
 */
#ifndef ENGINEIO_NET_DEADLINE_H
#define ENGINEIO_NET_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "engineio/error.h"

struct eio_loop;

/* Embedded in what waits; zeroed before its first use. */
typedef struct eio_deadline {
    TAILQ_ENTRY(eio_deadline) link; /* tqe_prev is NULL while it does not wait */
    uint64_t due_ms;                /* on the loop's clock */
} eio_deadline;

typedef struct eio_deadline_queue {
    struct eio_loop *loop; /* borrowed */
    uint64_t after_ms;
    void (*on_due)(eio_deadline *deadline); /* stopped already; may start, stop and free anything */
    TAILQ_HEAD(, eio_deadline) waiting;
    LIST_ENTRY(eio_deadline_queue) link;
} eio_deadline_queue;

EIO_PRIVATE void eio_deadline_queue_init(eio_deadline_queue *queue, struct eio_loop *loop,
                                         uint64_t after_ms, void (*on_due)(eio_deadline *));
/* Nothing may wait in it any more. */
EIO_PRIVATE void eio_deadline_queue_fini(eio_deadline_queue *queue);

/* Wait after_ms from now; starts again if it waits in this queue already. */
EIO_PRIVATE void eio_deadline_start(eio_deadline_queue *queue, eio_deadline *deadline);
/*
 * Wait after_ms from a moment that has just passed, such as the one when another wait was due: so lateness does not add
 * up. Order in the queue is that of the calls, so it may fire late by as much as the loop is late.
 */
EIO_PRIVATE void eio_deadline_start_from(eio_deadline_queue *queue, eio_deadline *deadline,
                                         uint64_t from_ms);
/* Do not wait any more; nothing if it does not. The queue is the one that it was started in. */
EIO_PRIVATE void eio_deadline_stop(eio_deadline_queue *queue, eio_deadline *deadline);

static inline bool eio_deadline_is_waiting(const eio_deadline *deadline)
{
    return deadline->link.tqe_prev != NULL;
}

/* Fire what is due, and arm the loop's timer for what comes next. Called by the loop's timer. */
void eio_deadlines_run(struct eio_loop *loop);

#endif
