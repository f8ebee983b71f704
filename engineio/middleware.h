/* Middlewares: what the application runs on every request, before the protocol looks at it. */
#ifndef ENGINEIO_MIDDLEWARE_H
#define ENGINEIO_MIDDLEWARE_H

#include "engineio/engineio.h"

typedef struct eio_middleware {
    eio_middleware_cb *callback;
    void *data;
} eio_middleware;

/* Run them on a request. It ends in eio_request_verify or a reply, now or later. */
void eio_middlewares_begin(eio_server *server, eio_http_request *request, bool is_upgrade);
/* The server closes: requests that wait are dropped; the application may still answer, to no effect. */
void eio_middlewares_drop(eio_server *server);

#endif
