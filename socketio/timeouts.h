/*
 * Time-outs that the application chooses, each its own, so that a queue would not do: a heap by due
 * time on one timer. Expected load: thousands of acknowledgements at a time; starting and stopping
 * are O(log n).
 */
#ifndef SOCKETIO_TIMEOUTS_H
#define SOCKETIO_TIMEOUTS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Embedded in what waits; zeroed before its first use. */
typedef struct sio_timeout {
    uint64_t due_ms;
    size_t heap_at; /* its place in the heap plus 1; 0: it does not wait */
    void (*on_due)(struct sio_timeout *timeout); /* stopped already; may start, stop and free */
} sio_timeout;

typedef struct sio_timeouts {
    uv_timer_t timer;
    sio_timeout **heap; /* own heap; the next one due is at the top */
    size_t count;
    size_t capacity;
    void (*after)(void *data); /* called when a run of time-outs is over */
    void *data;
} sio_timeouts;

void sio_timeouts_init(sio_timeouts *timeouts, uv_loop_t *loop, void (*after)(void *data),
                       void *data);
/* Nothing may wait any more, and the timer be closed. */
void sio_timeouts_fini(sio_timeouts *timeouts);

/* Wait; not started twice. EIO_OK or EIO_E_NOMEM. */
int sio_timeout_start(sio_timeouts *timeouts, sio_timeout *timeout, uint64_t after_ms,
                      void (*on_due)(sio_timeout *timeout));
/* Do not wait any more; nothing if it does not. */
void sio_timeout_stop(sio_timeouts *timeouts, sio_timeout *timeout);

#endif
