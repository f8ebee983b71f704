/*
 * What chatd serves beside its protocol: a page, /healthz, /readyz and /metrics, 404 for all else; and the
 * CORS headers that Node's `cors` package gives there. Expected load: a few files a visitor, a
 * probe every few seconds.
 */
#ifndef CHAT_SITE_H
#define CHAT_SITE_H

#include "socketio/metrics.h"

typedef struct chat_site {
    const char *folder;           /* of the page; NULL: none is served */
    const eio_cors_options *cors; /* borrowed; NULL: no such headers */
    bool (*is_ready)(void *data); /* for /readyz */
    const sio_metrics *metrics;   /* for /metrics; NULL: the server is going */
    void *data;
    /* An upgrade, on any path that is the site's: true if it was answered. May be NULL. */
    bool (*on_upgrade)(eio_http_request *request, void *data);
    void *upgrade_data;
} chat_site;

/* Route the health pages and the 404. The site is borrowed until the server is closed. EIO_OK or EIO_E_NOMEM. */
int chat_site_mount(const chat_site *site, eio_http_server *http, eio_error *why);

/* Serve the files of a folder (borrowed, too) at /. EIO_OK, EIO_E_NOMEM; libuv's codes if it cannot be read. */
int chat_site_serve_page(chat_site *site, eio_http_server *http, const char *folder,
                         eio_error *why);

#endif
