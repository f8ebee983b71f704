#include "engineio/session.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/family.h"
#include "engineio/heartbeat.h"
#include "engineio/net/buffer_private.h"
#include "engineio/polling.h"
#include "engineio/sealed.h"
#include "engineio/server.h"
#include "engineio/upgrade.h"
#include "engineio/ws_transport.h"

static const unsigned legal_next[SESSION_N_STATES] = {
    [SESSION_OPEN] = 1u << SESSION_CLOSING | 1u << SESSION_ENDING,
    [SESSION_CLOSING] = 1u << SESSION_ENDING,
    [SESSION_ENDING] = 1u << SESSION_CLOSED,
};

static void set_state(eio_session *session, session_state state)
{
    assert((legal_next[session->state] & 1u << state) != 0);
    session->state = (uint8_t)state;
}

const char *eio_reason_text(eio_reason reason)
{
    switch (reason) {
    case EIO_REASON_TRANSPORT_CLOSE: return "transport close";
    case EIO_REASON_TRANSPORT_ERROR: return "transport error";
    case EIO_REASON_PING_TIMEOUT: return "ping timeout";
    case EIO_REASON_PARSE_ERROR: return "parse error";
    case EIO_REASON_FORCED_CLOSE: return "forced close";
    }
    return "unknown";
}

/* ---- life ---- */

eio_session *eio_session_new(eio_server *server, const eio_http_request *request, eio_slice sid)
{
    eio_session *session = calloc(1, sizeof(*session) + eio_head_size(request, sid));
    if (session == NULL)
        return NULL;
    if (eio_head_init(eio_session_head(session), request, sid, server->headers) != EIO_OK) {
        free(session);
        return NULL;
    }
    session->server = server;
    session->refs = 1;
    return session;
}

eio_session *eio_session_ref(eio_session *session)
{
    session->refs++;
    return session;
}

void eio_session_unref(eio_session *session)
{
    if (session == NULL || --session->refs > 0)
        return;
    eio_polling_free(session->polling);
    eio_head_fini(eio_session_head(session));
    free(session);
}

void eio_session_end(eio_session *session, eio_reason reason, const char *detail)
{
    if (session->state >= SESSION_ENDING)
        return;
    eio_heartbeat_stop(session);
    set_state(session, SESSION_ENDING);
    session->reason = (uint8_t)reason;
    session->detail = detail;
    if (session->upgrade != NULL)
        eio_upgrade_cancel(session);
    if (session->polling != NULL)
        eio_polling_drop(session->polling, reason);
    if (session->ws != NULL)
        eio_ws_transport_close(session);
    eio_deadline_start(&session->server->ending, &session->heartbeat);
}

int eio_session_enter(eio_session *session)
{
    eio_server *server = session->server;
    int rc = eio_table_add(&server->sessions, session);

    if (rc != EIO_OK || server->family == NULL)
        return rc;
    rc = server->family->opened(server, eio_session_id(session), server->family_data);
    if (rc != EIO_OK)
        eio_table_remove(&server->sessions, session);
    return rc;
}

void eio_session_leave(eio_session *session)
{
    eio_server *server = session->server;

    eio_table_remove(&server->sessions, session);
    if (server->family != NULL)
        server->family->closed(server, eio_session_id(session), server->family_data);
}

void eio_session_finish(eio_session *session)
{
    set_state(session, SESSION_CLOSED);
    eio_session_leave(session);
    eio_server_log(session->server, 'd', "session closed: %s (%s)",
                   eio_reason_text(session->reason), session->detail);
    if (session->handler != NULL)
        session->handler->on_close(session, session->reason, session->detail, session->data);
    eio_session_unref(session);
}

void eio_session_close(eio_session *session, bool discard)
{
    if (session == NULL || session->state >= SESSION_ENDING)
        return;
    /* On WebSocket the close frame goes behind what is queued. On polling what is queued may have to wait for a GET. */
    if (discard || session->ws != NULL || eio_polling_is_waiting(session->polling)) {
        eio_session_end(session, EIO_REASON_FORCED_CLOSE, "closed by the server");
        return;
    }
    if (session->state == SESSION_CLOSING)
        return;
    set_state(session, SESSION_CLOSING);
    eio_polling_start_close_wait(session->polling);
}

void eio_session_drained(eio_session *session)
{
    const eio_options *options = &session->server->options;

    if (session->state == SESSION_OPEN && session->handler != NULL &&
        session->handler->on_drain != NULL)
        session->handler->on_drain(session, session->data);
    if (session->state == SESSION_OPEN && options->on_drain != NULL)
        options->on_drain(session->server, session, options->data);
}

bool eio_session_wants_drain(const eio_session *session)
{
    return (session->handler != NULL && session->handler->on_drain != NULL) ||
           session->server->options.on_drain != NULL;
}

static void tell_upgrade(eio_session *session)
{
    const eio_options *options = &session->server->options;

    if (session->handler != NULL && session->handler->on_upgrade != NULL)
        session->handler->on_upgrade(session, session->data);
    if (session->state == SESSION_OPEN && options->on_upgrade != NULL)
        options->on_upgrade(session->server, session, options->data);
}

void eio_session_switch(eio_session *session, eio_websocket *ws)
{
    eio_polling *polling = session->polling;

    eio_ws_transport_take(session, ws);
    session->polling = NULL;
    eio_polling_leave(polling, session);
    eio_heartbeat_transport_changed(session);
    if (session->state == SESSION_CLOSING) {
        eio_session_end(session, EIO_REASON_FORCED_CLOSE, "closed by the server");
        return;
    }
    if (session->state == SESSION_OPEN)
        tell_upgrade(session);
}

/* ---- packets ---- */

static void deliver(eio_session *session, const eio_packet *packet)
{
    eio_heartbeat_sign_of_life(session);
    if (session->handler != NULL)
        session->handler->on_message(session, packet->data, packet->binary, session->data);
}

/* The server pings in protocol 4, the client in protocol 3. */
static void receive_heartbeat(eio_session *session, eio_packet_type type)
{
    if (type != (session->protocol == 3 ? EIO_PACKET_PING : EIO_PACKET_PONG)) {
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, "invalid heartbeat direction");
        return;
    }
    eio_heartbeat_restart(session);
    if (session->protocol == 3)
        (void)eio_session_queue(session, session->server->packets.pong);
}

void eio_session_receive(eio_session *session, const eio_packet *packet)
{
    if (session->state != SESSION_OPEN)
        return;
    if (packet->type == EIO_PACKET_MESSAGE) { /* as nearly all are */
        deliver(session, packet);
        return;
    }
    switch (packet->type) {
    case EIO_PACKET_MESSAGE: break;
    case EIO_PACKET_PING:
    case EIO_PACKET_PONG: receive_heartbeat(session, packet->type); break;
    case EIO_PACKET_CLOSE:
        eio_session_end(session, EIO_REASON_TRANSPORT_CLOSE, "closed by the client");
        break;
    case EIO_PACKET_OPEN:
    case EIO_PACKET_UPGRADE:
    case EIO_PACKET_NOOP: eio_heartbeat_sign_of_life(session); break;
    }
}

void eio_session_receive_garbage(eio_session *session)
{
    if (session->state != SESSION_OPEN)
        return;
    session->server->counters.parse_errors++;
    eio_session_end(session, EIO_REASON_PARSE_ERROR, "not a packet");
}

int eio_session_queue(eio_session *session, eio_buffer *packet)
{
    int rc = session->ws != NULL ? eio_ws_transport_send(session, packet)
                                 : eio_polling_queue(session->polling, packet);

    if (rc == EIO_E_BACKLOG) {
        session->server->counters.slow_consumers++;
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, "slow consumer");
    }
    return rc;
}

int eio_session_send(eio_session *session, eio_buffer *payload, unsigned flags)
{
    bool binary = (flags & EIO_SEND_BINARY) != 0;

    if (session->state != SESSION_OPEN)
        return EIO_E_CLOSED;
    if ((flags & EIO_SEND_VOLATILE) != 0 && !eio_session_is_writable(session)) {
        session->server->counters.volatile_dropped++;
        return EIO_OK;
    }
    if ((flags & EIO_SEND_NO_COMPRESS) != 0)
        eio_buffer_set_plain(payload);
    eio_packet_seal(payload, binary ? 0 : '4');
    return eio_session_queue(session, payload);
}

size_t eio_session_queued(const eio_session *session)
{
    if (session->ws != NULL)
        return eio_stream_queued(eio_websocket_stream(session->ws));
    return session->polling == NULL ? 0 : eio_polling_queued(session->polling);
}

bool eio_session_is_writable(const eio_session *session)
{
    if (session->state != SESSION_OPEN)
        return false;
    return session->ws != NULL ? eio_stream_queued(eio_websocket_stream(session->ws)) == 0
                               : eio_polling_is_waiting(session->polling);
}

/* ---- what the application reads ---- */

void eio_session_set_handler(eio_session *session, const eio_session_handler *handler, void *data)
{
    session->handler = handler;
    session->data = data;
    if (session->ws != NULL)
        eio_ws_transport_listen(session);
}

void *eio_session_data(const eio_session *session)
{
    return session->data;
}

eio_slice eio_session_id(const eio_session *session)
{
    return eio_head_sid(eio_session_head(session));
}

eio_server *eio_session_server(const eio_session *session)
{
    return session->server;
}

int eio_session_protocol(const eio_session *session)
{
    return session->protocol;
}

unsigned eio_session_transport(const eio_session *session)
{
    return session->polling == NULL ? EIO_TRANSPORT_WEBSOCKET : EIO_TRANSPORT_POLLING;
}

const eio_http_request *eio_session_request(const eio_session *session)
{
    return session->server->receiving == session ? session->server->post : NULL;
}

bool eio_session_is_open(const eio_session *session)
{
    return session->state == SESSION_OPEN;
}

eio_slice eio_session_url(const eio_session *session)
{
    return eio_head_url(eio_session_head(session));
}

eio_slice eio_session_query(const eio_session *session)
{
    return eio_head_query(eio_session_head(session));
}

eio_slice eio_session_address(const eio_session *session)
{
    return eio_head_address(eio_session_head(session));
}

bool eio_session_is_secure(const eio_session *session)
{
    return eio_head_is_secure(eio_session_head(session));
}

bool eio_session_header_at(const eio_session *session, size_t index, eio_slice *name,
                           eio_slice *value)
{
    return eio_head_header_at(eio_session_head(session), index, name, value);
}

eio_slice eio_session_header(const eio_session *session, const char *name)
{
    eio_slice wanted = eio_slice_of(name);
    eio_slice found;
    eio_slice value;

    for (size_t i = 0; eio_head_header_at(eio_session_head(session), i, &found, &value); i++)
        if (eio_slice_equal(found, wanted))
            return value;
    return (eio_slice){ NULL, 0 };
}
