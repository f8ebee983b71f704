#include "engineio/net/deadline.h"

#include <assert.h>

#include "engineio/net/loop.h"

static void handle_timer(uv_timer_t *timer)
{
    eio_deadlines_run(timer->data);
}

static void arm(eio_loop *loop, uint64_t due)
{
    uint64_t now = uv_now(loop->uv);

    loop->timer_due = due;
    uv_timer_start(&loop->timer, handle_timer, due > now ? due - now : 0, 0);
}

static void disarm(eio_loop *loop)
{
    loop->timer_due = UINT64_MAX;
    uv_timer_stop(&loop->timer);
}

void eio_deadline_queue_init(eio_deadline_queue *queue, eio_loop *loop, uint64_t after_ms,
                             void (*on_due)(eio_deadline *))
{
    queue->loop = loop;
    queue->after_ms = after_ms;
    queue->on_due = on_due;
    TAILQ_INIT(&queue->waiting);
    LIST_INSERT_HEAD(&loop->queues, queue, link);
}

void eio_deadline_queue_fini(eio_deadline_queue *queue)
{
    assert(TAILQ_EMPTY(&queue->waiting));
    LIST_REMOVE(queue, link);
}

void eio_deadline_start(eio_deadline_queue *queue, eio_deadline *deadline)
{
    eio_deadline_start_from(queue, deadline, uv_now(queue->loop->uv));
}

void eio_deadline_start_from(eio_deadline_queue *queue, eio_deadline *deadline, uint64_t from_ms)
{
    eio_loop *loop = queue->loop;

    if (eio_deadline_is_waiting(deadline))
        TAILQ_REMOVE(&queue->waiting, deadline, link);
    else
        loop->deadlines++;
    deadline->due_ms = from_ms + queue->after_ms;
    TAILQ_INSERT_TAIL(&queue->waiting, deadline, link);
    if (deadline->due_ms < loop->timer_due)
        arm(loop, deadline->due_ms);
}

void eio_deadline_stop(eio_deadline_queue *queue, eio_deadline *deadline)
{
    if (!eio_deadline_is_waiting(deadline))
        return;
    TAILQ_REMOVE(&queue->waiting, deadline, link);
    deadline->link.tqe_prev = NULL;
    /* The timer is left armed unless nothing waits at all: firing once in vain is cheaper than arming it anew for
     * each heartbeat. */
    if (--queue->loop->deadlines == 0)
        disarm(queue->loop);
}

/* The head of the queue if it is due. */
static eio_deadline *due_head(const eio_deadline_queue *queue, uint64_t now)
{
    eio_deadline *head = TAILQ_FIRST(&queue->waiting);

    return head != NULL && head->due_ms <= now ? head : NULL;
}

/* A callback may start deadlines and end queues, so every round looks from the start. */
static bool fire_one(eio_loop *loop, uint64_t now)
{
    eio_deadline_queue *queue;

    LIST_FOREACH(queue, &loop->queues, link) {
        eio_deadline *deadline = due_head(queue, now);
        if (deadline == NULL)
            continue;
        void (*on_due)(eio_deadline *) = queue->on_due;
        eio_deadline_stop(queue, deadline);
        on_due(deadline);
        return true;
    }
    return false;
}

void eio_deadlines_run(eio_loop *loop)
{
    uint64_t now = uv_now(loop->uv);
    uint64_t next = UINT64_MAX;
    eio_deadline_queue *queue;

    loop->timer_due = 0; /* nobody need arm the timer before this is through */
    while (fire_one(loop, now))
        continue;
    LIST_FOREACH(queue, &loop->queues, link) {
        const eio_deadline *head = TAILQ_FIRST(&queue->waiting);
        if (head != NULL && head->due_ms < next)
            next = head->due_ms;
    }
    if (next == UINT64_MAX)
        disarm(loop);
    else
        arm(loop, next);
}
