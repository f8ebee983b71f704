#include "engineio/request.h"

#include "engineio/elsewhere.h"
#include "engineio/family.h"
#include "engineio/handshake.h"
#include "engineio/http_reply.h"
#include "engineio/middleware.h"
#include "engineio/polling.h"
#include "engineio/server.h"
#include "engineio/upgrade.h"
#include "engineio/ws_transport.h"

/* The longest value of interest is a sid, percent-encoded; what is longer is none of ours, and stands as this. */
enum { MOST_VALUE_BYTES = 3 * EIO_MOST_SID_BYTES };
#define UNKNOWN_VALUE EIO_STR("?")

static unsigned transport_of(eio_slice name)
{
    if (eio_slice_equal(name, EIO_STR("polling")))
        return EIO_TRANSPORT_POLLING;
    return eio_slice_equal(name, EIO_STR("websocket")) ? EIO_TRANSPORT_WEBSOCKET : 0;
}

static eio_slice decode(eio_slice text, char out[MOST_VALUE_BYTES])
{
    return text.len > MOST_VALUE_BYTES ? UNKNOWN_VALUE
                                       : (eio_slice){ out, eio_query_decode(text, out) };
}

/* Its digits, and nothing else of it, come back in the script. */
static void read_jsonp_index(eio_dialect *dialect, eio_slice value)
{
    dialect->jsonp = true;
    dialect->jsonp_len = 0;
    for (size_t i = 0; i < value.len && dialect->jsonp_len < EIO_JSONP_INDEX_BYTES; i++)
        if (value.base[i] >= '0' && value.base[i] <= '9')
            dialect->jsonp_index[dialect->jsonp_len++] = value.base[i];
}

/* The last duplicate wins, so each one overwrites. */
static void read_parameter(eio_request_query *query, eio_slice name, eio_slice value)
{
    if (eio_slice_equal(name, EIO_STR("transport"))) {
        query->transport = transport_of(value);
    } else if (eio_slice_equal(name, EIO_STR("EIO"))) {
        query->dialect.protocol = eio_slice_equal(value, EIO_STR("4")) ? 4 : 3;
    } else if (eio_slice_equal(name, EIO_STR("b64"))) {
        query->dialect.base64 = value.len > 0;
    } else if (eio_slice_equal(name, EIO_STR("j"))) {
        read_jsonp_index(&query->dialect, value);
    } else if (eio_slice_equal(name, EIO_STR("sid"))) {
        eio_slice sid = value.len > sizeof(query->sid) ? UNKNOWN_VALUE : value;
        memcpy(query->sid, sid.base, sid.len);
        query->sid_len = sid.len;
    }
}

void eio_request_read_query(const eio_server *server, const eio_http_request *request,
                            eio_request_query *query)
{
    eio_slice rest = eio_http_query(request);
    eio_slice name;
    eio_slice value;
    char name_text[MOST_VALUE_BYTES];
    char value_text[MOST_VALUE_BYTES];

    query->transport = 0;
    query->dialect = (eio_dialect){ .protocol = 3 };
    query->sid_len = 0;
    while (eio_query_next(&rest, &name, &value))
        read_parameter(query, decode(name, name_text), decode(value, value_text));
    query->transport &= server->options.transports;
}

bool eio_request_is_upgrade(const eio_server *server, const eio_http_request *request)
{
    return (server->options.transports & EIO_TRANSPORT_WEBSOCKET) != 0 &&
           eio_http_is_upgrade(request);
}

/* RFC 9110 §5.5: visible characters, blanks and bytes above 127. */
static bool is_header_text(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

eio_session *eio_request_find_session(eio_server *server, eio_slice sid)
{
    eio_session *session = eio_table_find(&server->sessions, sid);

    return session != NULL && session->state < SESSION_ENDING ? session : NULL;
}

static eio_session *find_session(eio_server *server, const eio_request_query *query)
{
    return eio_request_find_session(server, (eio_slice){ query->sid, query->sid_len });
}

/* Nobody here knows it: perhaps a sibling does, or another host. Once: what came from there is at its end. */
static bool give_away(eio_server *server, eio_http_request *request, eio_slice sid)
{
    if (eio_http_is_far(request))
        return false;
    if (server->family != NULL && server->family->stray(server, request, sid, server->family_data))
        return true;
    return server->elsewhere != NULL &&
           server->elsewhere->stray(server, request, sid, server->elsewhere_data);
}

static void refuse_unknown(eio_server *server, eio_http_request *request,
                           const eio_request_query *query)
{
    if (!give_away(server, request, (eio_slice){ query->sid, query->sid_len }))
        eio_reply_refusal(server, request, EIO_UNKNOWN_SID, NULL, "sid");
}

/* ---- requests of a session ---- */

static void handle_session_request(eio_server *server, eio_http_request *request,
                                   const eio_request_query *query)
{
    eio_session *session = find_session(server, query);
    eio_slice method = eio_http_method(request);

    if (session == NULL)
        refuse_unknown(server, request, query);
    else if (query->transport != eio_session_transport(session))
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: TRANSPORT_MISMATCH");
    else if (query->dialect.protocol != session->protocol)
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: PROTOCOL_MISMATCH");
    else if (session->polling == NULL) /* a WebSocket's sid, without an upgrade */
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL,
                          "name: TRANSPORT_HANDSHAKE_ERROR");
    else if (eio_slice_equal(method, EIO_STR("GET")))
        eio_polling_handle_get(session->polling, request);
    else if (eio_slice_equal(method, EIO_STR("POST")))
        eio_polling_handle_post(session->polling, request);
    else
        eio_http_respond(request, 500, NULL);
}

static void handle_session_upgrade(eio_server *server, eio_http_request *request,
                                   const eio_request_query *query)
{
    eio_session *session = find_session(server, query);

    if (session == NULL)
        refuse_unknown(server, request, query);
    else if (query->dialect.protocol != session->protocol)
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: PROTOCOL_MISMATCH");
    else if (session->polling == NULL || session->upgrade != NULL ||
             query->transport != EIO_TRANSPORT_WEBSOCKET)
        eio_ws_accept_and_close(server, request);
    else
        eio_upgrade_start(session, request);
}

/* ---- all requests ---- */

/* What is checked for every request. True if it was refused. */
static bool refuse_early(eio_server *server, eio_http_request *request,
                         const eio_request_query *query)
{
    if (query->transport == 0)
        eio_reply_refusal(server, request, EIO_UNKNOWN_TRANSPORT, NULL, "transport");
    else if (!is_header_text(eio_http_header(request, "origin")))
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: INVALID_ORIGIN");
    else
        return false;
    return true;
}

void eio_request_verify(eio_server *server, eio_http_request *request, bool is_upgrade)
{
    eio_request_query query;

    eio_request_read_query(server, request, &query);
    if (refuse_early(server, request, &query))
        return;
    if (query.sid_len > 0) {
        if (is_upgrade)
            handle_session_upgrade(server, request, &query);
        else
            handle_session_request(server, request, &query);
        return;
    }
    if (!eio_slice_equal(eio_http_method(request), EIO_STR("GET")))
        eio_reply_refusal(server, request, EIO_BAD_HANDSHAKE_METHOD, NULL, "method");
    else if (query.transport == EIO_TRANSPORT_WEBSOCKET && !is_upgrade)
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL,
                          "name: TRANSPORT_HANDSHAKE_ERROR");
    else
        eio_handshake_begin(server, request);
}

static void handle(eio_server *server, eio_http_request *request, bool is_upgrade)
{
    if (server->options.cors == NULL || !eio_http_cors(request, server->options.cors))
        eio_middlewares_begin(server, request, is_upgrade);
}

void eio_request_handle(eio_http_request *request, void *data)
{
    handle(data, request, false);
}

void eio_request_handle_upgrade(eio_http_request *request, void *data)
{
    handle(data, request, true);
}
