/*
 * One client in one namespace, from its CONNECT to on_disconnect. It leaves in two steps: at once
 * it is no longer connected, and in its turn from the loop (sio_socket_run_due) it leaves its rooms
 * and the application hears of it.
 */
#ifndef SOCKETIO_SOCKET_H
#define SOCKETIO_SOCKET_H

#include "engineio/net/crypto.h"
#include "socketio/client.h"
#include "socketio/handlers.h"
#include "socketio/recovery.h"
#include "socketio/rooms.h"
#include "socketio/socketio.h"

typedef enum sio_socket_state {
    SOCKET_JOINING, /* middlewares decide */
    SOCKET_CONNECTED,
    SOCKET_LEAVING,
    SOCKET_GONE, /* memory only: its namespace and server may be gone too */
    SOCKET_N_STATES,
} sio_socket_state;

/* What the middleware that was called last has said. */
typedef enum sio_verdict {
    VERDICT_NONE, /* no middleware waits */
    VERDICT_AWAITED,
    VERDICT_PASSED,
} sio_verdict;

/* Why it leaves: the engine's reasons, and then ours. */
typedef enum sio_leave_reason {
    LEAVE_BY_CLIENT = EIO_REASON_FORCED_CLOSE + 1,
    LEAVE_BY_SERVER,
    LEAVE_SHUTDOWN,
    LEAVE_FORCED_SERVER_CLOSE,
} sio_leave_reason;

/* What only some sockets have. */
typedef struct sio_socket_extra {
    eio_buffer *auth;
    eio_buffer *id;               /* in place of the socket's, for clients of protocol 4 */
    sio_handlers events;          /* handlers of this socket alone */
    sio_callbacks filters;        /* its own middlewares for events */
    sio_socket_recovery recovery; /* unused unless the namespace has recovery */
} sio_socket_extra;

struct sio_socket {
    sio_namespace *nsp;
    sio_client *client; /* counted */
    uint32_t refs;      /* one for the client's list, one for the due list, the application's */
    uint32_t index;     /* in the namespace's array */
    uint32_t step;      /* middlewares that were called */
    uint8_t state;      /* sio_socket_state */
    uint8_t verdict;
    uint8_t reason; /* sio_leave_reason or eio_reason, while leaving */
    bool is_due : 1;
    bool in_chain : 1;    /* its middlewares are being called right now */
    bool in_own_room : 1; /* of the room that bears its id */
    sio_occupant rooms;
    sio_socket_extra *extra; /* own heap, or NULL */
    sio_socket *next;        /* of the client */
    sio_socket *next_due;    /* of the server's list */
    void *data;
    void (*destroy)(void *data);
    char id[EIO_RANDOM_ID_LEN];
    uint32_t held_events; /* that wait for a middleware's word */
};

/*
 * A CONNECT was allowed so far: make the socket, in state joining, and link it to its client.
 * auth: JSON object or absent; copied. EIO_OK, EIO_E_NOMEM, EIO_E_RANDOM.
 */
int sio_socket_new(sio_socket **out, sio_client *client, sio_namespace *nsp, eio_slice auth);

/*
 * All middlewares passed: it is connected, the client is answered, the application called. From the
 * loop.
 */
void sio_socket_connect(sio_socket *socket);
/* Never connected: refused, or its client left meanwhile. */
void sio_socket_drop(sio_socket *socket);
/*
 * It is no longer connected; the rest follows in its turn. Nothing happens if it is on its way
 * already.
 */
void sio_socket_begin_leaving(sio_socket *socket, unsigned reason);
/* sio_disconnect for this namespace: the client is told. */
void sio_socket_leave_by_server(sio_socket *socket);
void sio_socket_enter_own_room(sio_socket *socket);
void sio_socket_leave_rooms(sio_socket *socket);
/* Tell the application's sio_on_error. From the loop. */
void sio_socket_tell_error(sio_socket *socket, const char *text);
/* An event is about to be queued for it: tell sio_on_any_outgoing. */
void sio_socket_tell_outgoing(sio_socket *socket, eio_slice name, sio_args args);
/* Its turn from the loop: go on with the middlewares, leave, or be unlinked. */
void sio_socket_run_due(sio_socket *socket);

/* Call the middlewares that are left, and connect. From the loop. */
void sio_middleware_run(sio_socket *socket);

/* The extra part, made if need be; NULL when out of memory. */
sio_socket_extra *sio_socket_need_extra(sio_socket *socket);

static inline bool sio_socket_is_live(const sio_socket *socket)
{
    return socket->state == SOCKET_JOINING || socket->state == SOCKET_CONNECTED;
}

#endif
