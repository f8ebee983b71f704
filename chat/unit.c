#include "chat/unit.h"

#include <stdlib.h>

#include "chat/inherited.h"
#include "chat/log.h"
#include "socketio/workers.h"

/* ---- logs ---- */

static void log_http(const char *line, void *data)
{
    (void)data;
    chat_log(CHAT_LOG_DEBUG, "http", "note=\"%s\"", line);
}

/* Without the query: a session id in there is its client's secret. */
static void log_response(const eio_http_request *request, int status, size_t body_bytes, void *data)
{
    char path[CHAT_LOG_VALUE_BYTES], peer[64];
    eio_slice method = eio_http_method(request);

    (void)data;
    if (!chat_log_is_on(CHAT_LOG_INFO))
        return;
    eio_http_remote_address(request, peer, sizeof(peer));
    chat_log(CHAT_LOG_INFO, "request", "method=%.*s path=%s status=%d bytes=%zu peer=%s",
             (int)(method.len < 20 ? method.len : 20), method.base,
             chat_log_value(path, eio_http_path(request)), status, body_bytes, peer);
}

/* ---- the parts ---- */

/* A literal `*` together with credentials is what the tutorial's server sends; listed origins are reflected. */
static const eio_cors_options *set_cors(chat_unit *unit)
{
    const chat_options *options = unit->host.options;
    bool listed = options->origin_count > 0;

    if (!listed && !unit->profile->open_to_all)
        return NULL;
    unit->cors = (eio_cors_options){
        .origins = listed ? options->origins : NULL,
        .reflect = listed,
        .credentials = true,
        .max_age_s = -1,
    };
    unit->site_cors = unit->cors;
    unit->site_cors.credentials = false;
    unit->site.cors = &unit->site_cors;
    return &unit->cors;
}

/* Each worker has its share: together they take no more than was said. */
static size_t count_connections(const chat_unit *unit)
{
    size_t most = (size_t)unit->host.options->max_connections;
    size_t share =
        most /
        (unit->host.worker == NULL ? 1 : sio_workers_count(sio_worker_group(unit->host.worker)));

    return most > 0 && share == 0 ? 1 : share;
}

static int open_http(chat_unit *unit, eio_error *why)
{
    const chat_options *given = unit->host.options;
    eio_http_options options;

    eio_http_options_init(&options);
    options.max_connections = count_connections(unit);
    options.max_buffered_bytes = (size_t)given->max_buffered_bytes;
    options.trusted_proxies = given->trusted_proxies;
    options.on_log = log_http;
    options.on_response = log_response;
    int rc = eio_http_server_new(&unit->http, unit->host.loop, &options);
    if (rc == EIO_E_INVALID)
        return eio_error_set(why, rc, "--trusted-proxies: %s is no list of addresses and networks",
                             options.trusted_proxies);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "HTTP: %s", eio_strerror(rc));
}

static bool is_ready(void *data)
{
    const chat_unit *unit = data;

    return !unit->is_stopping && unit->profile->is_ready(unit->running);
}

static int open_profile(chat_unit *unit, eio_error *why)
{
    unit->site.is_ready = is_ready;
    unit->site.data = unit;
    unit->host.http = unit->http;
    unit->host.site = &unit->site;
    unit->host.cors = set_cors(unit);
    unit->host.figures = &unit->figures;
    unit->figures = (sio_metrics_sources){ .worker = unit->host.worker, .http = unit->http };
    int rc = chat_site_mount(&unit->site, unit->http, why);
    return rc == EIO_OK ? unit->profile->start(&unit->running, &unit->host, why) : rc;
}

/* ---- listening ---- */

static int open_metrics(chat_unit *unit, eio_error *why)
{
    int rc = sio_metrics_new(&unit->metrics, &unit->figures);

    unit->site.metrics = unit->metrics;
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "metrics: %s", eio_strerror(rc));
}

static int listen_on(const chat_unit *unit, eio_tls *tls, int fd, eio_error *why)
{
    eio_listen_options options;

    eio_listen_options_init(&options);
    options.tls = tls;
    if (fd >= 0) {
        options.fd = fd;
    } else {
        options.host = unit->host.options->host;
        options.port = (int)unit->host.options->port;
    }
    return unit->host.worker == NULL
               ? eio_http_server_listen(unit->http, &options, why)
               : sio_worker_listen(unit->host.worker, unit->http, &options, why);
}

static int open_listeners(const chat_unit *unit, eio_tls *tls, eio_error *why)
{
    int inherited = chat_inherited_count(getenv, why);

    if (inherited <= 0)
        return inherited < 0 ? inherited : listen_on(unit, tls, -1, why);
    for (int i = 0; i < inherited; i++) {
        int rc = listen_on(unit, tls, CHAT_FIRST_INHERITED + i, why);
        if (rc != EIO_OK)
            return rc;
    }
    return EIO_OK;
}

int chat_unit_start(chat_unit *unit, const chat_host *host, eio_tls *tls, eio_error *why)
{
    unit->host = *host;
    unit->profile = host->options->profile;
    int rc = open_http(unit, why);
    if (rc == EIO_OK)
        rc = open_profile(unit, why);
    if (rc == EIO_OK)
        rc = open_metrics(unit, why);
    return rc == EIO_OK ? open_listeners(unit, tls, why) : rc;
}

size_t chat_unit_count_clients(const chat_unit *unit)
{
    return unit->profile->count_clients(unit->running);
}

/* ---- the end, in order ---- */

static void handle_http_closed(void *data)
{
    const chat_unit *unit = data;

    if (unit->on_stopped != NULL)
        unit->on_stopped(unit->stopped_data);
}

static void handle_profile_stopped(void *data)
{
    chat_unit *unit = data;

    unit->running = NULL;
    eio_http_server_close(unit->http, handle_http_closed, unit);
}

void chat_unit_retire(chat_unit *unit)
{
    unit->is_stopping = true;
    eio_http_server_stop(unit->http);
}

void chat_unit_stop(chat_unit *unit, void (*on_stopped)(void *data), void *data)
{
    chat_unit_retire(unit);
    unit->on_stopped = on_stopped;
    unit->stopped_data = data;
    unit->site.metrics = NULL;
    sio_metrics_free(unit->metrics);
    unit->profile->stop(unit->running, handle_profile_stopped, unit);
}
