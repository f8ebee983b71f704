#include "socketio/client.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "socketio/dynamic.h"
#include "socketio/event.h"
#include "socketio/namespace.h"
#include "socketio/protocol4.h"
#include "socketio/server.h"
#include "socketio/socket.h"

static void start_joining(sio_client *client)
{
    sio_server *server = client->server;

    server->joining_count++;
    eio_deadline_start(&server->joining, &client->joining);
}

void sio_client_stop_joining(sio_client *client)
{
    if (!eio_deadline_is_waiting(&client->joining))
        return;
    client->server->joining_count--;
    eio_deadline_stop(&client->server->joining, &client->joining);
}

static void set_state(sio_client *client, sio_client_state state)
{
    static const unsigned legal_next[CLIENT_N_STATES] = {
        [CLIENT_OPEN] = 1u << CLIENT_CLOSING | 1u << CLIENT_CLOSED,
        [CLIENT_CLOSING] = 1u << CLIENT_CLOSED,
    };

    assert(legal_next[client->state] & 1u << state);
    client->state = state;
    sio_client_stop_joining(client);
}

void sio_client_ref(sio_client *client)
{
    client->refs++;
}

void sio_client_unref(sio_client *client)
{
    if (--client->refs > 0)
        return;
    assert(client->acks.count == 0);
    sio_reassembly_free(client->pending);
    eio_session_unref(client->session);
    free(client);
}

/* ---- closing ---- */

static void leave_all(sio_client *client, unsigned reason)
{
    for (sio_socket *socket = client->sockets; socket != NULL; socket = socket->next) {
        if (socket->state == SOCKET_JOINING)
            sio_socket_drop(socket);
        else
            sio_socket_begin_leaving(socket, reason);
    }
}

static void close_with(sio_client *client, unsigned reason)
{
    if (client->state != CLIENT_OPEN)
        return;
    set_state(client, CLIENT_CLOSING);
    leave_all(client, reason);
    eio_session_close(client->session, false);
}

void sio_client_close(sio_client *client)
{
    close_with(client, EIO_REASON_FORCED_CLOSE);
}

void sio_client_disconnect(sio_client *client)
{
    for (sio_socket *socket = client->sockets; socket != NULL; socket = socket->next) {
        if (socket->state == SOCKET_CONNECTED)
            sio_socket_leave_by_server(socket);
    }
    sio_client_close(client);
}

/*
 * What the protocol does not allow now (protocol.md D.4); Node names the reason by whether it can
 * close at once.
 */
static void violate(sio_client *client, const char *what)
{
    bool waits_for_poll = eio_session_transport(client->session) == EIO_TRANSPORT_POLLING &&
                          !eio_session_is_writable(client->session);

    client->server->counters.violations++;
    sio_server_log(client->server, 'd', "client closed: %s", what);
    close_with(client, waits_for_poll ? (unsigned)LEAVE_FORCED_SERVER_CLOSE
                                      : (unsigned)EIO_REASON_FORCED_CLOSE);
}

void sio_socket_tell_error(sio_socket *socket, const char *text)
{
    const sio_callbacks *list = &socket->nsp->error;

    for (uint32_t i = 0; i < list->count && socket->state == SOCKET_CONNECTED; i++)
        list->items[i].call.on_error(socket, text, list->items[i].data);
}

/*
 * What cannot be decoded (protocol.md D.2). No socket is unlinked before its turn, so the walk is
 * safe.
 */
static void fault(sio_client *client, const char *text)
{
    client->server->counters.parse_errors++;
    sio_server_log(client->server, 'd', "client closed: %s", text);
    for (sio_socket *socket = client->sockets; socket != NULL; socket = socket->next)
        sio_socket_tell_error(socket, text);
    close_with(client, EIO_REASON_FORCED_CLOSE);
}

static sio_client *client_of(eio_deadline *deadline)
{
    return (sio_client *)((char *)deadline - offsetof(sio_client, joining));
}

void sio_client_handle_timeout(eio_deadline *deadline)
{
    sio_client *client = client_of(deadline);
    sio_server *server = client->server;

    server->joining_count--;
    server->counters.connect_timeouts++;
    sio_server_log(server, 'd', "client closed: no namespace joined in time");
    close_with(client, EIO_REASON_FORCED_CLOSE);
    sio_server_run_due(server);
}

/* A session over polling needs no connection to stay: only this bounds how many a stranger can open. */
static void make_room(sio_server *server)
{
    if (server->joining_count < server->max_joining)
        return;
    sio_client *oldest = client_of(TAILQ_FIRST(&server->joining.waiting));
    eio_session *session = oldest->session;

    server->counters.connect_timeouts++;
    sio_server_log(server, 'd', "client closed: more clients without a namespace than max_joining");
    close_with(oldest, EIO_REASON_FORCED_CLOSE);
    eio_session_close(session, true); /* it may not come for its end */
}

/* ---- packets ---- */

static sio_socket *find_live(const sio_client *client, const sio_namespace *nsp)
{
    for (sio_socket *socket = client->sockets; socket != NULL; socket = socket->next) {
        if (socket->nsp == nsp && sio_socket_is_live(socket))
            return socket;
    }
    return NULL;
}

static size_t count_live(const sio_client *client)
{
    size_t count = 0;

    for (const sio_socket *socket = client->sockets; socket != NULL; socket = socket->next)
        count += sio_socket_is_live(socket);
    return count;
}

void sio_client_refuse_namespace(sio_client *client, eio_slice name)
{
    eio_buffer *packet = NULL;

    client->server->counters.refused++;
    (void)client->server->parser->encode_connect_error(&packet, name, SIO_STR("Invalid namespace"),
                                                       (eio_slice){ NULL, 0 });
    (void)sio_client_send_packet(client, packet);
}

void sio_client_join(sio_client *client, eio_slice name, eio_slice auth)
{
    sio_namespace *nsp = sio_server_find_namespace(client->server, name);
    sio_socket *socket;

    if (nsp == NULL) {
        if (count_live(client) + client->matches >= client->server->max_namespaces)
            violate(client, "more namespaces than max_namespaces");
        else
            sio_dynamic_connect(client, name, auth);
        return;
    }
    socket = find_live(client, nsp);
    if (socket != NULL && socket->state == SOCKET_CONNECTED) {
        violate(client, "CONNECT for a namespace that is connected");
        return;
    }
    if (socket != NULL)
        sio_socket_drop(socket); /* the client gave that attempt up: only the new one is answered */
    if (count_live(client) >= client->server->max_namespaces) {
        violate(client, "more namespaces than max_namespaces");
        return;
    }
    if (sio_socket_new(&socket, client, nsp, auth) != EIO_OK) {
        sio_server_log(client->server, 'e', "client closed: no memory for a socket");
        sio_client_close(client);
        return;
    }
    if (socket->extra == NULL || !socket->extra->recovery.is_awaited)
        sio_middleware_run(socket);
}

static void handle_connect4(sio_client *client, eio_slice whole)
{
    eio_slice name;
    eio_slice query;

    sio_protocol4_split(whole, &name, &query);
    eio_buffer *auth = sio_protocol4_auth(query);
    if (auth == NULL) {
        sio_client_close(client);
        return;
    }
    sio_client_join(client, name, eio_buffer_slice(auth));
    eio_buffer_unref(auth);
}

static void handle_packet(sio_client *client, const sio_packet *packet)
{
    if (packet->type == SIO_CONNECT && sio_client_has_protocol4(client)) {
        handle_connect4(client, packet->nsp);
        return;
    }
    if (packet->type == SIO_CONNECT) {
        sio_client_join(client, packet->nsp, packet->payload);
        return;
    }
    sio_namespace *nsp = sio_server_find_namespace(client->server, packet->nsp);
    sio_socket *socket = nsp == NULL ? NULL : find_live(client, nsp);
    if (socket == NULL || socket->state != SOCKET_CONNECTED) {
        violate(client, "packet for a namespace that is not connected");
        return;
    }
    switch (packet->type) {
    case SIO_EVENT: sio_event_dispatch(socket, packet); break;
    case SIO_ACK:
        if (packet->has_id)
            sio_acks_answer(socket, packet->id, packet->args);
        break;
    case SIO_DISCONNECT: sio_socket_begin_leaving(socket, LEAVE_BY_CLIENT); break;
    case SIO_CONNECT_ERROR: violate(client, "CONNECT_ERROR from a client"); break;
    case SIO_CONNECT:
    case SIO_BINARY_EVENT:
    case SIO_BINARY_ACK: break; /* the decoder gives none of these here */
    }
}

static void handle_message(eio_session *session, eio_slice payload, bool binary, void *data)
{
    sio_client *client = data;
    sio_server *server = client->server;
    sio_packet packet;

    (void)session;
    if (client->state != CLIENT_OPEN || server->is_closing)
        return;
    switch (server->parser->decode(&packet, &server->decoder, &client->pending, payload, binary)) {
    case SIO_DECODE_FAULT: fault(client, server->decoder.fault); break;
    case SIO_DECODE_PENDING: return;
    case SIO_DECODE_PACKET:
        handle_packet(client, &packet);
        sio_packet_fini(&packet);
        break;
    }
    sio_server_run_due(server);
}

/* ---- life ---- */

static void handle_close(eio_session *session, eio_reason reason, const char *detail, void *data)
{
    sio_client *client = data;
    sio_server *server = client->server;

    (void)session;
    set_state(client, CLIENT_CLOSED);
    leave_all(client, reason);
    server->closing_client = client;
    server->close_detail = detail;
    sio_server_run_due(server);
    server->closing_client = NULL;
    sio_client_unref(client);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sio_client_open(sio_server *server, eio_session *session)
{
    static const eio_session_handler handler = {
        .on_message = handle_message,
        .on_close = handle_close,
    };
    sio_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        sio_server_log(server, 'e', "session closed: no memory for a client");
        eio_session_close(session, true);
        return;
    }
    client->session = eio_session_ref(session);
    client->server = server;
    client->issued_ms = now_ms();
    client->refs = 1;
    TAILQ_INIT(&client->acks.list);
    make_room(server);
    start_joining(client);
    eio_session_set_handler(session, &handler, client);
    if (!sio_client_has_protocol4(client))
        return;
    sio_client_join(client, SIO_STR("/"), (eio_slice){ NULL, 0 });
    sio_server_run_due(server);
}

/* ---- sending ---- */

/* Seldom, so it is kept out of the short way. */
__attribute__((noinline)) static int send_with_attachments(sio_client *client, eio_buffer *packet,
                                                           eio_buffer *const *attachments,
                                                           size_t count, unsigned flags)
{
    int rc = eio_session_send(client->session, packet, flags);

    if (rc != EIO_OK)
        return rc;
    for (size_t i = 0; i < count && rc == EIO_OK; i++)
        rc = eio_session_send(client->session, attachments[i], flags | EIO_SEND_BINARY);
    if (rc != EIO_OK)
        sio_client_close(client); /* a part of the packet is queued: nothing can follow that */
    return rc;
}

int sio_client_send(sio_client *client, eio_buffer *packet, eio_buffer *const *attachments,
                    size_t attachment_count, unsigned flags)
{
    if (client->state != CLIENT_OPEN)
        return EIO_E_CLOSED;
    /* All or nothing: what is writable takes the attachments with the packet. */
    if (flags & SIO_VOLATILE && !eio_session_is_writable(client->session))
        return EIO_OK;
    client->server->counters.packets_out++;
    unsigned engine_flags = client->server->parser->packet_flags;
    if ((flags & SIO_NO_COMPRESS) != 0)
        engine_flags |= EIO_SEND_NO_COMPRESS;
    if (attachment_count > 0)
        return send_with_attachments(client, packet, attachments, attachment_count, engine_flags);
    return eio_session_send(client->session, packet, engine_flags);
}

int sio_client_send_packet(sio_client *client, eio_buffer *packet)
{
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_client_send(client, packet, NULL, 0, 0);
    eio_buffer_unref(packet);
    return rc;
}
