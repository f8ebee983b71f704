/*
 * Engine.IO servers that are one to their clients, on several loops: each tells of its sessions, and gives away
 * requests for those of another. Without a family a server stands alone.
 */
#ifndef ENGINEIO_FAMILY_H
#define ENGINEIO_FAMILY_H

#include "engineio/engineio.h"

/* Static table: borrowed for ever. Called on the server's loop; data is the family's. */
typedef struct eio_family {
    /* A session is about to be open. EIO_OK; else it is refused: EIO_E_EXISTS, EIO_E_NOMEM. */
    int (*opened)(eio_server *server, eio_slice sid, void *data);
    /* It is closed. Once for each that was told of as opened. */
    void (*closed)(eio_server *server, eio_slice sid, void *data);
    /* A request for a session that is not here. True: taken. */
    bool (*stray)(eio_server *server, eio_http_request *request, eio_slice sid, void *data);
} eio_family;

/* Before the first session. data: borrowed as long as the server. */
EIO_PRIVATE void eio_server_set_family(eio_server *server, const eio_family *family, void *data);
/* Where it is mounted. Borrowed as long as the server. */
EIO_PRIVATE const char *eio_server_path(const eio_server *server);

#endif
