/*
 * What the connections of one HTTP server share. Its life ends when every stream that its listeners accepted is gone.
 */
#ifndef ENGINEIO_HTTP_SERVER_H
#define ENGINEIO_HTTP_SERVER_H

#include <sys/queue.h>
#include <time.h>

#include "engineio/http/connection.h"
#include "engineio/http/date.h"
#include "engineio/http/file_cache.h"
#include "engineio/http/proxies.h"
#include "engineio/http/router.h"
#include "engineio/net/deadline.h"
#include "engineio/net/loop.h"
#include "engineio/net/spares.h"
#include "engineio/net/table.h"

struct eio_http_server {
    eio_loop *loop;
    eio_http_options options;
    SLIST_HEAD(, eio_http_listener) listeners; /* own */
    LIST_HEAD(, eio_http_connection) connections;
    eio_table addresses; /* admission.c's */
    eio_proxies proxies; /* that are trusted */
    eio_router router;
    eio_spares spare_connections, spare_requests;
    eio_file_cache files; /* compressed */
    eio_http_handler *fallback;
    void *fallback_data;
    eio_deadline_queue idle, head, body; /* of connections */
    eio_deadline_queue closing;          /* of the server itself */
    eio_deadline_queue ending;           /* too: 0 ms, to be called back from the loop */
    eio_deadline deadline;
    size_t holds; /* listeners and file jobs, and the owner */
    void (*on_closed)(void *data);
    void *closed_data;
    bool stopped;
    bool closed;
    time_t date_at;
    char date[EIO_HTTP_DATE_LEN + 1];
};

/* Give a complete head to who takes it. The request may be gone afterwards. */
void eio_http_server_dispatch(eio_http_server *server, eio_http_request *request);
/* One of its listeners, borrowed; NULL: it has none. */
eio_listener *eio_http_server_listener(const eio_http_server *server);
/* Whether one more connection may stay. */
bool eio_http_server_admit(eio_http_server *server, eio_stream *stream);
/* One line to on_log. */
void eio_http_server_log(const eio_http_server *server, const char *format, ...) EIO_PRINTF(2, 3);
/* The value of a Date header, written anew once a second. */
const char *eio_http_server_date(eio_http_server *server);
/* Work that must end before the server does. */
void eio_http_server_hold(eio_http_server *server);
void eio_http_server_release(eio_http_server *server);

#endif
