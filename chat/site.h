/*
 * What chatd serves beside Socket.IO: the page, /healthz and /readyz, 404 for all else; and the
 * CORS headers that Node's `cors` package gives there. Expected load: a few files a visitor, a
 * probe every few seconds.
 */
#ifndef CHAT_SITE_H
#define CHAT_SITE_H

#include "engineio/http.h"

typedef struct chat_site {
    const char *folder;           /* of the page; borrowed */
    const eio_cors_options *cors; /* borrowed */
    bool (*is_ready)(void *data); /* for /readyz */
    void *data;
} chat_site;

/* Route it all. The site is borrowed until the server is closed. EIO_OK, EIO_E_NOMEM; libuv's if there is no page. */
int chat_site_mount(const chat_site *site, eio_http_server *http, eio_error *why);

#endif
