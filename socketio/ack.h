/*
 * Acknowledgements that we wait for. Each is in the table of its namespace (by its id), in the list
 * of its client (so that they end with it, and are limited), and, if it has a time-out, in one heap
 * of the server by its due time: the time-outs are the application's, each its own, so that a queue
 * would not do. Each ends exactly once.
 */
#ifndef SOCKETIO_ACK_H
#define SOCKETIO_ACK_H

#include <sys/queue.h>
#include <uv.h>

#include "engineio/net/table.h"
#include "socketio/socketio.h"

typedef struct sio_pending_ack {
    uint64_t id;        /* the table's key: its bytes */
    sio_socket *socket; /* counted */
    sio_ack_cb *callback;
    void *data;
    TAILQ_ENTRY(sio_pending_ack) link; /* of the client's list, or of the ended ones */
    uint64_t due_ms;
    size_t heap_at; /* its place in the heap plus 1; 0: no time-out */
    int status;     /* of an ended one */
} sio_pending_ack;

typedef TAILQ_HEAD(sio_ack_list, sio_pending_ack) sio_ack_list;

/* A client's. */
typedef struct sio_pending_acks {
    sio_ack_list list;
    uint32_t count;
} sio_pending_acks;

/*
 * A server's: the heap of time-outs, its timer, and the acks that ended in a call of the
 * application.
 */
typedef struct sio_ack_clock {
    uv_timer_t timer;
    sio_pending_ack **heap; /* own heap */
    size_t count;
    size_t capacity;
    sio_ack_list ended;
} sio_ack_clock;

void sio_ack_clock_init(sio_ack_clock *clock, uv_loop_t *loop, sio_server *server);
/* Nothing may be pending any more, and the timer be closed. */
void sio_ack_clock_fini(sio_ack_clock *clock);

void sio_acks_init(eio_table *acks);

/*
 * Wait for the answer to packet `id`. timeout_ms 0: no time-out. When the client has too many, its
 * oldest ends. EIO_OK or EIO_E_NOMEM.
 */
int sio_acks_add(sio_socket *socket, uint64_t id, uint64_t timeout_ms, sio_ack_cb *callback,
                 void *data);
/* Do not wait after all, and do not call back: the packet was not sent. */
void sio_acks_cancel(sio_socket *socket, uint64_t id);
/* The client answered. An id that nobody waits for is ignored. From the loop. */
void sio_acks_answer(sio_socket *socket, uint64_t id, sio_args args);
/* The socket left: end all that it owes. From the loop. */
void sio_acks_end(sio_socket *socket);
/* Call back those that ended in a call of the application. From the loop. */
void sio_acks_run_ended(sio_server *server);

#endif
