#include "socketio/namespace.h"
#include "socketio/protocol4.h"
#include "socketio/server.h"
#include "socketio/socket.h"

/* Call one; whether it has passed the socket on by the time it returns. */
static bool call_next(sio_socket *socket)
{
    const sio_callback callback = socket->nsp->middlewares.items[socket->step++];

    socket->verdict = VERDICT_AWAITED;
    callback.call.middleware(socket, callback.data);
    return socket->verdict == VERDICT_PASSED;
}

void sio_middleware_run(sio_socket *socket)
{
    bool passed = true;

    sio_socket_ref(socket);
    socket->in_chain = true;
    while (passed && socket->state == SOCKET_JOINING &&
           socket->step < socket->nsp->middlewares.count)
        passed = call_next(socket);
    socket->in_chain = false;
    if (passed && socket->state == SOCKET_JOINING) {
        socket->verdict = VERDICT_NONE;
        sio_socket_connect(socket);
    }
    sio_socket_unref(socket);
}

static void refuse(sio_socket *socket, const sio_refusal *error)
{
    const sio_parser *parser = socket->nsp->server->parser;
    eio_buffer *packet = NULL;

    socket->nsp->server->counters.refused++;
    if (sio_client_has_protocol4(socket->client))
        (void)parser->encode_error4(&packet, sio_namespace_name(socket->nsp), error->message,
                                    error->data);
    else
        (void)parser->encode_connect_error(&packet, sio_namespace_name(socket->nsp), error->message,
                                           error->data);
    (void)sio_client_send_packet(socket->client, packet);
    sio_socket_drop(socket);
}

int sio_next(sio_socket *socket, const sio_refusal *error)
{
    if (socket->state != SOCKET_JOINING || socket->verdict != VERDICT_AWAITED)
        return EIO_E_STATE;
    socket->verdict = VERDICT_PASSED;
    if (error != NULL)
        refuse(socket, error);
    else if (!socket->in_chain)
        sio_server_schedule(socket->nsp->server, socket); /* the others are called from the loop */
    return EIO_OK;
}
