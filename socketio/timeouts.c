#include "socketio/timeouts.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/error.h"

enum { FIRST_TIMEOUTS = 16 };

static void put(sio_timeouts *timeouts, size_t at, sio_timeout *timeout)
{
    timeouts->heap[at] = timeout;
    timeout->heap_at = at + 1;
}

static void sift_up(sio_timeouts *timeouts, size_t at, sio_timeout *timeout)
{
    while (at > 0 && timeouts->heap[(at - 1) / 2]->due_ms > timeout->due_ms) {
        put(timeouts, at, timeouts->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(timeouts, at, timeout);
}

static void sift_down(sio_timeouts *timeouts, size_t at, sio_timeout *timeout)
{
    sio_timeout **heap = timeouts->heap;
    size_t child;

    while ((child = 2 * at + 1) < timeouts->count) {
        if (child + 1 < timeouts->count && heap[child + 1]->due_ms < heap[child]->due_ms)
            child++;
        if (heap[child]->due_ms >= timeout->due_ms)
            break;
        put(timeouts, at, heap[child]);
        at = child;
    }
    put(timeouts, at, timeout);
}

static int reserve(sio_timeouts *timeouts)
{
    if (timeouts->count < timeouts->capacity)
        return EIO_OK;
    size_t capacity = timeouts->capacity == 0 ? FIRST_TIMEOUTS : timeouts->capacity * 2;
    sio_timeout **heap = realloc(timeouts->heap, capacity * sizeof(sio_timeout *));
    if (heap == NULL)
        return EIO_E_NOMEM;
    timeouts->heap = heap;
    timeouts->capacity = capacity;
    return EIO_OK;
}

static void handle_timer(uv_timer_t *timer);

static void arm(sio_timeouts *timeouts)
{
    uint64_t now = uv_now(timeouts->timer.loop);
    uint64_t due = timeouts->heap[0]->due_ms;

    (void)uv_timer_start(&timeouts->timer, handle_timer, due > now ? due - now : 0, 0);
}

static void handle_timer(uv_timer_t *timer)
{
    sio_timeouts *timeouts = timer->data;
    uint64_t now = uv_now(timer->loop);

    while (timeouts->count > 0 && timeouts->heap[0]->due_ms <= now) {
        sio_timeout *timeout = timeouts->heap[0];
        sio_timeout_stop(timeouts, timeout);
        timeout->on_due(timeout);
    }
    if (timeouts->count > 0)
        arm(timeouts);
    timeouts->after(timeouts->data);
}

void sio_timeouts_init(sio_timeouts *timeouts, uv_loop_t *loop, void (*after)(void *data),
                       void *data)
{
    timeouts->after = after;
    timeouts->data = data;
    (void)uv_timer_init(loop, &timeouts->timer);
    timeouts->timer.data = timeouts;
}

void sio_timeouts_fini(sio_timeouts *timeouts)
{
    assert(timeouts->count == 0);
    free(timeouts->heap);
}

int sio_timeout_start(sio_timeouts *timeouts, sio_timeout *timeout, uint64_t after_ms,
                      void (*on_due)(sio_timeout *timeout))
{
    if (reserve(timeouts) != EIO_OK)
        return EIO_E_NOMEM;
    uint64_t now = uv_now(timeouts->timer.loop);
    timeout->due_ms = after_ms > UINT64_MAX - now ? UINT64_MAX : now + after_ms;
    timeout->on_due = on_due;
    sift_up(timeouts, timeouts->count++, timeout);
    if (timeout->heap_at == 1)
        arm(timeouts);
    return EIO_OK;
}

void sio_timeout_stop(sio_timeouts *timeouts, sio_timeout *timeout)
{
    if (timeout->heap_at == 0)
        return;
    size_t at = timeout->heap_at - 1;
    timeout->heap_at = 0;
    sio_timeout *last = timeouts->heap[--timeouts->count];
    if (last == timeout)
        return;
    if (at > 0 && timeouts->heap[(at - 1) / 2]->due_ms > last->due_ms)
        sift_up(timeouts, at, last);
    else
        sift_down(timeouts, at, last);
    /* The timer is left armed: firing once in vain is cheaper than arming it anew each time. */
}
