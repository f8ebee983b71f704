/*
 * Cookies (RFC 6265): finding one in a Cookie header. Pure. Writing one is public: eio_cookie_format. Expected load:
 * one look-up per request of services that keep sessions in cookies.
 */
#ifndef ENGINEIO_HTTP_COOKIE_H
#define ENGINEIO_HTTP_COOKIE_H

#include "engineio/http.h"

/* The value of a cookie in a header's value; several of one name: the first, as browsers send the best match first. */
eio_slice eio_cookie_find(eio_slice header, eio_slice name);

#endif
