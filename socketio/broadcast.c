#include "socketio/broadcast.h"

#include <stdlib.h>

#include "socketio/emit.h"
#include "socketio/gather.h"
#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/restore.h"
#include "socketio/server.h"
#include "socketio/socket.h"

const sio_target sio_everybody = { .flags = 0 };

/* ---- who is meant ---- */

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

static void walk_room(sio_namespace *nsp, eio_slice name, uint64_t mark, sio_walk_cb *visit,
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

static void walk_all(sio_namespace *nsp, uint64_t mark, sio_walk_cb *visit, void *data)
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

void sio_walk_target(sio_namespace *nsp, const sio_target *target, sio_walk_cb *visit, void *data)
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

/* One that cannot take it is that client's loss. */
static void deliver(sio_socket *socket, void *data)
{
    const delivery *what = data;

    if (socket->state == SOCKET_CONNECTED)
        (void)sio_client_send(socket->client, what->message->packet, what->message->attachments,
                              what->message->attachment_count, what->flags);
}

static void tell_and_deliver(sio_socket *socket, void *data)
{
    const delivery *what = data;

    if (socket->state == SOCKET_CONNECTED)
        sio_socket_tell_outgoing(socket, what->message->name, what->message->args);
    deliver(socket, data);
}

static sio_walk_cb *deliverer_of(const sio_namespace *nsp)
{
    return nsp->outgoing.count > 0 ? tell_and_deliver : deliver;
}

int sio_here_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    delivery what = { message, target->flags };

    nsp->server->counters.broadcasts++;
    sio_walk_target(nsp, target, deliverer_of(nsp), &what);
    if (nsp->returning != NULL)
        sio_restore_hold(nsp, message, target);
    return EIO_OK;
}

/* ---- the same, with an acknowledgement from each ---- */

typedef struct asking {
    delivery what;
    sio_walk_cb *deliver;
    uint64_t id;
    sio_gather *gather;
} asking;

static void handle_answer(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)socket;
    if (status == EIO_OK) /* of who left no answer comes any more: time will tell */
        sio_gather_add_response(data, args);
}

static void ask(sio_socket *socket, void *data)
{
    asking *question = data;

    if (socket->state != SOCKET_CONNECTED ||
        sio_acks_add_sibling(socket, question->id, &question->gather->siblings, handle_answer,
                             question->gather) != EIO_OK)
        return;
    sio_gather_expect(question->gather, 1);
    question->deliver(socket, &question->what);
}

/* ---- encoding ---- */

typedef int send_message(sio_namespace *nsp, const sio_message *message, const sio_target *target);

static sio_message message_of(const sio_encoded *packet, eio_slice name, sio_args args)
{
    return (sio_message){ .name = name,
                          .args = args,
                          .packet = packet->text,
                          .attachments = packet->attachments,
                          .attachment_count = packet->attachment_count };
}

static int encode_and(send_message *send, sio_namespace *nsp, const sio_target *target,
                      eio_slice name, sio_args args)
{
    sio_encoded packet;

    if (target == NULL)
        target = &sio_everybody;
    int rc = sio_encode_event(&packet, nsp, target, name, args);
    if (rc != EIO_OK)
        return rc;
    const sio_message message = message_of(&packet, name, args);
    rc = send(nsp, &message, target);
    eio_buffer_unref(packet.text);
    return rc;
}

int sio_local_emit(sio_namespace *nsp, const sio_target *target, eio_slice name, sio_args args)
{
    return encode_and(sio_local_broadcast, nsp, target, name, args);
}

int sio_local_emit_with_offset(sio_namespace *nsp, const sio_target *target, eio_slice name,
                               sio_args args, eio_slice offset)
{
    sio_encoded packet;

    if (offset.base == NULL)
        return sio_local_emit(nsp, target, name, args);
    int rc = sio_encode_with_offset(&packet, nsp, name, args, offset);
    if (rc != EIO_OK)
        return rc;
    const sio_message message = message_of(&packet, name, args);
    rc = sio_local_broadcast(nsp, &message, target);
    eio_buffer_unref(packet.text);
    return rc;
}

int sio_here_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                           sio_args args, sio_gather *gather)
{
    sio_encoded packet;
    uint64_t id = nsp->next_ack_id;
    int rc =
        nsp->server->parser->encode_event(&packet, sio_namespace_name(nsp), true, id, name, args);

    if (rc != EIO_OK)
        return rc;
    nsp->next_ack_id++;
    const sio_message message = message_of(&packet, name, args);
    asking question = { { &message, target->flags }, deliverer_of(nsp), id, gather };
    nsp->server->counters.broadcasts++;
    sio_walk_target(nsp, target, ask, &question);
    eio_buffer_unref(packet.text);
    return EIO_OK;
}

/* ---- the application's broadcasts ---- */

static int send_by_adapter(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    return nsp->adapter->type->broadcast(nsp->adapter, message, target);
}

static int broadcast_to_children(sio_namespace *parent, const sio_target *target, eio_slice name,
                                 sio_args args)
{
    size_t at = 0;
    sio_namespace *nsp;
    int rc = EIO_OK;

    while (rc == EIO_OK && (nsp = eio_table_next(&parent->server->namespaces, &at)) != NULL) {
        if (nsp->parent == parent)
            rc = encode_and(sio_local_broadcast, nsp, target, name, args);
    }
    return rc;
}

int sio_broadcast(sio_namespace *nsp, const sio_target *target, eio_slice name, sio_args args)
{
    if (nsp->is_parent)
        return broadcast_to_children(nsp, target, name, args);
    return encode_and(send_by_adapter, nsp, target, name, args);
}

/* A target that leaves this socket out as well; names: own heap, or NULL. */
static int add_except(sio_target *out, eio_slice **names, const eio_slice *id,
                      const sio_target *target)
{
    *out = target == NULL ? sio_everybody : *target;
    *names = NULL;
    if (out->except.count > 0) {
        *names = calloc(out->except.count + 1, sizeof(**names));
        if (*names == NULL)
            return EIO_E_NOMEM;
        memcpy(*names, out->except.names, out->except.count * sizeof(**names));
        (*names)[out->except.count] = *id;
    }
    out->except = (sio_rooms){ *names == NULL ? id : *names, out->except.count + 1 };
    return EIO_OK;
}

int sio_broadcast_from(sio_socket *socket, const sio_target *target, eio_slice name, sio_args args)
{
    const eio_slice id = sio_socket_id(socket);
    sio_target others;
    eio_slice *names;

    if (socket->state == SOCKET_GONE)
        return EIO_E_CLOSED;
    int rc = add_except(&others, &names, &id, target);
    if (rc == EIO_OK)
        rc = sio_broadcast(socket->nsp, &others, name, args);
    free(names);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): one call, as with Node */
int sio_broadcast_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                           sio_args args, uint64_t timeout_ms, sio_responses_cb *callback,
                           void *data)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;

    if (timeout_ms == 0)
        return EIO_E_INVALID;
    if (nsp->is_parent)
        return EIO_E_UNSUPPORTED;
    int rc = sio_gather_new_responses(&gather, nsp, timeout_ms, callback, data);
    if (rc != EIO_OK)
        return rc;
    if (target == NULL)
        target = &sio_everybody;
    if (type->emit_with_ack == NULL || (target->flags & SIO_LOCAL) != 0)
        rc = sio_local_emit_with_ack(nsp, target, name, args, gather);
    else
        rc = type->emit_with_ack(nsp->adapter, target, name, args, timeout_ms, gather);
    return sio_gather_asked(gather, rc);
}

/* NOLINTNEXTLINE(readability-function-size): one call, as with Node */
int sio_broadcast_from_with_ack(sio_socket *socket, const sio_target *target, eio_slice name,
                                sio_args args, uint64_t timeout_ms, sio_responses_cb *callback,
                                void *data)
{
    const eio_slice id = sio_socket_id(socket);
    sio_target others;
    eio_slice *names;

    if (socket->state == SOCKET_GONE)
        return EIO_E_CLOSED;
    int rc = add_except(&others, &names, &id, target);
    if (rc == EIO_OK)
        rc = sio_broadcast_with_ack(socket->nsp, &others, name, args, timeout_ms, callback, data);
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
    sio_walk_target(nsp, target == NULL ? &sio_everybody : target, collect, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (go_on && all.sockets[i]->state == SOCKET_CONNECTED)
            go_on = visit(all.sockets[i], data);
        sio_socket_unref(all.sockets[i]);
    }
    free(all.sockets);
    return EIO_OK;
}
