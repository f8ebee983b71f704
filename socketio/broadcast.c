#include <stdlib.h>

#include "socketio/adapter.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

static const sio_target everybody = { .flags = 0 };

/* ---- who is meant ---- */

typedef void visit_socket(sio_socket *socket, void *data);

static sio_socket *socket_of(sio_occupant *who)
{
    return (sio_socket *)((char *)who - offsetof(sio_socket, rooms));
}

/* Who has this broadcast's number was excepted, or has been visited. */
static bool take_mark(sio_socket *socket, uint64_t mark)
{
    if (socket->rooms.mark == mark)
        return false;
    socket->rooms.mark = mark;
    return true;
}

static void walk_room(sio_namespace *nsp, eio_slice name, uint64_t mark, visit_socket *visit,
                      void *data)
{
    sio_socket *own = eio_table_find(&nsp->by_id, name);
    const sio_room *room = sio_rooms_find(&nsp->rooms, name);

    if (own != NULL && own->in_own_room && take_mark(own, mark))
        visit(own, data);
    if (room == NULL)
        return;
    for (uint32_t i = 0; i < room->count; i++) {
        sio_socket *socket = socket_of(room->members[i].who);
        if (take_mark(socket, mark))
            visit(socket, data);
    }
}

static void walk_all(sio_namespace *nsp, uint64_t mark, visit_socket *visit, void *data)
{
    for (uint32_t i = 0; i < nsp->count; i++) {
        if (nsp->sockets[i]->rooms.mark != mark)
            visit(nsp->sockets[i], data);
    }
}

static void visit_nothing(sio_socket *socket, void *data)
{
    (void)socket;
    (void)data;
}

/* Visit each socket that is meant, once. The visitor calls nothing that joins or leaves. */
static void walk_target(sio_namespace *nsp, const sio_target *target, visit_socket *visit,
                        void *data)
{
    uint64_t mark = ++nsp->server->mark;

    for (size_t i = 0; i < target->except.count; i++)
        walk_room(nsp, target->except.names[i], mark, visit_nothing, NULL);
    if (target->rooms.count == 0)
        walk_all(nsp, mark, visit, data);
    for (size_t i = 0; i < target->rooms.count; i++)
        walk_room(nsp, target->rooms.names[i], mark, visit, data);
}

/* ---- delivery here ---- */

typedef struct delivery {
    const sio_message *message;
    unsigned flags;
} delivery;

static void deliver(sio_socket *socket, void *data)
{
    const delivery *what = data;

    /* One that cannot take it is that client's loss. */
    if (socket->state == SOCKET_CONNECTED)
        (void)sio_client_send(socket->client, what->message->packet, what->message->attachments,
                              what->message->attachment_count, what->flags);
}

int sio_local_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    delivery what = { message, target->flags };

    nsp->server->counters.broadcasts++;
    walk_target(nsp, target, deliver, &what);
    return EIO_OK;
}

typedef int send_message(sio_namespace *nsp, const sio_message *message, const sio_target *target);

static int encode_and(send_message *send, sio_namespace *nsp, const sio_target *target,
                      eio_slice name, sio_args args)
{
    sio_encoded packet;
    int rc = sio_packet_encode_event(&packet, sio_namespace_name(nsp), false, 0, name, args);

    if (rc != EIO_OK)
        return rc;
    const sio_message message = { name, args, packet.text, packet.attachments,
                                  packet.attachment_count };
    rc = send(nsp, &message, target == NULL ? &everybody : target);
    eio_buffer_unref(packet.text);
    return rc;
}

int sio_local_emit(sio_namespace *nsp, const sio_target *target, eio_slice name, sio_args args)
{
    return encode_and(sio_local_broadcast, nsp, target, name, args);
}

/* ---- the application's broadcasts ---- */

static int send_by_adapter(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    return nsp->adapter->type->broadcast(nsp->adapter, message, target);
}

int sio_broadcast(sio_namespace *nsp, const sio_target *target, eio_slice name, sio_args args)
{
    return encode_and(send_by_adapter, nsp, target, name, args);
}

int sio_broadcast_from(sio_socket *socket, const sio_target *target, eio_slice name, sio_args args)
{
    const eio_slice id = sio_socket_id(socket);
    sio_target others = target == NULL ? everybody : *target;
    eio_slice *names = NULL;

    if (socket->state == SOCKET_GONE)
        return EIO_E_CLOSED;
    if (others.except.count > 0) {
        names = calloc(others.except.count + 1, sizeof(*names));
        if (names == NULL)
            return EIO_E_NOMEM;
        memcpy(names, others.except.names, others.except.count * sizeof(*names));
        names[others.except.count] = id;
    }
    others.except = (sio_rooms){ names == NULL ? &id : names, others.except.count + 1 };
    int rc = sio_broadcast(socket->nsp, &others, name, args);
    free(names);
    return rc;
}

/* ---- walks ---- */

typedef struct collection {
    sio_socket **sockets; /* a reference each */
    size_t count;
} collection;

static void collect(sio_socket *socket, void *data)
{
    collection *all = data;

    if (socket->state == SOCKET_CONNECTED)
        all->sockets[all->count++] = sio_socket_ref(socket);
}

int sio_each_socket(sio_namespace *nsp, const sio_target *target, sio_visit_cb *visit, void *data)
{
    collection all = { NULL, 0 };
    bool go_on = true;

    if (nsp->count == 0)
        return EIO_OK;
    all.sockets = calloc(nsp->count, sizeof(sio_socket *));
    if (all.sockets == NULL)
        return EIO_E_NOMEM;
    walk_target(nsp, target == NULL ? &everybody : target, collect, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (go_on && all.sockets[i]->state == SOCKET_CONNECTED)
            go_on = visit(all.sockets[i], data);
        sio_socket_unref(all.sockets[i]);
    }
    free(all.sockets);
    return EIO_OK;
}
