/*
 * Acknowledgements that we wait for. Each is in the table of its namespace (by its id and socket),
 * in the list of its client (so that they end with it, and are limited), and, if it has one, among
 * the time-outs of its server. A broadcast that asks has one for each receiver, all with the
 * packet's id. Each ends exactly once.
 */
#ifndef SOCKETIO_ACK_H
#define SOCKETIO_ACK_H

#include <sys/queue.h>

#include "engineio/net/table.h"
#include "socketio/socketio.h"
#include "socketio/timeouts.h"

typedef struct sio_ack_key {
    uint64_t id;
    sio_socket *socket; /* in a pending ack: counted */
} sio_ack_key;

typedef struct sio_pending_ack {
    sio_ack_key key; /* the table's: its bytes */
    sio_ack_cb *callback;
    void *data;
    TAILQ_ENTRY(sio_pending_ack) link;   /* of the client's list, or of the ended ones */
    LIST_ENTRY(sio_pending_ack) sibling; /* of those that one gathering waits for */
    sio_timeout timeout;
    int status; /* of an ended one */
} sio_pending_ack;

typedef TAILQ_HEAD(sio_ack_list, sio_pending_ack) sio_ack_list;
typedef LIST_HEAD(sio_ack_siblings, sio_pending_ack) sio_ack_siblings;

/* A client's. */
typedef struct sio_pending_acks {
    sio_ack_list list;
    uint32_t count;
} sio_pending_acks;

void sio_acks_init(eio_table *acks);

/*
 * Wait for the answer to packet `id`. timeout_ms 0: no time-out. When the client has too many, its
 * oldest ends. EIO_OK or EIO_E_NOMEM.
 */
int sio_acks_add(sio_socket *socket, uint64_t id, uint64_t timeout_ms, sio_ack_cb *callback,
                 void *data);
/*
 * The same for one receiver of a broadcast: it is in the list of its siblings until it ends. What
 * it answers is given to the callback only if it answers. EIO_OK or EIO_E_NOMEM.
 */
int sio_acks_add_sibling(sio_socket *socket, uint64_t id, sio_ack_siblings *siblings,
                         sio_ack_cb *callback, void *data);
/* Wait for none of them any more, and call none of them back. */
void sio_acks_cancel_siblings(sio_ack_siblings *siblings);
/* Do not wait after all, and do not call back: the packet was not sent. */
void sio_acks_cancel(sio_socket *socket, uint64_t id);
/* The client answered. An id that nobody waits for is ignored. From the loop. */
void sio_acks_answer(sio_socket *socket, uint64_t id, sio_args args);
/* The socket left: end all that it owes. From the loop. */
void sio_acks_end(sio_socket *socket);
/* Call back those that ended in a call of the application. From the loop. */
void sio_acks_run_ended(sio_server *server);

#endif
