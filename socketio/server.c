#include "socketio/server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/options.h"
#include "socketio/adapter.h"
#include "socketio/adapter/workers.h"
#include "socketio/engine_hooks.h"
#include "socketio/namespace.h"
#include "socketio/namespaces.h"
#include "socketio/socket.h"
#include "socketio/workers/group.h"

enum {
    DEFAULT_CONNECT_TIMEOUT_MS = 45000,
    DEFAULT_MAX_NAMESPACES = 64,
    DEFAULT_MAX_JOINING = 100000,
    DEFAULT_MAX_ROOMS = 10000,
    DEFAULT_MAX_PENDING_ACKS = 10000,
    DEFAULT_MAX_HELD_EVENTS = 1000,
    DEFAULT_MAX_DISCONNECTION_MS = 120000,
    DEFAULT_MAX_KEPT_EVENTS = 100000,
    DEFAULT_MAX_KEPT_BYTES = 64 * 1024 * 1024,
    DEFAULT_MAX_LOST_SESSIONS = 100000,
    LOG_LINE_BYTES = 512,
};

void sio_options_init(sio_options *options)
{
    *options = (sio_options){
        .size = sizeof(*options),
        .connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS,
        .max_attachments = SIO_ATTACHMENTS_MAX,
        .max_joining = DEFAULT_MAX_JOINING,
        .max_namespaces = DEFAULT_MAX_NAMESPACES,
        .max_rooms = DEFAULT_MAX_ROOMS,
        .max_pending_acks = DEFAULT_MAX_PENDING_ACKS,
        .max_held_events = DEFAULT_MAX_HELD_EVENTS,
    };
    eio_options_init(&options->engine);
    options->engine.path = "/socket.io";
}

void sio_server_log(sio_server *server, char level, const char *format, ...)
{
    char line[LOG_LINE_BYTES];
    va_list values;

    if (server->on_log == NULL)
        return;
    va_start(values, format);
    (void)vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    server->on_log(server, level, line, server->data);
}

/* ---- what is due ---- */

void sio_server_wake(sio_server *server)
{
    eio_late_add(server->loop, &server->late);
}

void sio_server_schedule(sio_server *server, sio_socket *socket)
{
    if (socket->is_due)
        return;
    socket->is_due = true;
    socket->next_due = NULL;
    sio_socket_ref(socket);
    if (server->due_tail == NULL)
        server->due_head = socket;
    else
        server->due_tail->next_due = socket;
    server->due_tail = socket;
    sio_server_wake(server);
}

static sio_socket *take_due(sio_server *server)
{
    sio_socket *socket = server->due_head;

    if (socket == NULL)
        return NULL;
    server->due_head = socket->next_due;
    if (server->due_head == NULL)
        server->due_tail = NULL;
    socket->is_due = false;
    return socket;
}

static void run_ended(sio_server *server)
{
    sio_acks_run_ended(server);
    sio_gathers_run_ended(server);
    sio_event_chain_run_ready(server);
    sio_room_notes_run(server);
}

void sio_server_run_all_due(sio_server *server)
{
    sio_socket *socket;

    sio_namespaces_announce(server);
    sio_dynamic_run_due(server);
    run_ended(server);
    while ((socket = take_due(server)) != NULL) {
        sio_socket_run_due(socket);
        sio_socket_unref(socket);
        run_ended(server);
    }
    sio_namespaces_clean(server);
}

static void run_due(void *data)
{
    sio_server_run_due(data);
}

static void run_late(eio_late *late)
{
    sio_server *server = (sio_server *)((char *)late - offsetof(sio_server, late));

    sio_server_run_all_due(server); /* it is on the loop's list no more */
}

/* ---- life ---- */

static size_t or_default(size_t value, size_t fallback)
{
    return value == 0 ? fallback : value;
}

static void apply_recovery(sio_recovery_options *to, const sio_recovery_options *from)
{
    if (from == NULL)
        return;
    *to = *from;
    if (to->max_disconnection_ms == 0)
        to->max_disconnection_ms = DEFAULT_MAX_DISCONNECTION_MS;
    to->max_events = or_default(from->max_events, DEFAULT_MAX_KEPT_EVENTS);
    to->max_bytes = or_default(from->max_bytes, DEFAULT_MAX_KEPT_BYTES);
    to->max_sessions = or_default(from->max_sessions, DEFAULT_MAX_LOST_SESSIONS);
}

/* One link and one member of a cluster a process: worker 0's. */
static const sio_adapter_type *choose_adapter(const sio_options *options)
{
    if (options->adapter == NULL || options->adapter == &sio_adapter_memory)
        return &sio_adapter_memory;
    return options->worker != NULL && sio_worker_index(options->worker) > 0 ? &sio_adapter_by_mail
                                                                            : options->adapter;
}

static void apply_options(sio_server *server, const sio_options *options)
{
    size_t payload = server->hooks.max_payload_bytes;

    server->adapter = choose_adapter(options);
    server->cluster = options->adapter;
    server->parser = sio_parser_of(options->parser);
    server->adapter_data = options->adapter_data;
    server->max_joining = or_default(options->max_joining, DEFAULT_MAX_JOINING);
    server->max_namespaces = or_default(options->max_namespaces, DEFAULT_MAX_NAMESPACES);
    server->max_rooms = or_default(options->max_rooms, DEFAULT_MAX_ROOMS);
    server->max_pending_acks = or_default(options->max_pending_acks, DEFAULT_MAX_PENDING_ACKS);
    server->max_held_events = or_default(options->max_held_events, DEFAULT_MAX_HELD_EVENTS);
    server->cleanup_children = options->cleanup_empty_child_namespaces;
    apply_recovery(&server->recovery, options->recovery);
    server->on_log = options->on_log;
    server->data = options->data;
    sio_decoder_init(&server->decoder, payload * (1 + SIO_ATTACHMENTS_MAX));
    server->decoder.max_attachments = or_default(options->max_attachments, SIO_ATTACHMENTS_MAX);
}

static int check_options(const sio_options *options, eio_error *why)
{
    if (options->size != sizeof(*options))
        return eio_error_set(why, EIO_E_INVALID, "sio_options: not initialised");
    if (options->max_attachments > SIO_ATTACHMENTS_MAX)
        return eio_error_set(why, EIO_E_INVALID, "max_attachments: %zu is more than %d",
                             options->max_attachments, (int)SIO_ATTACHMENTS_MAX);
    if (sio_parser_of(options->parser) == NULL)
        return eio_error_set(why, EIO_E_INVALID, "parser: %d is none", (int)options->parser);
    if (options->recovery != NULL && options->adapter != NULL && options->adapter->lacks_recovery)
        return eio_error_set(why, EIO_E_UNSUPPORTED, "recovery: adapter %s has none",
                             options->adapter->name);
    if (options->recovery != NULL && options->worker != NULL && options->adapter != NULL &&
        options->adapter->restore_session != NULL)
        return eio_error_set(why, EIO_E_UNSUPPORTED, "recovery: adapter %s has none with workers",
                             options->adapter->name);
    return EIO_OK;
}

/* Everything below the HTTP server: what can be undone at once. */
static int init_server(sio_server *server, const sio_options *options, eio_error *why)
{
    uint64_t timeout = options->connect_timeout_ms;
    eio_options hooks;

    eio_table_init(&server->namespaces, sio_namespace_key);
    sio_dynamic_init(&server->dynamic);
    server->new_end = &server->new_head;
    TAILQ_INIT(&server->ended_acks);
    TAILQ_INIT(&server->gathers);
    TAILQ_INIT(&server->ended_gathers);
    TAILQ_INIT(&server->ready_events);
    TAILQ_INIT(&server->room_notes);
    server->late.run = run_late;
    int rc = eio_options_copy(&hooks, &options->engine, why);
    if (rc != EIO_OK)
        return rc;
    server->hooks = hooks;
    apply_options(server, options);
    server->loop = eio_loop_acquire(eio_http_server_loop(server->http));
    if (server->loop == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    eio_deadline_queue_init(&server->joining, server->loop,
                            timeout == 0 ? DEFAULT_CONNECT_TIMEOUT_MS : timeout,
                            sio_client_handle_timeout);
    eio_deadline_queue_init(&server->recovering, server->loop,
                            server->recovery.max_disconnection_ms, sio_recovery_handle_expiry);
    eio_deadline_queue_init(&server->log_expiries, server->loop,
                            server->recovery.max_disconnection_ms, sio_recovery_handle_log_expiry);
    if (options->worker != NULL)
        rc = sio_family_join(&server->member, options->worker, server->hooks.path);
    if (rc != EIO_OK)
        return eio_error_set(why, rc, "path %s: %s", server->hooks.path, eio_strerror(rc));
    server->main = sio_namespaces_add(server, SIO_STR("/"));
    return server->main != NULL ? EIO_OK
                                : eio_error_set(why, EIO_E_NOMEM, "namespace /: cannot be made");
}

static void free_server(sio_server *server)
{
    size_t at = 0;
    sio_namespace *nsp;

    while ((nsp = eio_table_next(&server->namespaces, &at)) != NULL)
        sio_namespace_free(nsp);
    eio_table_fini(&server->namespaces);
    sio_dynamic_fini(&server->dynamic);
    sio_callbacks_fini(&server->new_namespace);
    sio_client_files_close(&server->files);
    eio_options_fini(&server->hooks);
    if (server->loop != NULL) {
        eio_late_cancel(server->loop, &server->late);
        eio_deadline_queue_fini(&server->joining);
        eio_deadline_queue_fini(&server->recovering);
        eio_deadline_queue_fini(&server->log_expiries);
        eio_loop_release(server->loop);
    }
    free(server);
}

int sio_server_new(sio_server **out, eio_http_server *http, const sio_options *options,
                   eio_error *why)
{
    sio_options defaults;

    if (options == NULL) {
        sio_options_init(&defaults);
        options = &defaults;
    }
    int rc = check_options(options, why);
    if (rc != EIO_OK)
        return rc;
    sio_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    server->http = http;
    rc = init_server(server, options, why);
    if (rc == EIO_OK)
        rc = sio_client_files_open(&server->files, server, options, why);
    if (rc == EIO_OK)
        rc = sio_engine_hooks_start(server, why);
    if (rc != EIO_OK)
        goto fail;
    sio_timeouts_init(&server->timeouts, server->loop->uv, run_due, server); /* cannot fail */
    if (server->member != NULL)
        sio_sibling_attach(server->member, server->engine, server);
    *out = server;
    return EIO_OK;
fail:
    free_server(server);
    return rc;
}

static void handle_timer_closed(uv_handle_t *handle)
{
    sio_timeouts *timeouts = handle->data;
    sio_server *server = timeouts->data;
    void (*on_closed)(void *) = server->on_closed;
    void *data = server->closed_data;

    sio_timeouts_fini(timeouts);
    free_server(server);
    if (on_closed != NULL)
        on_closed(data);
}

static void handle_engine_closed(void *data)
{
    sio_server *server = data;

    if (server->member != NULL)
        sio_sibling_detach(server->member);
    sio_gathers_end_all(server);
    sio_server_run_due(server);
    uv_close((uv_handle_t *)&server->timeouts.timer, handle_timer_closed);
}

static void leave_all(sio_namespace *nsp)
{
    for (uint32_t i = 0; i < nsp->count; i++)
        sio_socket_begin_leaving(nsp->sockets[i], LEAVE_SHUTDOWN);
}

void sio_server_close(sio_server *server, void (*on_closed)(void *data), void *data)
{
    size_t at = 0;
    sio_namespace *nsp;

    if (server == NULL || server->is_closing)
        return;
    server->is_closing = true;
    server->on_closed = on_closed;
    server->closed_data = data;
    while ((nsp = eio_table_next(&server->namespaces, &at)) != NULL)
        leave_all(nsp);
    sio_client_files_close(&server->files);
    eio_server_close(server->engine, handle_engine_closed, server);
}

/* ---- accessors ---- */

void *sio_server_data(const sio_server *server)
{
    return server->data;
}

eio_server *sio_server_engine(const sio_server *server)
{
    return server->engine;
}

sio_counters sio_server_counters(const sio_server *server)
{
    return server->counters;
}
