#include "socketio/namespace.h"
#include "socketio/room_events.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/*
 * The room that bears a socket's id stands in no table as long as the socket is alone in it:
 * whether it is in there is a flag, and who looks for the room looks among the sockets, too.
 */
static bool is_own_room(const sio_socket *socket, eio_slice room)
{
    return eio_slice_equal(room, sio_socket_id(socket));
}

/* Whether such a room stands for a name already, so that one in the table is no new room. */
static bool is_taken_by_id(const sio_namespace *nsp, eio_slice room)
{
    const sio_socket *socket = eio_table_find(&nsp->by_id, room);

    return socket != NULL && socket->in_own_room;
}

/* ---- telling who wants to know ---- */

static void tell_joined(sio_socket *socket, eio_slice room, bool created)
{
    sio_namespace *nsp = socket->nsp;

    if (created)
        sio_room_tell(nsp, SIO_ROOM_CREATED, room, (eio_slice){ NULL, 0 });
    sio_room_tell(nsp, SIO_ROOM_JOINED, room, sio_socket_id(socket));
}

static void tell_left(sio_socket *socket, eio_slice room, bool deleted)
{
    sio_namespace *nsp = socket->nsp;

    sio_room_tell(nsp, SIO_ROOM_LEFT, room, sio_socket_id(socket));
    if (deleted)
        sio_room_tell(nsp, SIO_ROOM_DELETED, room, (eio_slice){ NULL, 0 });
}

/* ---- joining and leaving ---- */

void sio_socket_enter_own_room(sio_socket *socket)
{
    const eio_slice id = sio_socket_id(socket);

    socket->in_own_room = true;
    tell_joined(socket, id, sio_rooms_find(&socket->nsp->rooms, id) == NULL);
}

static void leave_own_room(sio_socket *socket)
{
    const eio_slice id = sio_socket_id(socket);

    if (!socket->in_own_room)
        return;
    socket->in_own_room = false;
    tell_left(socket, id, sio_rooms_find(&socket->nsp->rooms, id) == NULL);
}

static void leave_place(sio_socket *socket, uint32_t slot)
{
    sio_namespace *nsp = socket->nsp;
    sio_room *room = sio_occupant_places(&socket->rooms)[slot].room;
    const eio_slice name = sio_room_name(room);

    sio_rooms_leave(&socket->rooms, slot);
    tell_left(socket, name, room->count == 0 && !is_taken_by_id(nsp, name));
    sio_rooms_drop_empty(&nsp->rooms, room);
}

void sio_socket_leave_rooms(sio_socket *socket)
{
    leave_own_room(socket);
    while (socket->rooms.count > 0)
        leave_place(socket, socket->rooms.count - 1);
}

int sio_join(sio_socket *socket, eio_slice room)
{
    sio_room *joined;
    bool created;

    if (!sio_socket_is_live(socket))
        return EIO_OK;
    if (is_own_room(socket, room)) {
        if (socket->state == SOCKET_CONNECTED && !socket->in_own_room)
            sio_socket_enter_own_room(socket);
        return EIO_OK; /* a socket that is joining gets there by itself */
    }
    sio_namespace *nsp = socket->nsp;
    if (socket->rooms.count >= nsp->server->max_rooms)
        return sio_socket_is_in(socket, room) ? EIO_OK : EIO_E_LIMIT;
    int rc = sio_rooms_join(&nsp->rooms, &socket->rooms, room, &joined, &created);
    if (rc != EIO_OK)
        return rc == EIO_E_EXISTS ? EIO_OK : rc;
    tell_joined(socket, sio_room_name(joined), created && !is_taken_by_id(nsp, room));
    return EIO_OK;
}

/* Its slot, or its count of rooms if it is not in there. */
static uint32_t find_slot(const sio_socket *socket, eio_slice room)
{
    const sio_place *places = sio_occupant_places(&socket->rooms);
    const sio_room *found = sio_rooms_find(&socket->nsp->rooms, room);
    uint32_t slot = 0;

    while (slot < socket->rooms.count && places[slot].room != found)
        slot++;
    return slot;
}

void sio_leave(sio_socket *socket, eio_slice room)
{
    if (!sio_socket_is_live(socket))
        return;
    if (is_own_room(socket, room)) {
        leave_own_room(socket);
        return;
    }
    uint32_t slot = find_slot(socket, room);
    if (slot < socket->rooms.count)
        leave_place(socket, slot);
}

/* ---- looking ---- */

bool sio_socket_is_in(const sio_socket *socket, eio_slice room)
{
    if (socket->state == SOCKET_GONE)
        return false;
    if (is_own_room(socket, room))
        return socket->in_own_room;
    return find_slot(socket, room) < socket->rooms.count;
}

bool sio_socket_room_at(const sio_socket *socket, size_t index, eio_slice *out)
{
    if (socket->in_own_room && index == 0) {
        *out = sio_socket_id(socket);
        return true;
    }
    if (socket->in_own_room)
        index--;
    if (index >= socket->rooms.count)
        return false;
    *out = sio_room_name(sio_occupant_places(&socket->rooms)[index].room);
    return true;
}
