/*
 * serveClient: the browser client's files under the server's path (protocol.md G), from the folder
 * client-dist of the npm package, whose version is their ETag. A file is read when it is first
 * asked for, and kept; so is its compressed form.
 */
#ifndef SOCKETIO_CLIENT_FILES_H
#define SOCKETIO_CLIENT_FILES_H

#include "engineio/http/compress.h"
#include "socketio/socketio.h"

enum { SIO_CLIENT_FILES = 8, SIO_CLIENT_VERSION_MAX_BYTES = 60 };

struct sio_client_files;

typedef struct sio_client_file {
    struct sio_client_files *files;
    const char *name;
    char *target;                          /* own; the path it is mounted on; NULL: it is not */
    eio_buffer *body;                      /* NULL until it is asked for */
    eio_buffer *compressed[EIO_ENCODINGS]; /* likewise */
} sio_client_file;

typedef struct sio_client_files {
    sio_server *server;
    eio_http_server *http;
    const eio_cors_options *cors; /* borrowed from the server's options */
    char *dir;                    /* own; NULL: nothing is served */
    char etag[SIO_CLIENT_VERSION_MAX_BYTES + 3];
    sio_client_file items[SIO_CLIENT_FILES];
} sio_client_files;

/*
 * Mount them, if they are wanted and there; else one line in the log says that they are not. files:
 * zeroed. EIO_OK, EIO_E_EXISTS or EIO_E_NOMEM.
 */
int sio_client_files_open(sio_client_files *files, sio_server *server, const sio_options *options,
                          eio_error *why);
/* Unmount them. A second call does nothing. */
void sio_client_files_close(sio_client_files *files);

#endif
