/*
 * What is done to many sockets at once, here and on other servers: fetch, join, leave, disconnect.
 */
#include <stdlib.h>

#include "socketio/broadcast.h"
#include "socketio/gather.h"
#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/socket.h"

static const sio_target *or_everybody(const sio_target *target)
{
    return target == NULL ? &sio_everybody : target;
}

/*
 * Whether other servers are to be asked, too: their adapter then does the part of this one as well.
 */
static bool is_here_only(const sio_target *target, bool adapter_can)
{
    return !adapter_can || (target->flags & SIO_LOCAL) != 0;
}

/* ---- rooms ---- */

static bool join_rooms(sio_socket *socket, void *data)
{
    const sio_rooms *rooms = data;

    for (size_t i = 0; i < rooms->count; i++)
        (void)sio_join(socket, rooms->names[i]); /* one that is full is that socket's loss */
    return true;
}

int sio_here_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    return sio_each_socket(nsp, target, join_rooms, &rooms);
}

int sio_sockets_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    const sio_adapter_type *type = nsp->adapter->type;

    target = or_everybody(target);
    if (is_here_only(target, type->join != NULL))
        return sio_local_join(nsp, target, rooms);
    return type->join(nsp->adapter, target, rooms);
}

static bool leave_rooms(sio_socket *socket, void *data)
{
    const sio_rooms *rooms = data;

    for (size_t i = 0; i < rooms->count; i++)
        sio_leave(socket, rooms->names[i]);
    return true;
}

int sio_here_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    return sio_each_socket(nsp, target, leave_rooms, &rooms);
}

int sio_sockets_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    const sio_adapter_type *type = nsp->adapter->type;

    target = or_everybody(target);
    if (is_here_only(target, type->leave != NULL))
        return sio_local_leave(nsp, target, rooms);
    return type->leave(nsp->adapter, target, rooms);
}

/* ---- disconnecting ---- */

static bool disconnect(sio_socket *socket, void *data)
{
    sio_disconnect(socket, *(const bool *)data);
    return true;
}

int sio_here_disconnect(sio_namespace *nsp, const sio_target *target, bool close)
{
    return sio_each_socket(nsp, target, disconnect, &close);
}

int sio_disconnect_sockets(sio_namespace *nsp, const sio_target *target, bool close)
{
    const sio_adapter_type *type = nsp->adapter->type;

    target = or_everybody(target);
    if (is_here_only(target, type->disconnect != NULL))
        return sio_local_disconnect(nsp, target, close);
    return type->disconnect(nsp->adapter, target, close);
}

/* ---- looking ---- */

static size_t count_rooms(const sio_socket *socket)
{
    eio_slice room;
    size_t count = 0;

    while (sio_socket_room_at(socket, count, &room))
        count++;
    return count;
}

static bool describe(sio_socket *socket, void *data)
{
    sio_gather *gather = data;
    size_t count = count_rooms(socket);
    eio_slice *names = calloc(count + 1, sizeof(*names));

    if (names == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        (void)sio_socket_room_at(socket, i, &names[i]);
    sio_gather_add_socket(gather, &(sio_found_socket){ .id = sio_socket_id(socket),
                                                       .rooms = { names, count },
                                                       .socket = socket });
    free(names);
    return true;
}

int sio_here_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather)
{
    return sio_each_socket(nsp, target, describe, gather);
}

int sio_fetch_sockets(sio_namespace *nsp, const sio_target *target, uint64_t timeout_ms,
                      sio_found_cb *callback, void *data)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;

    if (nsp->is_parent)
        return EIO_E_UNSUPPORTED;
    int rc = sio_gather_new_found(
        &gather, nsp, timeout_ms == 0 ? sio_gather_default_ms(nsp) : timeout_ms, callback, data);
    if (rc != EIO_OK)
        return rc;
    target = or_everybody(target);
    if (is_here_only(target, type->fetch != NULL))
        rc = sio_local_fetch(nsp, target, gather);
    else
        rc = type->fetch(nsp->adapter, target, gather);
    return sio_gather_asked(gather, rc);
}

/* ---- counting ---- */

static void count_one(sio_socket *socket, void *data)
{
    *(size_t *)data += socket->state == SOCKET_CONNECTED;
}

size_t sio_here_count(sio_namespace *nsp, const sio_target *target)
{
    size_t number = 0;

    if (target->rooms.count == 0 && target->except.count == 0)
        return nsp->count - nsp->leaving;
    sio_walk_target(nsp, target, count_one, &number);
    return number;
}

int sio_count_sockets(sio_namespace *nsp, const sio_target *target, uint64_t timeout_ms,
                      sio_count_cb *callback, void *data)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;

    if (nsp->is_parent)
        return EIO_E_UNSUPPORTED;
    int rc = sio_gather_new_count(
        &gather, nsp, timeout_ms == 0 ? sio_gather_default_ms(nsp) : timeout_ms, callback, data);
    if (rc != EIO_OK)
        return rc;
    target = or_everybody(target);
    if (is_here_only(target, type->count != NULL || type->fetch != NULL))
        rc = sio_local_count(nsp, target, gather);
    else if (type->count != NULL)
        rc = type->count(nsp->adapter, target, gather);
    else
        rc = type->fetch(nsp->adapter, target, gather);
    return sio_gather_asked(gather, rc);
}
