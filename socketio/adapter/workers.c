#include "socketio/adapter/workers.h"

#include <stdlib.h>

#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/workers/siblings.h"

static int open_by_mail(sio_adapter **out, sio_namespace *nsp)
{
    sio_adapter *adapter = calloc(1, sizeof(*adapter));

    (void)nsp;
    if (adapter == NULL)
        return EIO_E_NOMEM;
    *out = adapter;
    return EIO_OK;
}

static void close_by_mail(sio_adapter *adapter)
{
    free(adapter);
}

/* First for the sockets of this worker, as an adapter of its own would; then for all others, which worker 0 sees to. */
static int broadcast(sio_adapter *adapter, const sio_message *message, const sio_target *target)
{
    const sio_letter draft = { .kind = SIO_LETTER_DELIVER,
                               .target = *target,
                               .name = message->name,
                               .args = message->args,
                               .packet = message->packet,
                               .packets = { .attachments = message->attachments,
                                            .attachment_count = message->attachment_count } };
    int rc = EIO_OK;

    if ((target->flags & SIO_LOCAL) != 0)
        return sio_local_broadcast(adapter->nsp, message, target);
    if (!adapter->nsp->server->cluster->delivers_late)
        rc = sio_here_broadcast(adapter->nsp, message, target);
    return rc != EIO_OK ? rc : sio_hub_write(adapter->nsp, draft, NULL);
}

/* The adapter of worker 0 may have to listen for a room that only this worker has. */
static void handle_room(sio_adapter *adapter, sio_room_change change, eio_slice room, eio_slice id)
{
    sio_letter draft = { .kind = SIO_LETTER_ROOM_CREATED, .name = room };

    (void)id;
    if (adapter->nsp->server->cluster->on_room == NULL || change == SIO_ROOM_JOINED ||
        change == SIO_ROOM_LEFT)
        return;
    if (change == SIO_ROOM_DELETED)
        draft.kind = SIO_LETTER_ROOM_DELETED;
    if (sio_hub_write(adapter->nsp, draft, NULL) == EIO_E_NOMEM)
        sio_server_log(adapter->nsp->server, 'e',
                       "the cluster does not hear of a room of this worker: out of memory");
}

static int join(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    const sio_letter draft = { .kind = SIO_LETTER_JOIN, .target = *target, .rooms = rooms };
    int rc = sio_here_join(adapter->nsp, target, rooms);

    return rc != EIO_OK ? rc : sio_hub_write(adapter->nsp, draft, NULL);
}

static int leave(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    const sio_letter draft = { .kind = SIO_LETTER_LEAVE, .target = *target, .rooms = rooms };
    int rc = sio_here_leave(adapter->nsp, target, rooms);

    return rc != EIO_OK ? rc : sio_hub_write(adapter->nsp, draft, NULL);
}

static int disconnect(sio_adapter *adapter, const sio_target *target, bool close)
{
    const sio_letter draft = { .kind = SIO_LETTER_DISCONNECT, .target = *target, .close = close };
    int rc = sio_here_disconnect(adapter->nsp, target, close);

    return rc != EIO_OK ? rc : sio_hub_write(adapter->nsp, draft, NULL);
}

static int fetch(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    return sio_hub_write(adapter->nsp, (sio_letter){ .kind = SIO_LETTER_FETCH, .target = *target },
                         gather);
}

static int count(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    return sio_hub_write(adapter->nsp, (sio_letter){ .kind = SIO_LETTER_COUNT, .target = *target },
                         gather);
}

static int emit_with_ack(sio_adapter *adapter, const sio_target *target, eio_slice name,
                         sio_args args, uint64_t timeout_ms, sio_gather *gather)
{
    (void)timeout_ms; /* the gathering's */
    return sio_hub_write(
        adapter->nsp,
        (sio_letter){ .kind = SIO_LETTER_ASK, .target = *target, .name = name, .args = args },
        gather);
}

static int server_side(sio_adapter *adapter, eio_slice name, sio_args args, sio_gather *gather)
{
    return sio_hub_write(adapter->nsp,
                         (sio_letter){ .kind = SIO_LETTER_SERVER_SIDE, .name = name, .args = args },
                         gather);
}

const sio_adapter_type sio_adapter_by_mail = {
    .name = "workers",
    .open = open_by_mail,
    .close = close_by_mail,
    .broadcast = broadcast,
    .on_room = handle_room,
    .join = join,
    .leave = leave,
    .disconnect = disconnect,
    .fetch = fetch,
    .emit_with_ack = emit_with_ack,
    .server_side = server_side,
    .count = count,
};
