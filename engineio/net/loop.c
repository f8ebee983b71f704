#include "engineio/net/loop.h"

#include <pthread.h>
#include <stdlib.h>

#include "engineio/net/stream_private.h"

/* Set-up and tear-down only: nothing on a message's way takes this lock. */
static pthread_mutex_t loops_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, eio_loop) loops = LIST_HEAD_INITIALIZER(loops);

static void handle_idle(uv_idle_t *idle)
{
    (void)idle; /* that it is active is all: the loop polls without waiting */
}

/*
 * Where clients get answers alone, these leave at once, while all about the client is in the processor's cache. Where
 * they get what others say, too, it is better sent together. The pass before tells which it is.
 */
static void judge_pass(eio_loop *loop)
{
    enum { FEW = 4 };

    if (loop->reads == 0)
        return;
    loop->joins = loop->reads_behind > loop->reads / FEW;
    loop->reads = loop->reads_behind = 0;
}

static void handle_prepare(uv_prepare_t *prepare)
{
    eio_loop *loop = prepare->data;

    judge_pass(loop);
    if (eio_late_run(loop))
        uv_idle_stop(&loop->idle);
    else
        uv_idle_start(&loop->idle, handle_idle);
}

static eio_loop *loop_new(uv_loop_t *uv)
{
    eio_loop *loop = malloc(
        sizeof(*loop)); /* the read buffer need not be zeroed, nor touched before it is used */
    if (loop == NULL)
        return NULL;
    memset(loop, 0, offsetof(eio_loop, read_buffer));
    loop->uv = uv;
    loop->timer_due = UINT64_MAX;
    LIST_INIT(&loop->queues);
    TAILQ_INIT(&loop->late);
    eio_stream_init_queues(loop);
    uv_timer_init(uv, &loop->timer);
    uv_prepare_init(uv, &loop->prepare);
    uv_idle_init(uv, &loop->idle);
    loop->late_slice_ns = EIO_LATE_SLICE_NS;
    loop->timer.data = loop->prepare.data = loop->idle.data = loop;
    loop->open_handles = 3;
    uv_prepare_start(&loop->prepare, handle_prepare);
    uv_unref((uv_handle_t *)&loop->prepare); /* it alone must not keep the user's loop running */
    return loop;
}

eio_loop *eio_loop_acquire(uv_loop_t *uv)
{
    eio_loop *loop;

    pthread_mutex_lock(&loops_lock);
    LIST_FOREACH(loop, &loops, link)
        if (loop->uv == uv)
            break;
    if (loop == NULL) {
        loop = loop_new(uv);
        if (loop != NULL)
            LIST_INSERT_HEAD(&loops, loop, link);
    }
    if (loop != NULL)
        loop->refs++;
    pthread_mutex_unlock(&loops_lock);
    return loop;
}

static void handle_closed(uv_handle_t *handle)
{
    eio_loop *loop = handle->data;

    if (--loop->open_handles == 0)
        free(loop);
}

void eio_loop_release(eio_loop *loop)
{
    pthread_mutex_lock(&loops_lock);
    bool last = --loop->refs == 0;
    if (last)
        LIST_REMOVE(loop, link);
    pthread_mutex_unlock(&loops_lock);
    if (!last)
        return;
    eio_stream_fini_queues(loop);
    uv_close((uv_handle_t *)&loop->timer, handle_closed);
    uv_close((uv_handle_t *)&loop->prepare, handle_closed);
    uv_close((uv_handle_t *)&loop->idle, handle_closed);
}
