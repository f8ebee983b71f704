#include "engineio/handshake.h"

#include <stdio.h>
#include <stdlib.h>

#include "engineio/heartbeat.h"
#include "engineio/http_reply.h"
#include "engineio/net/crypto.h"
#include "engineio/polling.h"
#include "engineio/request.h"
#include "engineio/sealed.h"
#include "engineio/server.h"
#include "engineio/ws_transport.h"

struct eio_handshake {
    eio_server *server;        /* NULL once it is closed */
    eio_http_request *request; /* NULL once its connection is gone */
    TAILQ_ENTRY(eio_handshake) link;
};

/* ---- ids ---- */

static bool is_id(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = id[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return len > 0;
}

/* Its length; 0 if the application's generator failed or repeats a live id, or there is no random. */
static size_t generate_id(eio_server *server, const eio_http_request *request,
                          char out[EIO_MOST_SID_BYTES])
{
    if (server->options.generate_id == NULL)
        return eio_random_id(out) == EIO_OK ? EIO_RANDOM_ID_LEN : 0;
    size_t len = server->options.generate_id(server, request, out, server->options.data);
    if (len > EIO_MOST_SID_BYTES || !is_id(out, len) ||
        eio_table_find(&server->sessions, (eio_slice){ out, len }) != NULL)
        return 0;
    return len;
}

/* ---- the open packet ---- */

static eio_buffer *open_packet(const eio_server *server, const eio_session *session,
                               bool can_upgrade)
{
    eio_slice sid = eio_head_sid(eio_session_head(session));
    const eio_options *options = &server->options;
    char json[256];
    int len =
        snprintf(json, sizeof(json),
                 "{\"sid\":\"%.*s\",\"upgrades\":[%s],\"pingInterval\":%llu,\"pingTimeout\":%llu,"
                 "\"maxPayload\":%zu}",
                 (int)sid.len, sid.base, can_upgrade ? "\"websocket\"" : "",
                 (unsigned long long)options->ping_interval_ms,
                 (unsigned long long)options->ping_timeout_ms, options->max_payload_bytes);
    eio_buffer *packet = eio_buffer_copy((eio_slice){ json, (size_t)len });

    if (packet != NULL)
        eio_packet_seal(packet, '0');
    return packet;
}

static void add_cookie(eio_server *server, eio_http_request *request, eio_slice sid)
{
    char text[512];
    size_t len;

    if (server->options.cookie == NULL)
        return;
    len = eio_cookie_format(text, sizeof(text), server->options.cookie, sid);
    if (len > 0)
        eio_http_add_header(request, EIO_STR("Set-Cookie"), (eio_slice){ text, len });
}

/* ---- making the session ---- */

static void announce(eio_server *server, eio_session *session)
{
    server->counters.sessions++;
    eio_heartbeat_restart(session);
    if (server->options.on_session != NULL)
        server->options.on_session(server, session, server->options.data);
}

static void forget(eio_session *session)
{
    eio_session_leave(session);
    eio_session_unref(session);
}

static void open_polling(eio_server *server, eio_session *session, eio_http_request *request,
                         const eio_dialect *dialect)
{
    unsigned both = EIO_TRANSPORT_POLLING | EIO_TRANSPORT_WEBSOCKET;
    bool can_upgrade = !server->options.no_upgrades && (server->options.transports & both) == both;
    eio_buffer *open = open_packet(server, session, can_upgrade);

    session->polling = eio_polling_new(session, dialect);
    if (open == NULL || session->polling == NULL) {
        eio_http_destroy(request);
        forget(session);
    } else {
        add_cookie(server, request, eio_head_sid(eio_session_head(session)));
        if (server->options.on_initial_headers != NULL)
            server->options.on_initial_headers(server, request, server->options.data);
        eio_polling_open(session->polling, request, open);
        announce(server, session);
    }
    eio_buffer_unref(open);
}

static void open_websocket(eio_server *server, eio_session *session, eio_http_request *request)
{
    eio_buffer *open = open_packet(server, session, false);
    eio_websocket *ws;

    if (server->options.on_initial_headers != NULL)
        server->options.on_initial_headers(server, request, server->options.data);
    if (eio_ws_accept(server, request, &ws) != EIO_OK) {
        forget(session);
    } else {
        eio_ws_transport_take(session, ws);
        if (open != NULL)
            (void)eio_ws_transport_send(session, open);
        if (server->packets.initial != NULL)
            (void)eio_ws_transport_send(session, server->packets.initial);
        announce(server, session);
    }
    eio_buffer_unref(open);
}

static void open_session(eio_server *server, eio_http_request *request)
{
    eio_request_query query;
    char id[EIO_MOST_SID_BYTES];

    eio_request_read_query(server, request, &query);
    if (query.dialect.protocol == 3 && !server->options.allow_eio3) {
        eio_reply_refusal(server, request, EIO_UNSUPPORTED_PROTOCOL, NULL, "protocol: 3");
        return;
    }
    if (query.transport == EIO_TRANSPORT_POLLING && eio_request_is_upgrade(server, request)) {
        eio_ws_accept_and_close(server, request);
        return;
    }
    size_t len = generate_id(server, request, id);
    if (len == 0) {
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: ID_GENERATION_ERROR");
        return;
    }
    eio_session *session = eio_session_new(server, request, (eio_slice){ id, len });
    int rc = session == NULL ? EIO_E_NOMEM : eio_session_enter(session);
    if (rc != EIO_OK) {
        eio_session_unref(session);
        if (rc == EIO_E_EXISTS)
            eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: ID_GENERATION_ERROR");
        else
            eio_http_destroy(request);
        return;
    }
    session->protocol = (uint8_t)query.dialect.protocol;
    session->base64 = query.dialect.base64;
    if (query.transport == EIO_TRANSPORT_WEBSOCKET)
        open_websocket(server, session, request);
    else
        open_polling(server, session, request, &query.dialect);
}

/* ---- the application's answer ---- */

static void handle_abort(eio_http_request *request, void *data)
{
    eio_handshake *handshake = data;

    (void)request;
    handshake->request = NULL;
}

void eio_handshake_begin(eio_server *server, eio_http_request *request)
{
    if (server->options.on_handshake == NULL) {
        open_session(server, request);
        return;
    }
    eio_handshake *handshake = calloc(1, sizeof(*handshake));
    if (handshake == NULL) {
        eio_http_destroy(request);
        return;
    }
    handshake->server = server;
    handshake->request = request;
    TAILQ_INSERT_TAIL(&server->handshakes, handshake, link);
    eio_http_on_abort(request, handle_abort, handshake);
    server->options.on_handshake(server, handshake, server->options.data);
}

void eio_handshakes_drop(eio_server *server)
{
    eio_handshake *handshake;

    while ((handshake = TAILQ_FIRST(&server->handshakes)) != NULL) {
        TAILQ_REMOVE(&server->handshakes, handshake, link);
        handshake->server = NULL;
        if (handshake->request != NULL)
            eio_http_destroy(handshake->request);
        handshake->request = NULL;
    }
}

/* Free it; false if there is nobody left to answer. */
static bool handshake_take(eio_handshake *handshake, eio_server **server,
                           eio_http_request **request)
{
    *server = handshake->server;
    *request = handshake->request;
    if (*server != NULL)
        TAILQ_REMOVE(&(*server)->handshakes, handshake, link);
    free(handshake);
    if (*request == NULL)
        return false;
    eio_http_on_abort(*request, NULL, NULL);
    return true;
}

eio_http_request *eio_handshake_request(const eio_handshake *handshake)
{
    return handshake->request;
}

void eio_handshake_allow(eio_handshake *handshake)
{
    eio_server *server;
    eio_http_request *request;

    if (handshake_take(handshake, &server, &request))
        open_session(server, request);
}

void eio_handshake_refuse(eio_handshake *handshake, const char *message)
{
    eio_server *server;
    eio_http_request *request;

    if (handshake_take(handshake, &server, &request))
        eio_reply_refusal(server, request, EIO_FORBIDDEN, message, "message");
}
