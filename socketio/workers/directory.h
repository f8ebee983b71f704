/*
 * Which worker has a session. Locked; touched when a session opens or closes, and by a request that came to the wrong
 * worker. Expected load: an entry a client.
 */
#ifndef SOCKETIO_WORKERS_DIRECTORY_H
#define SOCKETIO_WORKERS_DIRECTORY_H

#include <uv.h>

#include "engineio/net/table.h"

typedef struct sio_directory {
    uv_mutex_t lock;
    eio_table entries; /* own */
} sio_directory;

/* EIO_OK or libuv's code. */
int sio_directory_init(sio_directory *directory);
void sio_directory_fini(sio_directory *directory);

/* path: of the server that the session is one of. EIO_OK, EIO_E_EXISTS, EIO_E_NOMEM. Any thread, as all below. */
int sio_directory_add(sio_directory *directory, eio_slice path, eio_slice sid, unsigned worker);
void sio_directory_remove(sio_directory *directory, eio_slice path, eio_slice sid);
/* False: nobody has it. */
bool sio_directory_find(sio_directory *directory, eio_slice path, eio_slice sid, unsigned *worker);

#endif
