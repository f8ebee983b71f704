/*
 * The decisions of CORS (Fetch standard), with the semantics of Node's `cors` package. Pure, but for the one public
 * function that writes them into a response: eio_http_cors. Expected load: every request of services that use it.
 */
#ifndef ENGINEIO_HTTP_CORS_H
#define ENGINEIO_HTTP_CORS_H

#include "engineio/http.h"

/*
 * The value of Access-Control-Allow-Origin for a caller; {NULL, 0}: none. varies: whether it depends on the caller, or
 * could, so that caches must know.
 */
eio_slice eio_cors_allowed_origin(const eio_cors_options *options, eio_slice origin, bool *varies);

#endif
