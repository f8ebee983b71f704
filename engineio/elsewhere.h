/*
 * Sessions on other hosts: a request that no server of this process knows the session of can be carried to the one that
 * has it, and a request that was carried here is answered as if its client had come. Who carries is not known here.
 */
#ifndef ENGINEIO_ELSEWHERE_H
#define ENGINEIO_ELSEWHERE_H

#include "engineio/engineio.h"
#include "engineio/http/far.h"

/* Static table: borrowed for ever. Called on the server's loop; data is the carrier's. */
typedef struct eio_elsewhere {
    /* A request for a session that is not in this process. True: taken, with what the middlewares added to it. */
    bool (*stray)(eio_server *server, eio_http_request *request, eio_slice sid, void *data);
    /*
     * The server closes, its sessions are gone. Once, and the last call: what is carried ends, and then
     * eio_server_elsewhere_closed is called, now or later.
     */
    void (*closing)(eio_server *server, void *data);
} eio_elsewhere;

/* Before the first request; there can be one. data: borrowed as long as the server. */
EIO_PRIVATE void eio_server_set_elsewhere(eio_server *server, const eio_elsewhere *elsewhere,
                                          void *data);
EIO_PRIVATE bool eio_server_has_elsewhere(const eio_server *server);
EIO_PRIVATE void eio_server_elsewhere_closed(eio_server *server);

/* Whether a session is here that a request could be for. */
EIO_PRIVATE bool eio_server_knows(eio_server *server, eio_slice sid);
/* Answer a request that was made by eio_http_far_new. It may be gone when this returns. */
EIO_PRIVATE void eio_server_serve_far(eio_server *server, eio_http_request *request);
/* Nobody has its session. The request is gone. */
EIO_PRIVATE void eio_server_refuse_stray(eio_server *server, eio_http_request *request);
/* The most that a body may have. */
EIO_PRIVATE size_t eio_server_max_payload(const eio_server *server);
/* One line to its log. */
EIO_PRIVATE void eio_server_log_line(eio_server *server, char level, const char *line);

#endif
