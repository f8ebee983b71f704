/*
 * A request that came to the wrong worker goes to another server, on another loop, with its connection: the head that
 * was read, the parser's state, and what came behind. It leaves as soon as nothing of an earlier response waits.
 * Expected load: one for each connection to the wrong worker, once.
 */
#ifndef ENGINEIO_HTTP_HANDOVER_H
#define ENGINEIO_HTTP_HANDOVER_H

#include "engineio/http.h"

/* A connection and its request, on no loop. */
typedef struct eio_http_traveller eio_http_traveller;

/*
 * Let a request leave that nothing was done with yet, but for headers of its response, which are dropped. From the
 * loop, once and never from within this call: on_gone (traveller, data), with the traveller, new, or NULL if the peer
 * was quicker or there is no memory. EIO_OK, or EIO_E_NOMEM: it stays.
 */
EIO_PRIVATE int eio_http_depart(eio_http_request *request,
                                void (*on_gone)(eio_http_traveller *, void *), void *data);
/* Serve it here, as if it had come to this server. traveller: taken. */
EIO_PRIVATE void eio_http_arrive(eio_http_server *server, eio_http_traveller *traveller);
/* Close its connection. Any thread. */
EIO_PRIVATE void eio_http_traveller_free(eio_http_traveller *traveller);

#endif
