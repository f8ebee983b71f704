/*
 * What all servers on one uv_loop_t share: the read buffer, the list of late jobs that runs just before the loop
 * sleeps, the one timer behind all deadlines, spare nodes of write queues. Found by its uv_loop_t, counted, and made
 * with the first server on a loop. Loop thread only, but for the look-up table of loops, which is locked.
 */
#ifndef ENGINEIO_NET_LOOP_H
#define ENGINEIO_NET_LOOP_H

#include <sys/queue.h>

#include "engineio/net/deadline.h"
#include "engineio/net/flush.h"
#include "engineio/net/spares.h"
#include "engineio/stream.h"

enum {
    EIO_READ_BUFFER_BYTES = 256 * 1024,
    EIO_LATE_SLICE_NS = 2 * 1000 * 1000,
};

typedef struct eio_loop {
    uv_loop_t *uv;
    unsigned refs;
    eio_late_list late;
    eio_late
        *late_rest; /* the first of those that an earlier pass has left; they are the list's end */
    uint64_t late_slice_ns; /* how long one pass may run them */
    unsigned reads;         /* of this pass */
    unsigned reads_behind;  /* those of streams that had something to send already */
    bool joins;     /* an answer waits for the end of the pass: more may come to go with it */
    uv_idle_t idle; /* keeps the loop from sleeping while there is a rest */
    uv_prepare_t prepare;
    uv_timer_t timer;
    uint64_t timer_due; /* when the timer is armed for; UINT64_MAX: it is not */
    size_t deadlines;   /* nodes in all queues */
    LIST_HEAD(, eio_deadline_queue) queues;
    eio_deadline_queue stalled;   /* streams whose peer takes nothing */
    eio_deadline_queue lingering; /* streams that are being closed in order */
    eio_spares spare_nodes;       /* of write queues */
    LIST_ENTRY(eio_loop) link;
    unsigned open_handles;
    char read_buffer[EIO_READ_BUFFER_BYTES];
} eio_loop;

/* The shared part of a loop, made if need be. NULL when out of memory. Give it back with eio_loop_release. */
EIO_PRIVATE eio_loop *eio_loop_acquire(uv_loop_t *uv);
EIO_PRIVATE void eio_loop_release(eio_loop *loop);

#endif
