/*
 * A client that comes back to another worker than had lost its connection: that one is asked for the session. Who has
 * which stands in the process' directory. Without siblings all of this does nothing.
 */
#ifndef SOCKETIO_WORKERS_COMEBACK_H
#define SOCKETIO_WORKERS_COMEBACK_H

#include "socketio/workers/group.h"

/* A session is kept here, or not any more. If there is no memory nobody will find it. */
void sio_comeback_announce(sio_namespace *nsp, eio_slice pid);
void sio_comeback_forget(sio_namespace *nsp, eio_slice pid);

/*
 * Ask the worker that has it. pid: JSON of the auth, or absent; auth: copied. True: sio_recovery_arrive is called for
 * the socket, which is held until then, unless its server is closed before.
 */
bool sio_comeback_ask(sio_socket *socket, eio_slice pid, eio_slice auth);

/* The server is closed: nobody waits any more. */
void sio_comeback_end_all(sio_sibling *member);

#endif
