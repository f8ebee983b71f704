#include "engineio/net/flush.h"

#include "engineio/net/loop.h"

enum { JOBS_PER_LOOK = 32 }; /* at the clock */

void eio_late_add(eio_loop *loop, eio_late *late)
{
    if (eio_late_is_waiting(late))
        return;
    if (loop->late_rest != NULL)
        TAILQ_INSERT_BEFORE(loop->late_rest, late, link);
    else
        TAILQ_INSERT_TAIL(&loop->late, late, link);
}

static void take(eio_loop *loop, eio_late *late)
{
    if (loop->late_rest == late)
        loop->late_rest = TAILQ_NEXT(late, link);
    TAILQ_REMOVE(&loop->late, late, link);
    late->link.tqe_prev = NULL;
}

void eio_late_cancel(eio_loop *loop, eio_late *late)
{
    if (eio_late_is_waiting(late))
        take(loop, late);
}

void eio_late_hasten(eio_loop *loop, eio_late *late)
{
    if (!eio_late_is_waiting(late))
        return;
    take(loop, late);
    TAILQ_INSERT_HEAD(&loop->late, late, link);
}

static void run_one(eio_loop *loop, eio_late *late)
{
    take(loop, late);
    late->run(late);
}

bool eio_late_run(eio_loop *loop)
{
    uint64_t end = uv_hrtime() + loop->late_slice_ns;
    unsigned jobs = 0;
    eio_late *late;

    while ((late = TAILQ_FIRST(&loop->late)) != NULL) {
        run_one(loop, late);
        if (loop->late_rest != NULL)
            run_one(loop, loop->late_rest);
        if (++jobs % JOBS_PER_LOOK == 0 && uv_hrtime() >= end)
            break;
    }
    if (loop->late_rest == NULL)
        loop->late_rest = TAILQ_FIRST(&loop->late);
    return loop->late_rest == NULL;
}
