/*
 * How many connections a server takes, in total and from one address; upgraded ones count for as long as they live.
 * Expected load: every connection that is accepted; addresses by the ten thousand.
 */
#ifndef ENGINEIO_HTTP_ADMISSION_H
#define ENGINEIO_HTTP_ADMISSION_H

#include "engineio/http/server.h"

void eio_http_admission_init(eio_http_server *server);
void eio_http_admission_fini(eio_http_server *server);
/* Whether it may stay; it is counted then. open: connections of the server, this one included. */
bool eio_http_admit(eio_http_server *server, eio_stream *stream, size_t open);

#endif
