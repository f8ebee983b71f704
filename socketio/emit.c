#include "socketio/emit.h"

#include <stdlib.h>

#include "socketio/namespace.h"
#include "socketio/restore.h"
#include "socketio/server.h"
#include "socketio/socket.h"

int sio_encode_event(sio_encoded *out, sio_namespace *nsp, const sio_target *target, eio_slice name,
                     sio_args args)
{
    if (nsp->recovery == NULL || (target->flags & SIO_VOLATILE) != 0)
        return nsp->server->parser->encode_event(out, sio_namespace_name(nsp), false, 0, name,
                                                 args);
    return sio_recovery_encode(nsp->recovery, out, target, name, args);
}

int sio_encode_with_offset(sio_encoded *out, sio_namespace *nsp, eio_slice name, sio_args args,
                           eio_slice offset)
{
    eio_slice *json = malloc((args.count + 1) * sizeof(*json) + offset.len + 2);

    if (json == NULL)
        return EIO_E_NOMEM;
    char *text = (char *)(json + args.count + 1);
    if (args.count > 0)
        memcpy(json, args.json, args.count * sizeof(*json));
    text[0] = '"';
    memcpy(text + 1, offset.base, offset.len);
    text[offset.len + 1] = '"';
    json[args.count] = (eio_slice){ text, offset.len + 2 };
    args.json = json;
    args.count++;
    int rc = nsp->server->parser->encode_event(out, sio_namespace_name(nsp), false, 0, name, args);
    free(json);
    return rc;
}

static int send_encoded(sio_socket *socket, sio_encoded *packet, unsigned flags)
{
    int rc = sio_client_send(socket->client, packet->text, packet->attachments,
                             packet->attachment_count, flags);

    eio_buffer_unref(packet->text);
    return rc;
}

/* Apart from what every emit does: few applications listen. */
__attribute__((noinline)) void sio_socket_tell_outgoing(sio_socket *socket, eio_slice name,
                                                        sio_args args)
{
    sio_callback listener;
    sio_walk walk;

    if (socket->nsp->outgoing.count == 0)
        return;
    sio_walk_begin(&walk, &socket->nsp->outgoing);
    while (sio_walk_next(&walk, &listener))
        listener.call.on_outgoing(socket, name, args, listener.data);
    sio_walk_end(&walk);
}

/* Where events are kept for those who come back, and so kept out of the short way: to the room of the socket's own. */
__attribute__((noinline)) static int emit_to_own_room(sio_socket *socket, eio_slice name,
                                                      sio_args args, unsigned flags)
{
    const eio_slice id = sio_socket_id(socket);
    const sio_target target = { .rooms = { &id, 1 }, .flags = flags };

    return sio_broadcast(socket->nsp, &target, name, args);
}

__attribute__((noinline)) static int encode_for_own_room(sio_encoded *out, sio_socket *socket,
                                                         eio_slice name, sio_args args,
                                                         unsigned flags)
{
    const eio_slice id = sio_socket_id(socket);
    const sio_target target = { .rooms = { &id, 1 }, .flags = flags };

    return sio_encode_event(out, socket->nsp, &target, name, args);
}

int sio_emit_with(sio_socket *socket, eio_slice name, sio_args args, unsigned flags)
{
    sio_namespace *nsp = socket->nsp;
    sio_encoded packet;

    if (!sio_socket_is_live(socket))
        return EIO_E_CLOSED;
    if (socket->state == SOCKET_CONNECTED && sio_namespace_restores(nsp))
        return emit_to_own_room(socket, name, args, flags);
    int rc = EIO_OK;
    if (nsp->recovery == NULL || socket->state == SOCKET_JOINING) /* which has missed nothing yet */
        rc = nsp->server->parser->encode_event(&packet, sio_namespace_name(nsp), false, 0, name,
                                               args);
    else
        rc = encode_for_own_room(&packet, socket, name, args, flags);
    if (rc != EIO_OK)
        return rc;
    if (nsp->outgoing.count > 0)
        sio_socket_tell_outgoing(socket, name, args);
    return send_encoded(socket, &packet, flags);
}

int sio_emit(sio_socket *socket, eio_slice name, sio_args args)
{
    return sio_emit_with(socket, name, args, 0);
}

int sio_emit_with_ack(sio_socket *socket, eio_slice name, sio_args args, uint64_t timeout_ms,
                      sio_ack_cb *callback, void *data)
{
    sio_namespace *nsp = socket->nsp;
    sio_encoded packet;

    if (!sio_socket_is_live(socket))
        return EIO_E_CLOSED;
    uint64_t id = nsp->next_ack_id;
    int rc =
        nsp->server->parser->encode_event(&packet, sio_namespace_name(nsp), true, id, name, args);
    if (rc != EIO_OK)
        return rc;
    rc = sio_acks_add(socket, id, timeout_ms, callback, data);
    if (rc != EIO_OK) {
        eio_buffer_unref(packet.text);
        return rc;
    }
    nsp->next_ack_id++;
    sio_socket_tell_outgoing(socket, name, args);
    rc = send_encoded(socket, &packet, 0);
    if (rc != EIO_OK)
        sio_acks_cancel(socket, id);
    return rc;
}

int sio_socket_send_ack(sio_socket *socket, uint64_t id, sio_args args)
{
    sio_encoded packet;

    if (!sio_socket_is_live(socket))
        return EIO_E_CLOSED;
    const sio_parser *parser = socket->nsp->server->parser;
    int rc = parser->encode_ack(&packet, sio_namespace_name(socket->nsp), id, args);
    return rc != EIO_OK ? rc : send_encoded(socket, &packet, 0);
}
