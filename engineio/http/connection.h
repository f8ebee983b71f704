/*
 * One connection that speaks HTTP/1: its parser, the request in work and the bytes behind it. The only file that names
 * llhttp.
 *
 * Requests are answered one at a time, in order: the parser pauses behind a head until the handler has asked for the
 * body or answered, and behind a message until the response has ended. What came meanwhile is kept, and nothing more is
 * read. The next request is never handed out from within a call of the application, but by a late job. A connection
 * that is upgraded dies, and its stream lives on.
 */
#ifndef ENGINEIO_HTTP_CONNECTION_H
#define ENGINEIO_HTTP_CONNECTION_H

#include "engineio/http/request.h"
#include "engineio/net/deadline.h"

typedef struct eio_http_connection eio_http_connection;

/* What is theirs of a server; none may be left in the end. */
void eio_http_connections_init(eio_http_server *server);
void eio_http_connections_fini(eio_http_server *server);

/* Take over a stream that was accepted. EIO_OK or EIO_E_NOMEM (the stream is still the caller's). */
int eio_http_connection_open(eio_http_server *server, eio_stream *stream);

/* The server closes: at once when no request is in work, else after the response. */
void eio_http_connection_wind_up(eio_http_connection *connection);
/* End it now; a request in work is told. */
void eio_http_connection_abort(eio_http_connection *connection);
/* The next in the server's list; NULL at its end. */
eio_http_connection *eio_http_connection_next(const eio_http_connection *connection);

/* What the server's queues of deadlines call. */
void eio_http_connection_idle_due(eio_deadline *deadline);
void eio_http_connection_head_due(eio_deadline *deadline);
void eio_http_connection_body_due(eio_deadline *deadline);

/* ---- for the request in work ---- */

eio_stream *eio_http_connection_stream(const eio_http_connection *connection);
/* It wants its body now. */
void eio_http_connection_want_body(eio_http_connection *connection);
/* Its response is queued: frees the request, and goes on with what came behind it. */
void eio_http_connection_finish(eio_http_connection *connection);
/* Drop the connection and the request, without a word to anybody. */
void eio_http_connection_destroy(eio_http_connection *connection);
/* Let go of the stream, with the bytes that came behind the head; frees the request. NULL when out of memory. */
eio_stream *eio_http_connection_release(eio_http_connection *connection,
                                        const eio_stream_handler *handler, void *data);

#endif
