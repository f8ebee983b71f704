/*
 * The Engine.IO server below, and the application's callbacks for it: they are called with the
 * application's data, while the engine's own data is the sio_server.
 */
#ifndef SOCKETIO_ENGINE_HOOKS_H
#define SOCKETIO_ENGINE_HOOKS_H

#include "socketio/socketio.h"

/* Make server->engine from the options in server->hooks. EIO_OK or as eio_server_new. */
int sio_engine_hooks_start(sio_server *server, eio_error *why);

#endif
