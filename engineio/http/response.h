/*
 * Writing responses: one buffer for the head, the body as it is, both queued for the next flush. The library's own
 * headers come last, in Node's order: Date, Connection, Keep-Alive, Content-Length or Transfer-Encoding.
 */
#ifndef ENGINEIO_HTTP_RESPONSE_H
#define ENGINEIO_HTTP_RESPONSE_H

#include "engineio/http/request.h"

enum { EIO_HTTP_LENGTH_UNKNOWN = -1 };

/* As eio_http_respond_start, with a Content-Length; the pieces must sum up to it. */
int eio_http_respond_start_sized(eio_http_request *request, int status, int64_t length);
/* As eio_http_add_header, without its checks: for the library's own names, and values that are headers of requests. */
int eio_http_add_line(eio_http_request *request, eio_slice name, eio_slice value);
/* A whole response that ends the connection: what the peer sent is refused. */
eio_buffer *eio_http_refusal(int status, const char *date);

#endif
