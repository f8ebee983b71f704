/* A session's packets on WebSocket (Engine.IO protocol v4): one packet a message, binary messages bare. */
#ifndef ENGINEIO_WS_TRANSPORT_H
#define ENGINEIO_WS_TRANSPORT_H

#include "engineio/session.h"

/*
 * Accept an upgrade with the server's limits and header hooks. The request is gone, whatever it returns. The socket is
 * nobody's until somebody sets its handler. As eio_websocket_accept.
 */
int eio_ws_accept(eio_server *server, eio_http_request *request, eio_websocket **out);
/* Accept one that leads nowhere, as Node does: 101, then an empty close frame. */
void eio_ws_accept_and_close(eio_server *server, eio_http_request *request);

/* The session is on this socket from now on. */
void eio_ws_transport_take(eio_session *session, eio_websocket *ws);
/* The session's handler is another now. */
void eio_ws_transport_listen(eio_session *session);
/* Queue a sealed packet (shared). EIO_OK, EIO_E_BACKLOG, EIO_E_CLOSED, EIO_E_NOMEM. */
int eio_ws_transport_send(eio_session *session, eio_buffer *packet);
/* Close the socket with an empty close frame behind what is queued; the session hears no more of it. */
void eio_ws_transport_close(eio_session *session);

/* Close a socket that belongs to no session (any more) in the same way. */
void eio_ws_orphan(eio_websocket *ws);

#endif
