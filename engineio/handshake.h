/* New sessions: the application's yes or no, an id, and the open packet. */
#ifndef ENGINEIO_HANDSHAKE_H
#define ENGINEIO_HANDSHAKE_H

#include "engineio/engineio.h"

/* A request without a sid that passed the protocol's checks. It is gone, or kept until the application answers. */
void eio_handshake_begin(eio_server *server, eio_http_request *request);
/* The server closes: those that wait are dropped; the application may still answer them, to no effect. */
void eio_handshakes_drop(eio_server *server);

#endif
