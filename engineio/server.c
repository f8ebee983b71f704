#include "engineio/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/elsewhere.h"
#include "engineio/handshake.h"
#include "engineio/head.h"
#include "engineio/heartbeat.h"
#include "engineio/middleware.h"
#include "engineio/net/buffer_private.h"
#include "engineio/options.h"
#include "engineio/polling.h"
#include "engineio/request.h"
#include "engineio/sealed.h"
#include "engineio/upgrade.h"
#include "engineio/ws_transport.h"

void eio_server_log(eio_server *server, char level, const char *format, ...)
{
    char line[256];
    va_list arguments;

    if (server->options.on_log == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    server->options.on_log(server, level, line, server->options.data);
}

static eio_slice sid_of(const void *item)
{
    return eio_head_sid(eio_session_head(item));
}

/* ---- the packets that all clients get ---- */

static eio_buffer *make_packet(char type, eio_slice data)
{
    eio_buffer *packet = eio_buffer_copy(data);

    if (packet != NULL)
        eio_packet_seal(packet, type);
    return packet;
}

static int make_packets(eio_packets *packets, eio_slice initial)
{
    packets->ping = make_packet('2', EIO_STR(""));
    packets->pong = make_packet('3', EIO_STR(""));
    packets->probe_answer = make_packet('3', EIO_STR("probe"));
    packets->noop = make_packet('6', EIO_STR(""));
    packets->close = make_packet('1', EIO_STR(""));
    packets->ok = eio_buffer_copy(EIO_STR("ok"));
    if (initial.len > 0)
        packets->initial = make_packet('4', initial);
    bool complete = packets->ping != NULL && packets->pong != NULL &&
                    packets->probe_answer != NULL && packets->noop != NULL &&
                    packets->close != NULL && packets->ok != NULL &&
                    (initial.len == 0 || packets->initial != NULL);
    if (!complete)
        return EIO_E_NOMEM;
    /* A reply of these two alone is not compressed, however low the threshold: as Node's. */
    eio_buffer_set_plain(packets->noop);
    eio_buffer_set_plain(packets->close);
    return EIO_OK;
}

static void free_packets(eio_packets *packets)
{
    eio_buffer_unref(packets->ping);
    eio_buffer_unref(packets->pong);
    eio_buffer_unref(packets->probe_answer);
    eio_buffer_unref(packets->noop);
    eio_buffer_unref(packets->close);
    eio_buffer_unref(packets->ok);
    eio_buffer_unref(packets->initial);
}

/* ---- life ---- */

static eio_session *session_of(eio_deadline *deadline)
{
    return (eio_session *)((char *)deadline - offsetof(eio_session, heartbeat));
}

static void server_free(eio_server *server)
{
    eio_compressor_fini(&server->compressor);
    free_packets(&server->packets);
    eio_options_fini(&server->options);
    eio_intern_pool_unref(server->headers);
    free(server->path);
    free(server->middlewares);
    free(server);
}

static void server_finish(eio_server *server)
{
    void (*on_closed)(void *) = server->on_closed;
    void *data = server->closed_data;
    eio_loop *loop = server->loop;
    eio_deadline_queue *queues[] = {
        &server->ping_intervals,   &server->silences,         &server->ping_timeouts,
        &server->upgrade_timeouts, &server->upgrade_releases, &server->close_waits,
        &server->ending,           &server->closings,         NULL
    };

    for (eio_deadline_queue **queue = queues; *queue != NULL; queue++)
        eio_deadline_queue_fini(*queue);
    eio_table_fini(&server->sessions);
    server_free(server);
    eio_loop_release(loop);
    if (on_closed != NULL)
        on_closed(data);
}

/*
 * Closing is over once on_close was called for every session, and not from within eio_server_close. Then what is
 * carried to and from other hosts has to end.
 */
static void finish_if_closed(eio_server *server)
{
    const eio_elsewhere *elsewhere = server->elsewhere;

    if (!server->is_closed || server->sessions.count > 0)
        return;
    server->elsewhere = NULL;
    if (elsewhere != NULL)
        elsewhere->closing(server, server->elsewhere_data);
    else
        server_finish(server);
}

void eio_server_elsewhere_closed(eio_server *server)
{
    server_finish(server);
}

static void handle_ending(eio_deadline *deadline)
{
    eio_session *session = session_of(deadline);
    eio_server *server = session->server;

    eio_session_finish(session);
    finish_if_closed(server);
}

static void handle_closing(eio_deadline *deadline)
{
    eio_server *server = (eio_server *)((char *)deadline - offsetof(eio_server, closed));

    server->is_closed = true;
    finish_if_closed(server);
}

/* The option's path without one trailing slash, and then with one, unless that is not wanted. */
static char *mount_path(const eio_options *options)
{
    size_t len = strlen(options->path);
    char *path = malloc(len + 2);

    if (path == NULL)
        return NULL;
    memcpy(path, options->path, len + 1);
    if (len > 0 && path[len - 1] == '/')
        path[--len] = '\0';
    if (!options->no_trailing_slash) {
        path[len] = '/';
        path[len + 1] = '\0';
    }
    return path;
}

static void init_queues(eio_server *server)
{
    const eio_options *options = &server->options;

    eio_deadline_queue_init(&server->ping_intervals, server->loop, options->ping_interval_ms,
                            eio_heartbeat_handle_interval);
    eio_deadline_queue_init(&server->ping_timeouts, server->loop, options->ping_timeout_ms,
                            eio_heartbeat_handle_timeout);
    eio_deadline_queue_init(&server->silences, server->loop,
                            options->ping_interval_ms + options->ping_timeout_ms,
                            eio_heartbeat_handle_silence);
    eio_deadline_queue_init(&server->upgrade_timeouts, server->loop, options->upgrade_timeout_ms,
                            eio_upgrade_handle_timeout);
    eio_deadline_queue_init(&server->upgrade_releases, server->loop, EIO_UPGRADE_RELEASE_MS,
                            eio_upgrade_handle_release);
    eio_deadline_queue_init(&server->close_waits, server->loop, options->close_timeout_ms,
                            eio_polling_handle_close_wait);
    eio_deadline_queue_init(&server->ending, server->loop, 0, handle_ending);
    eio_deadline_queue_init(&server->closings, server->loop, 0, handle_closing);
}

static int mount(eio_server *server, eio_error *why)
{
    const eio_http_mount callbacks = {
        .on_request = eio_request_handle,
        .on_upgrade = (server->options.transports & EIO_TRANSPORT_WEBSOCKET) != 0
                          ? eio_request_handle_upgrade
                          : NULL,
    };
    int rc = eio_http_server_mount(server->http, eio_slice_of(server->path), &callbacks, server);

    if (rc != EIO_OK)
        eio_error_set(why, rc, "cannot serve path %s: %s", server->path, eio_strerror(rc));
    return rc;
}

int eio_server_new(eio_server **out, eio_http_server *http, const eio_options *options,
                   eio_error *why)
{
    eio_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
    server->http = http;
    TAILQ_INIT(&server->handshakes);
    TAILQ_INIT(&server->steps);
    eio_table_init(&server->sessions, sid_of);
    int rc = eio_options_copy(&server->options, options, why);
    if (rc != EIO_OK) {
        free(server);
        return rc;
    }
    rc = make_packets(&server->packets, options->initial_packet);
    server->path = mount_path(&server->options);
    server->headers = eio_intern_pool_new();
    server->loop = eio_loop_acquire(eio_http_server_loop(http));
    if (rc != EIO_OK || server->path == NULL || server->headers == NULL || server->loop == NULL)
        rc = eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
    else
        rc = mount(server, why);
    if (rc != EIO_OK)
        goto fail;
    init_queues(server);
    *out = server;
    return EIO_OK;
fail:
    if (server->loop != NULL)
        eio_loop_release(server->loop);
    server_free(server);
    return rc;
}

/* Ending a session does not take it out of the table: that comes with the next loop pass. */
static void end_sessions(eio_server *server)
{
    size_t at = 0;
    eio_session *session;

    while ((session = eio_table_next(&server->sessions, &at)) != NULL)
        eio_session_close(session, true);
}

void eio_server_close(eio_server *server, void (*on_closed)(void *data), void *data)
{
    if (server == NULL || server->is_closing)
        return;
    server->is_closing = true;
    server->on_closed = on_closed;
    server->closed_data = data;
    eio_http_server_unmount(server->http, eio_slice_of(server->path));
    eio_middlewares_drop(server);
    eio_handshakes_drop(server);
    end_sessions(server);
    eio_deadline_start(&server->closings, &server->closed);
}

/* ---- what the application reads ---- */

size_t eio_server_clients_count(const eio_server *server)
{
    return server->sessions.count;
}

size_t eio_server_queued_bytes(const eio_server *server)
{
    const eio_session *session;
    size_t at = 0, bytes = 0;

    while ((session = eio_table_next(&server->sessions, &at)) != NULL)
        bytes += eio_session_queued(session);
    return bytes;
}

eio_counters eio_server_counters(const eio_server *server)
{
    return server->counters;
}

void *eio_server_data(const eio_server *server)
{
    return server->options.data;
}

eio_http_server *eio_server_http(const eio_server *server)
{
    return server->http;
}

eio_session *eio_server_find(eio_server *server, eio_slice sid)
{
    return eio_table_find(&server->sessions, sid);
}
