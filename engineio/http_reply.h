/* What Engine.IO answers over HTTP: payloads, errors, and the headers that go with them. */
#ifndef ENGINEIO_HTTP_REPLY_H
#define ENGINEIO_HTTP_REPLY_H

#include "engineio/engineio.h"
#include "engineio/polling_body.h"

/* 200 with sealed packets as a payload. EIO_OK or EIO_E_NOMEM (the connection closes). The request is gone. */
int eio_reply_packets(eio_server *server, eio_http_request *request, const eio_dialect *dialect,
                      const eio_buffer *const *packets, size_t count);
/* 200 `ok`, to a POST. */
void eio_reply_ok(eio_server *server, eio_http_request *request);
/*
 * Refuse a request: JSON, or the message alone on an upgrade, and the application's callback.
 *
 * message: NULL for the table's. context: what exactly, as `name: value`.
 */
void eio_reply_refusal(eio_server *server, eio_http_request *request, eio_refusal code,
                       const char *message, const char *context);

#endif
