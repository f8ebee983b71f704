/*
 * Connection state recovery where an adapter keeps the sessions, for all servers of a cluster: what is asked of it when
 * a socket leaves and when a client comes back. Until it has answered, for a bounded time, the socket stays in front of
 * its middlewares. Without such an adapter see recovery.h. Expected load: once a CONNECT, once a lost connection.
 */
#ifndef SOCKETIO_RESTORE_H
#define SOCKETIO_RESTORE_H

#include "socketio/adapter.h"
#include "socketio/recovery.h"

/*
 * A new socket, before its middlewares: give it a pid, and ask for what its auth speaks of; is_awaited: that comes
 * later. EIO_OK, EIO_E_NOMEM or EIO_E_RANDOM.
 */
int sio_restore_start(sio_socket *socket, eio_slice auth);
/* The socket will not connect: its answer is nobody's. */
void sio_restore_abandon(sio_socket *socket);
/* It is connected: events are sent to it from now on. */
void sio_restore_leave(sio_socket *socket);

/* The socket is about to leave its rooms: hand its session to the adapter, if its reason allows that. */
void sio_restore_save(const sio_socket *socket);

/* An event passes by: it is for those too who are restored, but whose middlewares have not decided yet. */
void sio_restore_hold(sio_namespace *nsp, const sio_message *message, const sio_target *target);

#endif
