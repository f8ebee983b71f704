#include "socketio/restore.h"

#include <stdlib.h>

#include "socketio/emit.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

struct sio_restore {
    sio_timeout timeout; /* first */
    sio_socket *socket;  /* a reference; NULL: it waits no more */
    sio_comeback *what;  /* own; NULL: no session yet */
    size_t bytes;        /* of its events */
    bool is_starting;    /* within the call that asks */
    bool is_whole;
};

bool sio_namespace_restores(const sio_namespace *nsp)
{
    return nsp->recovery == NULL && nsp->server->recovery.max_disconnection_ms > 0;
}

/* ---- asking ---- */

static void detach(sio_restore *restore)
{
    sio_socket *socket = restore->socket;

    sio_timeout_stop(&socket->nsp->server->timeouts, &restore->timeout);
    socket->extra->recovery.restore = NULL;
    socket->extra->recovery.is_awaited = false;
    restore->socket = NULL;
    sio_socket_unref(socket);
}

/* It goes on as a new one. */
static void handle_timeout(sio_timeout *timeout)
{
    sio_restore *restore = (sio_restore *)(void *)timeout;
    sio_socket *socket = restore->socket;

    sio_server_log(socket->nsp->server, 'w', "adapter %s: a session was not restored in time",
                   socket->nsp->adapter->type->name);
    sio_server_schedule(socket->nsp->server, socket);
    detach(restore);
}

static void free_restore(sio_restore *restore)
{
    sio_comeback_free(restore->what);
    free(restore);
}

static int new_restore(sio_restore **out, sio_socket *socket)
{
    sio_restore *restore = calloc(1, sizeof(*restore));

    if (restore == NULL)
        return EIO_E_NOMEM;
    int rc = sio_timeout_start(&socket->nsp->server->timeouts, &restore->timeout,
                               sio_gather_default_ms(socket->nsp), handle_timeout);
    if (rc != EIO_OK) {
        free(restore);
        return rc;
    }
    restore->socket = sio_socket_ref(socket);
    restore->is_starting = true;
    socket->extra->recovery.restore = restore;
    socket->extra->recovery.is_awaited = true;
    *out = restore;
    return EIO_OK;
}

static int ask(sio_socket *socket, eio_slice pid, eio_slice offset)
{
    sio_adapter *adapter = socket->nsp->adapter;
    sio_restore *restore;

    int rc = new_restore(&restore, socket);
    if (rc != EIO_OK)
        return rc;
    rc = adapter->type->restore_session(adapter, pid, offset, restore);
    if (rc != EIO_OK) { /* a new session, then */
        detach(restore);
        free_restore(restore);
        return EIO_OK;
    }
    if (socket->extra->recovery.restore == restore)
        restore->is_starting = false;
    return EIO_OK;
}

/* The text of a plain string; {NULL, 0}: it is none. */
static eio_slice text_of(eio_slice json)
{
    if (json.len < 2 || json.base[0] != '"' || memchr(json.base, '\\', json.len) != NULL)
        return (eio_slice){ NULL, 0 };
    return (eio_slice){ json.base + 1, json.len - 2 };
}

int sio_restore_start(sio_socket *socket, eio_slice auth)
{
    sio_socket_extra *extra = sio_socket_need_extra(socket);
    eio_slice pid = text_of(sio_json_member(auth, EIO_STR("pid")));
    eio_slice offset = text_of(sio_json_member(auth, EIO_STR("offset")));

    if (extra == NULL)
        return EIO_E_NOMEM;
    if (sio_client_has_protocol4(socket->client))
        return EIO_OK; /* there it cannot be told its pid */
    int rc = eio_random_id(extra->recovery.pid);
    if (rc != EIO_OK || pid.len != EIO_RANDOM_ID_LEN || offset.base == NULL)
        return rc;
    return ask(socket, pid, offset);
}

/* ---- the adapter's answer ---- */

bool sio_restore_is_awaited(const sio_restore *restore)
{
    return restore->socket != NULL;
}

int sio_restore_add_session(sio_restore *restore, const sio_session *session)
{
    if (session->id.len != EIO_RANDOM_ID_LEN || session->pid.len != EIO_RANDOM_ID_LEN)
        return EIO_E_INVALID;
    sio_comeback_free(restore->what);
    restore->what = sio_comeback_new(session);
    return restore->what == NULL ? EIO_E_NOMEM : EIO_OK;
}

int sio_restore_add_event(sio_restore *restore, eio_slice name, sio_args args, eio_slice offset)
{
    sio_encoded packet;

    if (restore->socket == NULL || restore->what == NULL)
        return EIO_E_STATE;
    sio_namespace *nsp = restore->socket->nsp;
    const sio_recovery_options *limits = &nsp->server->recovery;
    int rc = sio_encode_with_offset(&packet, nsp, name, args, offset);
    if (rc != EIO_OK)
        return rc;
    const size_t bytes = sio_comeback_add(restore->what, &packet);
    eio_buffer_unref(packet.text);
    restore->bytes += bytes;
    if (bytes == 0)
        return EIO_E_NOMEM;
    return restore->what->event_count > limits->max_events || restore->bytes > limits->max_bytes
               ? EIO_E_LIMIT
               : EIO_OK;
}

static void take_place(sio_socket *socket, sio_comeback *what)
{
    sio_namespace *nsp = socket->nsp;

    sio_comeback_take(socket, what);
    socket->extra->recovery.next_returning = nsp->returning;
    nsp->returning = socket;
}

void sio_restore_end(sio_restore *restore, bool is_whole)
{
    sio_socket *socket = restore->socket;

    if (socket != NULL && is_whole && restore->what != NULL) {
        take_place(socket, restore->what);
        restore->what = NULL;
    }
    if (socket != NULL && !restore->is_starting)
        sio_server_schedule(socket->nsp->server, socket);
    if (socket != NULL)
        detach(restore);
    free_restore(restore);
}

/* ---- between the answer and the connection ---- */

static bool is_named(const sio_socket *socket, sio_rooms rooms)
{
    for (size_t i = 0; i < rooms.count; i++)
        if (eio_slice_equal(rooms.names[i], sio_socket_id(socket)) ||
            sio_socket_is_in(socket, rooms.names[i]))
            return true;
    return false;
}

void sio_restore_hold(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    sio_encoded packet = { .text = message->packet, .attachment_count = message->attachment_count };

    for (size_t i = 0; i < message->attachment_count; i++)
        packet.attachments[i] = message->attachments[i];
    for (sio_socket *socket = nsp->returning; socket != NULL;
         socket = socket->extra->recovery.next_returning) {
        if ((target->rooms.count == 0 || is_named(socket, target->rooms)) &&
            !is_named(socket, target->except) &&
            sio_comeback_add(socket->extra->recovery.brought, &packet) == 0)
            sio_client_close(socket->client); /* out of memory: it may try again */
    }
}

void sio_restore_abandon(sio_socket *socket)
{
    sio_restore *restore = socket->extra->recovery.restore;

    if (restore != NULL)
        detach(restore);
    sio_restore_leave(socket);
}

void sio_restore_leave(sio_socket *socket)
{
    sio_socket **at = &socket->nsp->returning;

    while (*at != NULL && *at != socket)
        at = &(*at)->extra->recovery.next_returning;
    if (*at != NULL)
        *at = socket->extra->recovery.next_returning;
}

/* ---- going away ---- */

void sio_restore_save(const sio_socket *socket)
{
    sio_adapter *adapter = socket->nsp->adapter;
    size_t count = 0;
    eio_slice room;

    if (sio_client_has_protocol4(socket->client) ||
        (!sio_recovery_is_possible(socket->reason) && socket->reason != LEAVE_SHUTDOWN))
        return;
    while (sio_socket_room_at(socket, count, &room))
        count++;
    eio_slice *names = calloc(count + 1, sizeof(*names));
    if (names == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        (void)sio_socket_room_at(socket, i, &names[i]);
    const sio_session session = {
        .id = sio_socket_id(socket),
        .pid = { socket->extra->recovery.pid, sizeof(socket->extra->recovery.pid) },
        .rooms = { names, count },
    };
    adapter->type->save_session(adapter, &session,
                                socket->nsp->server->recovery.max_disconnection_ms);
    free(names);
}
