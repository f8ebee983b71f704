#include "chat/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat/inherited.h"
#include "chat/paths.h"
#include "chat/rooms/rooms.h"
#include "chat/site.h"
#include "chat/store/redis.h"
#include "chat/store/sqlite.h"

enum { N_SIGNALS = 3 };

typedef struct chat_server {
    const chat_options *options;
    uv_loop_t *loop;
    char database[4096]; /* path of SQLite's file */
    chat_store *store;
    eio_http_server *http;
    eio_tls *tls; /* NULL: plain */
    sio_server *io;
    chat_rooms *rooms;
    chat_site site;
    eio_cors_options cors, site_cors;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t patience; /* with an orderly end */
    unsigned stopping;   /* parts that have not ended yet; 0: it serves */
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

static void handle_store_closed(void *data)
{
    (void)data;
    eio_http_server_close(server.http, handle_http_closed, NULL);
}

static void handle_rooms_freed(void *data)
{
    (void)data;
    chat_store_close(server.store, handle_store_closed, NULL);
}

/* Clients are gone, and so are their names: whichever comes last. */
static void handle_part_stopped(void *data)
{
    chat_rooms *rooms = server.rooms;

    (void)data;
    if (--server.stopping > 0)
        return;
    server.rooms = NULL; /* the store may still come up before it is closed */
    chat_rooms_free(rooms, handle_rooms_freed, NULL);
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
    if (server.stopping > 0 || uv_is_active((uv_handle_t *)&server.patience)) {
        fflush(stdout);
        _exit(128 + number);
    }
    chat_log(CHAT_LOG_INFO, "stop", "signal=%s clients=%zu",
             number == SIGTERM ? "SIGTERM" : "SIGINT",
             eio_server_clients_count(sio_server_engine(server.io)));
    server.stopping = 2;
    uv_timer_start(&server.patience, handle_impatience, (uint64_t)server.options->stop_grace_ms, 0);
    eio_http_server_stop(server.http);
    chat_rooms_stop(server.rooms, handle_part_stopped, NULL);
    sio_server_close(server.io, handle_part_stopped, NULL);
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

static void log_socketio(sio_server *io, char level, const char *line, void *data)
{
    (void)io;
    (void)data;
    chat_log(chat_log_level_of(level), "socketio", "note=\"%s\"", line);
}

static void log_refusal(eio_server *engine, const eio_http_request *request, eio_refusal code,
                        const char *context, void *data)
{
    static const char *const messages[] = {
        "Transport unknown", "Session ID unknown", "Bad handshake method",
        "Bad request",       "Forbidden",          "Unsupported protocol version"
    };
    char text[CHAT_LOG_VALUE_BYTES];

    (void)engine;
    (void)request;
    (void)data;
    chat_log(CHAT_LOG_INFO, "connection_error", "code=%d message=\"%s\" context=%s", (int)code,
             messages[code], chat_log_value(text, eio_slice_of(context)));
}

static void log_redis(char level, const char *line, void *data)
{
    (void)data;
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

static void handle_redis_connect(void *data)
{
    (void)data;
    printf("Redis connected\n");
    if (server.rooms != NULL)
        chat_rooms_store_connected(server.rooms);
}

/* ---- the parts ---- */

static int open_sqlite(eio_error *why)
{
    const chat_options *options = server.options;
    const char *file = NULL;

    if (options->store == CHAT_STORE_SQLITE) {
        int rc = EIO_OK;
        if (options->file != NULL)
            snprintf(server.database, sizeof(server.database), "%s", options->file);
        else
            rc = chat_paths_database(server.database, sizeof(server.database), options->profile,
                                     getenv, why);
        if (rc != EIO_OK)
            return rc;
        file = server.database;
    }
    return chat_sqlite_open(&server.store, server.loop, file, why);
}

static int open_store(eio_error *why)
{
    const chat_redis_options options = {
        .url = server.options->redis_url,
        .ca_file = server.options->redis_ca,
        .on_connect = handle_redis_connect,
        .on_log = log_redis,
    };

    if (server.options->store == CHAT_STORE_REDIS)
        return chat_redis_open(&server.store, server.loop, &options, why);
    return open_sqlite(why);
}

/* A literal `*` together with credentials is what the tutorial's server sends; listed origins are reflected. */
static void set_cors(void)
{
    const chat_options *options = server.options;
    bool listed = options->origin_count > 0;

    server.cors = (eio_cors_options){
        .origins = listed ? options->origins : NULL,
        .reflect = listed,
        .credentials = true,
        .max_age_s = -1,
    };
    server.site_cors = server.cors;
    server.site_cors.credentials = false;
}

static int open_http(eio_error *why)
{
    eio_http_options options;

    eio_http_options_init(&options);
    options.max_connections = (size_t)server.options->max_connections;
    options.max_buffered_bytes = (size_t)server.options->max_buffered_bytes;
    options.on_log = log_http;
    options.on_response = log_response;
    int rc = eio_http_server_new(&server.http, server.loop, &options);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "HTTP: %s", eio_strerror(rc));
}

static int open_socketio(eio_error *why)
{
    const chat_options *given = server.options;
    sio_options options;

    sio_options_init(&options);
    options.client_dir = given->client_dir != NULL
                             ? given->client_dir
                             : chat_paths_choose(CHAT_CLIENT_DIR, CHAT_CLIENT_SOURCE);
    options.on_log = log_socketio;
    options.engine.max_payload_bytes = (size_t)given->max_payload_bytes;
    options.engine.max_buffered_bytes = (size_t)given->max_buffered_bytes;
    options.engine.ping_interval_ms = (uint64_t)given->ping_interval_ms;
    options.engine.ping_timeout_ms = (uint64_t)given->ping_timeout_ms;
    options.engine.cors = &server.cors;
    options.engine.on_connection_error = log_refusal;
    return sio_server_new(&server.io, server.http, &options, why);
}

static int open_rooms(eio_error *why)
{
    const chat_options *given = server.options;
    const chat_rooms_options options = {
        .limits = { (size_t)given->max_name_bytes, (size_t)given->max_message_bytes },
        .max_rooms = (size_t)given->max_rooms,
        .events_per_second = (uint64_t)given->events_per_second,
        .events_at_once = (uint64_t)given->events_at_once,
        .grace_ms = (uint64_t)given->name_grace_ms,
    };

    int rc = chat_rooms_new(&server.rooms, server.loop, server.io, server.store, &options);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "rooms: %s", eio_strerror(rc));
}

static bool is_ready(void *data)
{
    (void)data;
    return server.rooms != NULL && server.stopping == 0 && chat_store_is_ready(server.store) &&
           chat_rooms_is_ready(server.rooms);
}

static int open_site(eio_error *why)
{
    const char *folder = server.options->web_dir;

    server.site = (chat_site){
        .folder = folder != NULL ? folder : chat_paths_choose(CHAT_WEB_DIR, CHAT_WEB_SOURCE),
        .cors = &server.site_cors,
        .is_ready = is_ready,
    };
    return chat_site_mount(&server.site, server.http, why);
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
    static int (*const steps[])(eio_error *) = { open_store,     open_http,    open_socketio,
                                                 open_rooms,     open_site,    open_tls,
                                                 open_listeners, watch_signals };
    int rc = EIO_OK;

    set_cors();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == EIO_OK; i++)
        rc = steps[i](why);
    return rc;
}

static const char *store_name(void)
{
    switch (server.options->store) {
    case CHAT_STORE_MEMORY: return "memory";
    case CHAT_STORE_REDIS: return "Redis";
    case CHAT_STORE_SQLITE: break;
    }
    return server.database;
}

/* The first two lines are those that the tutorials' servers print, word by word. */
static void announce(void)
{
    const chat_options *options = server.options;

    chat_log_set_level(options->log_level);
    if (options->store != CHAT_STORE_REDIS && options->redis_url == NULL)
        printf("REDIS_URL env variable is not set: keeping rooms in %s\n", store_name());
    else if (options->store != CHAT_STORE_REDIS)
        printf("Keeping rooms in %s\n", store_name());
    printf("Server running on port %d\n", eio_http_server_port(server.http));
    chat_options_log(options, store_name());
}

int chat_server_run(const chat_options *options, eio_error *why)
{
    server.options = options;
    server.loop = uv_default_loop();
    if (server.loop == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    int rc = start(why);
    if (rc != EIO_OK)
        return rc;
    announce();
    uv_run(server.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&server.patience, NULL);
    uv_run(server.loop, UV_RUN_DEFAULT);
    eio_tls_unref(server.tls);
    chat_log(CHAT_LOG_INFO, "stopped", "in_order=yes");
    return uv_loop_close(server.loop);
}
