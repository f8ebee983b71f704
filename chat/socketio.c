#include "chat/socketio.h"

#include "chat/paths.h"

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

void chat_socketio_options(sio_options *out, const chat_host *host)
{
    static const eio_deflate_options deflate = { .threshold = 0 };
    const chat_options *given = host->options;

    sio_options_init(out);
    out->client_dir = given->client_dir != NULL
                          ? given->client_dir
                          : chat_paths_choose(CHAT_CLIENT_DIR, CHAT_CLIENT_SOURCE);
    out->on_log = log_socketio;
    out->worker = host->worker;
    out->engine.max_payload_bytes = (size_t)given->max_payload_bytes;
    out->engine.max_buffered_bytes = (size_t)given->max_buffered_bytes;
    out->engine.ping_interval_ms = (uint64_t)given->ping_interval_ms;
    out->engine.ping_timeout_ms = (uint64_t)given->ping_timeout_ms;
    out->engine.per_message_deflate = given->compress ? &deflate : NULL;
    out->engine.cors = host->cors;
    out->engine.on_connection_error = log_refusal;
}
