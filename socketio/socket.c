#include "socketio/socket.h"

#include <assert.h>
#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/protocol4.h"
#include "socketio/restore.h"
#include "socketio/server.h"

static void set_state(sio_socket *socket, sio_socket_state state)
{
    static const unsigned legal_next[SOCKET_N_STATES] = {
        [SOCKET_JOINING] = 1u << SOCKET_CONNECTED | 1u << SOCKET_GONE,
        [SOCKET_CONNECTED] = 1u << SOCKET_LEAVING,
        [SOCKET_LEAVING] = 1u << SOCKET_GONE,
    };

    assert(legal_next[socket->state] & 1u << state);
    socket->state = (uint8_t)state;
}

/* ---- memory ---- */

static void free_extra(sio_socket_extra *extra)
{
    if (extra == NULL)
        return;
    eio_buffer_unref(extra->auth);
    eio_buffer_unref(extra->id);
    sio_handlers_fini(&extra->events);
    sio_callbacks_fini(&extra->filters);
    sio_comeback_free(extra->recovery.brought);
    free(extra);
}

/* Seldom, so it stays out of sio_socket_unref, which every event calls. */
__attribute__((cold)) static void free_socket(sio_socket *socket)
{
    if (socket->destroy != NULL)
        socket->destroy(socket->data);
    free_extra(socket->extra);
    sio_client_unref(socket->client);
    free(socket);
}

sio_socket *sio_socket_ref(sio_socket *socket)
{
    socket->refs++;
    return socket;
}

void sio_socket_unref(sio_socket *socket)
{
    if (socket != NULL && --socket->refs == 0)
        free_socket(socket);
}

sio_socket_extra *sio_socket_need_extra(sio_socket *socket)
{
    if (socket->extra == NULL)
        socket->extra = calloc(1, sizeof(*socket->extra));
    return socket->extra;
}

static int keep_auth(sio_socket *socket, eio_slice auth)
{
    if (auth.len <= 2) /* none, or {}: what sio_socket_auth says without */
        return EIO_OK;
    sio_socket_extra *extra = sio_socket_need_extra(socket);
    if (extra == NULL)
        return EIO_E_NOMEM;
    extra->auth = eio_buffer_copy(auth);
    return extra->auth == NULL ? EIO_E_NOMEM : EIO_OK;
}

static void link_to_client(sio_client *client, sio_socket *socket)
{
    sio_socket **end = &client->sockets;

    while (*end != NULL)
        end = &(*end)->next;
    *end = socket;
    socket->nsp->linked++;
}

static void unlink_from_client(sio_socket *socket)
{
    sio_socket **at = &socket->client->sockets;

    while (*at != socket)
        at = &(*at)->next;
    *at = socket->next;
    socket->next = NULL;
    socket->nsp->linked--;
    sio_server_check_empty(socket->nsp);
    sio_socket_unref(socket);
}

static int make_id(sio_socket *socket)
{
    if (!sio_client_has_protocol4(socket->client))
        return eio_random_id(socket->id);
    sio_socket_extra *extra = sio_socket_need_extra(socket);
    if (extra == NULL)
        return EIO_E_NOMEM;
    extra->id =
        sio_protocol4_id(eio_session_id(socket->client->session), sio_namespace_name(socket->nsp));
    return extra->id == NULL ? EIO_E_NOMEM : EIO_OK;
}

int sio_socket_new(sio_socket **out, sio_client *client, sio_namespace *nsp, eio_slice auth)
{
    sio_socket *socket = calloc(1, sizeof(*socket));

    if (socket == NULL)
        return EIO_E_NOMEM;
    socket->nsp = nsp;
    socket->client = client;
    socket->refs = 1;
    sio_client_ref(client);
    int rc = make_id(socket);
    if (rc == EIO_OK)
        rc = keep_auth(socket, auth);
    if (rc == EIO_OK && nsp->recovery != NULL)
        rc = sio_recovery_start(nsp->recovery, socket, auth);
    if (rc == EIO_OK && sio_namespace_restores(nsp))
        rc = sio_restore_start(socket, auth);
    if (rc != EIO_OK) {
        sio_socket_unref(socket);
        return rc;
    }
    if (sio_socket_is_recovered(socket) && !nsp->server->recovery.run_middlewares)
        socket->step = nsp->middlewares.count;
    link_to_client(client, socket);
    *out = socket;
    return EIO_OK;
}

/* ---- connecting ---- */

static int answer_connect4(sio_socket *socket)
{
    eio_buffer *packet = NULL;

    (void)socket->nsp->server->parser->encode_connect(&packet, sio_namespace_name(socket->nsp),
                                                      (eio_slice){ NULL, 0 });
    return sio_client_send_packet(socket->client, packet);
}

static char *append(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static int answer_connect(sio_socket *socket)
{
    static const char before[] = "{\"sid\":\"";
    static const char between[] = "\",\"pid\":\"";
    char text[sizeof(before) + sizeof(between) + (size_t)2 * EIO_RANDOM_ID_LEN + 2];
    eio_buffer *packet = NULL;
    char *to = append(text, before, sizeof(before) - 1);

    if (sio_client_has_protocol4(socket->client))
        return answer_connect4(socket);
    to = append(to, socket->id, sizeof(socket->id));
    if (socket->nsp->server->recovery.max_disconnection_ms > 0) {
        to = append(to, between, sizeof(between) - 1);
        to = append(to, socket->extra->recovery.pid, sizeof(socket->extra->recovery.pid));
    }
    to = append(to, "\"}", 2);
    (void)socket->nsp->server->parser->encode_connect(&packet, sio_namespace_name(socket->nsp),
                                                      (eio_slice){ text, (size_t)(to - text) });
    return sio_client_send_packet(socket->client, packet);
}

void sio_socket_connect(sio_socket *socket)
{
    sio_namespace *nsp = socket->nsp;
    sio_server *server = nsp->server;

    if (sio_namespace_add(nsp, socket) != EIO_OK) {
        sio_server_log(server, 'e', "client closed: no memory for a socket");
        sio_client_close(socket->client);
        return;
    }
    set_state(socket, SOCKET_CONNECTED);
    sio_client_stop_joining(socket->client);
    sio_socket_enter_own_room(socket);
    server->counters.connected++;
    if (sio_socket_is_recovered(socket)) {
        sio_restore_leave(socket);
        sio_recovery_send_missed(nsp->recovery, socket);
    }
    if (answer_connect(socket) == EIO_E_NOMEM)
        sio_client_close(socket->client); /* it would wait for ever */
    sio_room_notes_run(server);
    for (uint32_t i = 0; i < nsp->connection.count && socket->state == SOCKET_CONNECTED; i++)
        nsp->connection.items[i].call.on_connection(socket, nsp->connection.items[i].data);
}

/* ---- leaving ---- */

static const char *reason_text(unsigned reason)
{
    switch (reason) {
    case LEAVE_BY_CLIENT: return "client namespace disconnect";
    case LEAVE_BY_SERVER: return "server namespace disconnect";
    case LEAVE_SHUTDOWN: return "server shutting down";
    case LEAVE_FORCED_SERVER_CLOSE: return "forced server close";
    default: return eio_reason_text((eio_reason)reason);
    }
}

void sio_socket_drop(sio_socket *socket)
{
    if (socket->extra != NULL)
        sio_restore_abandon(socket);
    sio_socket_leave_rooms(socket);
    set_state(socket, SOCKET_GONE);
    sio_server_schedule(socket->nsp->server, socket);
}

void sio_socket_begin_leaving(sio_socket *socket, unsigned reason)
{
    if (socket->state != SOCKET_CONNECTED)
        return;
    set_state(socket, SOCKET_LEAVING);
    socket->reason = (uint8_t)reason;
    socket->nsp->leaving++;
    sio_server_schedule(socket->nsp->server, socket);
}

static void call_disconnect(sio_socket *socket, const sio_callbacks *list)
{
    const sio_server *server = socket->nsp->server;
    const char *details = NULL;

    if (server->closing_client == socket->client && socket->reason <= EIO_REASON_FORCED_CLOSE)
        details = server->close_detail;
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i].call.on_disconnect(socket, reason_text(socket->reason), details,
                                          list->items[i].data);
}

/* Node's order (protocol.md E.3): disconnecting, rooms left, disconnect. */
static void finish_leaving(sio_socket *socket)
{
    sio_namespace *nsp = socket->nsp;
    sio_lost_session *session = NULL;

    call_disconnect(socket, &nsp->disconnecting);
    if (nsp->recovery != NULL)
        session = sio_recovery_note(nsp->recovery, socket);
    else if (sio_namespace_restores(nsp))
        sio_restore_save(socket);
    sio_socket_leave_rooms(socket);
    sio_namespace_remove(nsp, socket);
    nsp->leaving--;
    sio_acks_end(socket);
    nsp->server->counters.disconnected++;
    sio_room_notes_run(nsp->server);
    call_disconnect(socket, &nsp->disconnect);
    if (session != NULL)
        sio_recovery_keep(nsp->recovery, session, socket);
    set_state(socket, SOCKET_GONE);
    unlink_from_client(socket);
}

/* It never connected: nobody is told, but who waits for an ack that a middleware asked for. */
static void finish_dropping(sio_socket *socket)
{
    sio_acks_end(socket);
    unlink_from_client(socket);
}

void sio_socket_run_due(sio_socket *socket)
{
    switch ((sio_socket_state)socket->state) {
    case SOCKET_JOINING: sio_middleware_run(socket); break;
    case SOCKET_LEAVING: finish_leaving(socket); break;
    case SOCKET_GONE: finish_dropping(socket); break;
    case SOCKET_CONNECTED:
    case SOCKET_N_STATES: break;
    }
}

void sio_socket_leave_by_server(sio_socket *socket)
{
    eio_buffer *packet = NULL;

    (void)socket->nsp->server->parser->encode_disconnect(&packet, sio_namespace_name(socket->nsp));
    (void)sio_client_send_packet(socket->client, packet);
    sio_socket_begin_leaving(socket, LEAVE_BY_SERVER);
}

void sio_disconnect(sio_socket *socket, bool close)
{
    if (socket->state != SOCKET_CONNECTED)
        return;
    if (close)
        sio_client_disconnect(socket->client);
    else
        sio_socket_leave_by_server(socket);
}
