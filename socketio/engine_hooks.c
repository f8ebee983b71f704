#include "socketio/engine_hooks.h"

#include "socketio/client.h"
#include "socketio/server.h"

static void handle_session(eio_server *engine, eio_session *session, void *data)
{
    sio_server *server = data;

    sio_client_open(server, session);
    if (server->hooks.on_session != NULL)
        server->hooks.on_session(engine, session, server->hooks.data);
}

static void handle_handshake(eio_server *engine, eio_handshake *handshake, void *data)
{
    sio_server *server = data;

    server->hooks.on_handshake(engine, handshake, server->hooks.data);
}

static void handle_connection_error(eio_server *engine, const eio_http_request *request,
                                    eio_refusal code, const char *context, void *data)
{
    sio_server *server = data;

    server->hooks.on_connection_error(engine, request, code, context, server->hooks.data);
}

static void handle_initial_headers(eio_server *engine, eio_http_request *request, void *data)
{
    sio_server *server = data;

    server->hooks.on_initial_headers(engine, request, server->hooks.data);
}

static void handle_headers(eio_server *engine, eio_http_request *request, void *data)
{
    sio_server *server = data;

    server->hooks.on_headers(engine, request, server->hooks.data);
}

static void handle_drain(eio_server *engine, eio_session *session, void *data)
{
    sio_server *server = data;

    server->hooks.on_drain(engine, session, server->hooks.data);
}

static void handle_upgrade(eio_server *engine, eio_session *session, void *data)
{
    sio_server *server = data;

    server->hooks.on_upgrade(engine, session, server->hooks.data);
}

static size_t generate_id(eio_server *engine, const eio_http_request *request, char out[64],
                          void *data)
{
    sio_server *server = data;

    return server->hooks.generate_id(engine, request, out, server->hooks.data);
}

static void handle_log(eio_server *engine, char level, const char *line, void *data)
{
    sio_server *server = data;

    if (server->hooks.on_log != NULL)
        server->hooks.on_log(engine, level, line, server->hooks.data);
    else
        sio_server_log(server, level, "%s", line);
}

int sio_engine_hooks_start(sio_server *server, eio_error *why)
{
    const eio_options *options = &server->hooks;
    eio_options engine = *options;

    engine.data = server;
    engine.on_session = handle_session;
    engine.on_log = handle_log;
    if (options->on_handshake != NULL)
        engine.on_handshake = handle_handshake;
    if (options->on_connection_error != NULL)
        engine.on_connection_error = handle_connection_error;
    if (options->on_initial_headers != NULL)
        engine.on_initial_headers = handle_initial_headers;
    if (options->on_headers != NULL)
        engine.on_headers = handle_headers;
    if (options->on_drain != NULL)
        engine.on_drain = handle_drain;
    if (options->on_upgrade != NULL)
        engine.on_upgrade = handle_upgrade;
    if (options->generate_id != NULL)
        engine.generate_id = generate_id;
    return eio_server_new(&server->engine, server->http, &engine, why);
}
