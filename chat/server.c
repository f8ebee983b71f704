#include "chat/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat/inherited.h"
#include "chat/memory.h"
#include "chat/profile.h"

enum { N_SIGNALS = 3 };

typedef enum server_state {
    SERVER_SERVES,
    SERVER_STOPS,   /* the profile was asked to end */
    SERVER_STOPPED, /* it has */
} server_state;

typedef struct chat_server {
    const chat_options *options;
    const chat_profile *profile;
    uv_loop_t *loop;
    eio_http_server *http;
    eio_tls *tls;  /* NULL: plain */
    void *running; /* the profile's; NULL: not started yet, or gone */
    chat_host host;
    chat_site site;
    eio_cors_options cors, site_cors;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t patience; /* with an orderly end */
    uv_timer_t memory;
    server_state state;
} chat_server;

/* Static: what is still there when a start fails ends with the process. */
static chat_server server;

/* ---- the end, in order ---- */

static void handle_http_closed(void *data)
{
    (void)data;
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *)&server.signals[i], NULL);
    /* Connections may still be lingering; they do so as long as there is patience. */
    uv_unref((uv_handle_t *)&server.patience);
}

static void handle_profile_stopped(void *data)
{
    (void)data;
    server.running = NULL;
    server.state = SERVER_STOPPED;
    eio_http_server_close(server.http, handle_http_closed, NULL);
}

static void handle_impatience(uv_timer_t *timer)
{
    (void)timer;
    chat_log(CHAT_LOG_WARN, "stop", "late=%ldms", server.options->stop_grace_ms);
    fflush(stdout);
    _exit(0);
}

static void reload_certificate(void)
{
    char note[CHAT_LOG_VALUE_BYTES];
    eio_error why;

    if (eio_tls_reload(server.tls, &why) == EIO_OK)
        chat_log(CHAT_LOG_INFO, "reload", "certificate=%s", server.options->tls_cert);
    else
        chat_log(CHAT_LOG_ERROR, "reload", "note=%s", chat_log_value(note, eio_slice_of(why.text)));
}

static void handle_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number == SIGHUP) {
        reload_certificate();
        return;
    }
    if (server.state != SERVER_SERVES) {
        fflush(stdout);
        _exit(128 + number);
    }
    chat_log(CHAT_LOG_INFO, "stop", "signal=%s clients=%zu",
             number == SIGTERM ? "SIGTERM" : "SIGINT",
             server.profile->count_clients(server.running));
    server.state = SERVER_STOPS;
    uv_timer_start(&server.patience, handle_impatience, (uint64_t)server.options->stop_grace_ms, 0);
    eio_http_server_stop(server.http);
    server.profile->stop(server.running, handle_profile_stopped, NULL);
}

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
static const eio_cors_options *set_cors(void)
{
    const chat_options *options = server.options;
    bool listed = options->origin_count > 0;

    if (!listed && !server.profile->open_to_all)
        return NULL;
    server.cors = (eio_cors_options){
        .origins = listed ? options->origins : NULL,
        .reflect = listed,
        .credentials = true,
        .max_age_s = -1,
    };
    server.site_cors = server.cors;
    server.site_cors.credentials = false;
    server.site.cors = &server.site_cors;
    return &server.cors;
}

static int open_http(eio_error *why)
{
    eio_http_options options;

    eio_http_options_init(&options);
    options.max_connections = (size_t)server.options->max_connections;
    options.max_buffered_bytes = (size_t)server.options->max_buffered_bytes;
    options.trusted_proxies = server.options->trusted_proxies;
    options.on_log = log_http;
    options.on_response = log_response;
    int rc = eio_http_server_new(&server.http, server.loop, &options);
    if (rc == EIO_E_INVALID)
        return eio_error_set(why, rc, "--trusted-proxies: %s is no list of addresses and networks",
                             options.trusted_proxies);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "HTTP: %s", eio_strerror(rc));
}

static bool is_ready(void *data)
{
    (void)data;
    return server.state == SERVER_SERVES && server.profile->is_ready(server.running);
}

static int open_site(eio_error *why)
{
    server.site.is_ready = is_ready;
    return chat_site_mount(&server.site, server.http, why);
}

static void give_up(const char *why)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", why);
    _exit(EXIT_FAILURE);
}

static int open_profile(eio_error *why)
{
    server.host = (chat_host){
        .options = server.options,
        .loop = server.loop,
        .http = server.http,
        .cors = set_cors(),
        .site = &server.site,
        .give_up = give_up,
    };
    return server.profile->start(&server.running, &server.host, why);
}

static int open_tls(eio_error *why)
{
    eio_tls_options options;

    if (server.options->tls_cert == NULL && server.options->tls_key == NULL)
        return EIO_OK;
    eio_tls_options_init(&options);
    options.cert_file = server.options->tls_cert;
    options.key_file = server.options->tls_key;
    return eio_tls_new(&server.tls, &options, why);
}

static int listen_on(int fd, eio_error *why)
{
    eio_listen_options options;

    eio_listen_options_init(&options);
    options.tls = server.tls;
    if (fd >= 0) {
        options.fd = fd;
    } else {
        options.host = server.options->host;
        options.port = (int)server.options->port;
    }
    return eio_http_server_listen(server.http, &options, why);
}

static int open_listeners(eio_error *why)
{
    int inherited = chat_inherited_count(getenv, why);

    if (inherited <= 0)
        return inherited < 0 ? inherited : listen_on(-1, why);
    for (int i = 0; i < inherited; i++) {
        int rc = listen_on(CHAT_FIRST_INHERITED + i, why);
        if (rc != EIO_OK)
            return rc;
    }
    return EIO_OK;
}

static int watch_signals(eio_error *why)
{
    static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
    int rc = uv_timer_init(server.loop, &server.patience);

    if (rc == 0)
        rc = chat_memory_watch(server.loop, &server.memory);
    for (size_t i = 0; i < N_SIGNALS && rc == 0; i++) {
        rc = uv_signal_init(server.loop, &server.signals[i]);
        /* Without a certificate to load again, SIGHUP ends the process: its terminal is gone. */
        if (rc == 0 && (numbers[i] != SIGHUP || server.tls != NULL))
            rc = uv_signal_start(&server.signals[i], handle_signal, numbers[i]);
    }
    return rc == 0 ? EIO_OK : eio_error_set(why, rc, "signals: %s", uv_strerror(rc));
}

static int start(eio_error *why)
{
    static int (*const steps[])(eio_error *) = { open_http, open_site,      open_profile,
                                                 open_tls,  open_listeners, watch_signals };
    int rc = EIO_OK;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == EIO_OK; i++)
        rc = steps[i](why);
    return rc;
}

int chat_server_run(const chat_options *options, eio_error *why)
{
    server.options = options;
    server.profile = options->profile;
    server.loop = uv_default_loop();
    if (server.loop == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    int rc = start(why);
    if (rc != EIO_OK)
        return rc;
    chat_log_set_level(options->log_level);
    server.profile->announce(server.running, eio_http_server_port(server.http));
    uv_run(server.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&server.patience, NULL);
    uv_close((uv_handle_t *)&server.memory, NULL);
    uv_run(server.loop, UV_RUN_DEFAULT);
    eio_tls_unref(server.tls);
    chat_log(CHAT_LOG_INFO, "stopped", "in_order=yes");
    return uv_loop_close(server.loop);
}
