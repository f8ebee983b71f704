#include "engineio/http/server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/http/admission.h"
#include "engineio/http/query.h"
#include "engineio/limits.h"
#include "engineio/net/stream_private.h"

enum { MOST_LOG_BYTES = 256 };

typedef struct eio_http_listener {
    SLIST_ENTRY(eio_http_listener) link;
    eio_listener *listener; /* own */
} eio_http_listener;

void eio_http_options_init(eio_http_options *options)
{
    *options = (eio_http_options){ .size = sizeof(*options) };
}

static size_t size_or(size_t value, size_t otherwise)
{
    return value == 0 ? otherwise : value;
}

static uint64_t time_or(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

static void copy_options(eio_http_options *to, const eio_http_options *from)
{
    if (from != NULL)
        *to = *from;
    else
        eio_http_options_init(to);
    to->max_head_bytes = size_or(to->max_head_bytes, EIO_HTTP_MAX_HEAD_BYTES);
    to->max_headers = size_or(to->max_headers, EIO_HTTP_MAX_HEADERS);
    to->max_target_bytes = size_or(to->max_target_bytes, EIO_HTTP_MAX_TARGET_BYTES);
    to->max_framing_bytes = size_or(to->max_framing_bytes, EIO_HTTP_MAX_FRAMING_BYTES);
    to->head_timeout_ms = time_or(to->head_timeout_ms, EIO_HTTP_HEAD_TIMEOUT_MS);
    to->request_timeout_ms = time_or(to->request_timeout_ms, EIO_HTTP_REQUEST_TIMEOUT_MS);
    to->idle_timeout_ms = time_or(to->idle_timeout_ms, EIO_HTTP_IDLE_TIMEOUT_MS);
    to->max_buffered_bytes = size_or(to->max_buffered_bytes, EIO_MAX_BUFFERED_BYTES);
}

/* ---- the end ---- */

static eio_http_server *server_of(eio_deadline *deadline)
{
    return (eio_http_server *)((char *)deadline - offsetof(eio_http_server, deadline));
}

/* Those that did not get their response away in time. */
static void handle_closing_due(eio_deadline *deadline)
{
    eio_http_server *server = server_of(deadline);

    while (!LIST_EMPTY(&server->connections))
        eio_http_connection_abort(LIST_FIRST(&server->connections));
}

static void handle_ending_due(eio_deadline *deadline)
{
    eio_http_server *server = server_of(deadline);
    void (*on_closed)(void *) = server->on_closed;
    void *data = server->closed_data;

    eio_deadline_queue_fini(&server->idle);
    eio_deadline_queue_fini(&server->head);
    eio_deadline_queue_fini(&server->body);
    eio_deadline_queue_fini(&server->closing);
    eio_deadline_queue_fini(&server->ending);
    eio_loop_release(server->loop);
    eio_http_connections_fini(server);
    eio_http_admission_fini(server);
    eio_proxies_fini(&server->proxies);
    eio_router_fini(&server->router);
    eio_file_cache_fini(&server->files);
    free(server);
    if (on_closed != NULL)
        on_closed(data);
}

void eio_http_server_hold(eio_http_server *server)
{
    server->holds++;
}

void eio_http_server_release(eio_http_server *server)
{
    if (--server->holds > 0)
        return;
    eio_deadline_stop(&server->closing, &server->deadline);
    eio_deadline_start(&server->ending, &server->deadline);
}

static void handle_listener_closed(void *data)
{
    eio_http_server_release(data);
}

void eio_http_server_stop(eio_http_server *server)
{
    eio_http_listener *entry;

    server->stopped = true;
    SLIST_FOREACH(entry, &server->listeners, link)
        eio_listener_stop(entry->listener);
}

static void wind_up_connections(eio_http_server *server)
{
    eio_http_connection *next;

    for (eio_http_connection *connection = LIST_FIRST(&server->connections); connection != NULL;
         connection = next) {
        next = eio_http_connection_next(connection);
        eio_http_connection_wind_up(connection); /* calls nobody */
    }
}

void eio_http_server_close(eio_http_server *server, void (*on_closed)(void *data), void *data)
{
    if (server == NULL || server->closed)
        return;
    server->closed = server->stopped = true;
    server->on_closed = on_closed;
    server->closed_data = data;
    while (!SLIST_EMPTY(&server->listeners)) {
        eio_http_listener *entry = SLIST_FIRST(&server->listeners);
        SLIST_REMOVE_HEAD(&server->listeners, link);
        eio_listener_close(entry->listener, handle_listener_closed, server);
        free(entry);
    }
    wind_up_connections(server);
    if (!LIST_EMPTY(&server->connections))
        eio_deadline_start(&server->closing, &server->deadline);
    eio_http_server_release(server); /* the owner's hold */
}

/* ---- the beginning ---- */

int eio_http_server_new(eio_http_server **out, uv_loop_t *loop, const eio_http_options *options)
{
    eio_http_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return EIO_E_NOMEM;
    server->loop = eio_loop_acquire(loop);
    int rc = server->loop == NULL ? EIO_E_NOMEM : EIO_OK;
    copy_options(&server->options, options);
    if (rc == EIO_OK)
        rc = eio_proxies_parse(&server->proxies, server->options.trusted_proxies);
    if (rc != EIO_OK) {
        if (server->loop != NULL)
            eio_loop_release(server->loop);
        free(server);
        return rc;
    }
    server->options.trusted_proxies = NULL; /* they stand in `proxies` now */
    server->holds = 1;
    eio_http_connections_init(server);
    SLIST_INIT(&server->listeners);
    eio_http_admission_init(server);
    eio_router_init(&server->router);
    eio_deadline_queue_init(&server->idle, server->loop, server->options.idle_timeout_ms,
                            eio_http_connection_idle_due);
    eio_deadline_queue_init(&server->head, server->loop, server->options.head_timeout_ms,
                            eio_http_connection_head_due);
    eio_deadline_queue_init(&server->body, server->loop, server->options.request_timeout_ms,
                            eio_http_connection_body_due);
    eio_deadline_queue_init(&server->closing, server->loop, EIO_LINGER_TIMEOUT_MS,
                            handle_closing_due);
    eio_deadline_queue_init(&server->ending, server->loop, 0, handle_ending_due);
    *out = server;
    return EIO_OK;
}

static size_t count_streams(const eio_http_server *server)
{
    const eio_http_listener *entry;
    size_t count = 0;

    SLIST_FOREACH(entry, &server->listeners, link)
        count += eio_listener_streams(entry->listener);
    return count;
}

size_t eio_http_server_connections(const eio_http_server *server)
{
    return count_streams(server);
}

bool eio_http_server_admit(eio_http_server *server, eio_stream *stream)
{
    return eio_http_admit(server, stream, count_streams(server));
}

eio_listener *eio_http_server_listener(const eio_http_server *server)
{
    const eio_http_listener *entry = SLIST_FIRST(&server->listeners);

    return entry == NULL ? NULL : entry->listener;
}

static void handle_stream(eio_listener *listener, eio_stream *stream, void *data)
{
    eio_http_server *server = data;

    (void)listener;
    if (!eio_http_server_admit(server, stream) ||
        eio_http_connection_open(server, stream) != EIO_OK)
        eio_stream_abort(stream);
}

int eio_http_server_listen(eio_http_server *server, const eio_listen_options *options,
                           eio_error *why)
{
    eio_http_listener *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
    int rc =
        eio_listener_new(&entry->listener, server->loop->uv, options, handle_stream, server, why);
    if (rc != EIO_OK) {
        free(entry);
        return rc;
    }
    SLIST_INSERT_HEAD(&server->listeners, entry, link);
    eio_http_server_hold(server);
    return EIO_OK;
}

int eio_http_server_port(const eio_http_server *server)
{
    const eio_http_listener *entry;
    int port = 0;

    SLIST_FOREACH(entry, &server->listeners, link) { /* the newest comes first */
        int own = eio_listener_port(entry->listener);
        if (own != 0)
            port = own;
    }
    return port;
}

int eio_http_server_duplicate(const eio_http_server *server)
{
    const eio_listener *listener = eio_http_server_listener(server);

    return listener == NULL ? EIO_E_STATE : eio_listener_duplicate(listener);
}

uv_loop_t *eio_http_server_loop(const eio_http_server *server)
{
    return server->loop->uv;
}

/* ---- who takes a request ---- */

int eio_http_server_route(eio_http_server *server, const char *method, const char *pattern,
                          eio_http_handler *handler, void *data)
{
    return eio_router_add(&server->router, method, pattern, handler, data);
}

int eio_http_server_mount(eio_http_server *server, eio_slice prefix, const eio_http_mount *mount,
                          void *data)
{
    return eio_router_mount(&server->router, prefix, mount, data);
}

void eio_http_server_unmount(eio_http_server *server, eio_slice prefix)
{
    eio_router_unmount(&server->router, prefix);
}

void eio_http_server_set_fallback(eio_http_server *server, eio_http_handler *handler, void *data)
{
    server->fallback = handler;
    server->fallback_data = data;
}

static void dispatch_mount(const eio_mounted *mounted, eio_http_request *request)
{
    if (request->is_upgrade && mounted->mount.on_upgrade != NULL) {
        request->keep_alive = false; /* nobody sends a second request behind this one */
        mounted->mount.on_upgrade(request, mounted->data);
    } else {
        mounted->mount.on_request(request, mounted->data);
    }
}

/* Decode what the pattern captured. */
static int set_params(eio_http_request *request, const eio_capture *captures, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += captures[i].value.len;
    request->param_text = malloc(len + 1);
    if (request->param_text == NULL)
        return EIO_E_NOMEM;
    char *to = request->param_text;
    for (size_t i = 0; i < count; i++) {
        size_t used = eio_percent_decode(captures[i].value, to);
        request->params[i] = (eio_http_param_entry){ captures[i].name, { to, used } };
        to += used;
    }
    request->param_count = count;
    return EIO_OK;
}

void eio_http_server_dispatch(eio_http_server *server, eio_http_request *request)
{
    eio_capture captures[EIO_HTTP_MAX_PARAMS];
    size_t count;
    const eio_mounted *mounted = eio_router_find_mount(&server->router, eio_http_target(request));

    if (mounted != NULL) {
        dispatch_mount(mounted, request);
        return;
    }
    const eio_route *route = eio_router_find(&server->router, eio_http_method(request),
                                             eio_http_path(request), captures, &count);
    if (route != NULL) {
        if (count > 0 && set_params(request, captures, count) != EIO_OK)
            eio_http_destroy(request);
        else
            route->handler(request, route->data);
    } else if (server->fallback != NULL) {
        server->fallback(request, server->fallback_data);
    } else {
        (void)eio_http_respond(request, 404, NULL);
    }
}

/* ---- small things ---- */

void eio_http_server_log(const eio_http_server *server, const char *format, ...)
{
    char line[MOST_LOG_BYTES];
    va_list args;

    if (server->options.on_log == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    server->options.on_log(line, server->options.data);
}

const char *eio_http_server_date(eio_http_server *server)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_at || server->date[0] == '\0') {
        eio_http_format_date(server->date, now.tv_sec);
        server->date_at = now.tv_sec;
    }
    return server->date;
}
