/* What serves on one loop: HTTP, the site and the profile. A process has one of them, or one for each worker. */
#ifndef CHAT_UNIT_H
#define CHAT_UNIT_H

#include "chat/profile.h"

typedef struct chat_unit {
    const chat_profile *profile;
    eio_http_server *http;
    void *running; /* the profile's; NULL: not started yet, or gone */
    chat_host host;
    chat_site site;
    sio_metrics_sources figures;
    sio_metrics *metrics; /* NULL: not yet, or no more */
    eio_cors_options cors, site_cors;
    bool is_stopping;
    void (*on_stopped)(void *data);
    void *stopped_data;
} chat_unit;

/*
 * Start, and listen. `host` says on which loop, in which worker, with what is shared; the rest of it is filled in here.
 * What is there after a failure ends with the process. The loop's thread, as all below.
 */
int chat_unit_start(chat_unit *unit, const chat_host *host, eio_tls *tls, eio_error *why);

size_t chat_unit_count_clients(const chat_unit *unit);

/* Accept no more; not ready any more. */
void chat_unit_retire(chat_unit *unit);
/* Accept no more, send clients away, close all. on_stopped is the last callback, once; may be NULL. */
void chat_unit_stop(chat_unit *unit, void (*on_stopped)(void *data), void *data);

#endif
