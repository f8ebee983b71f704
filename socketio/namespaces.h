/*
 * The namespaces of a server: how they are found, made, announced and, where they are children,
 * cleaned up.
 */
#ifndef SOCKETIO_NAMESPACES_H
#define SOCKETIO_NAMESPACES_H

#include "socketio/socketio.h"

/* name: begins with '/', and is none yet. NULL: it cannot be made. */
sio_namespace *sio_namespaces_add(sio_server *server, eio_slice name);
/* Tell the application of new ones. From the loop. */
void sio_namespaces_announce(sio_server *server);
/* Free children that are empty. From the loop, at the end of a turn. */
void sio_namespaces_clean(sio_server *server);

#endif
