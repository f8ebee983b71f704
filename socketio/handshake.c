#include "socketio/namespace.h"
#include "socketio/packet.h"
#include "socketio/socket.h"

eio_slice sio_socket_id(const sio_socket *socket)
{
    if (socket->extra != NULL && socket->extra->id != NULL)
        return eio_buffer_slice(socket->extra->id);
    return (eio_slice){ socket->id, sizeof(socket->id) };
}

sio_namespace *sio_socket_namespace(const sio_socket *socket)
{
    return socket->nsp;
}

bool sio_socket_is_connected(const sio_socket *socket)
{
    return socket->state == SOCKET_CONNECTED;
}

bool sio_socket_is_recovered(const sio_socket *socket)
{
    return socket->extra != NULL && socket->extra->recovery.is_recovered;
}

eio_session *sio_socket_session(const sio_socket *socket)
{
    return socket->client->state == CLIENT_CLOSED ? NULL : socket->client->session;
}

void sio_socket_set_data(sio_socket *socket, void *data, void (*destroy)(void *data))
{
    void (*old_destroy)(void *) = socket->destroy;
    void *old = socket->data;

    socket->data = data;
    socket->destroy = destroy;
    if (old_destroy != NULL)
        old_destroy(old);
}

void *sio_socket_data(const sio_socket *socket)
{
    return socket->data;
}

int sio_socket_on(sio_socket *socket, eio_slice name, sio_event_cb *callback, void *data)
{
    if (sio_event_name_is_reserved(name))
        return EIO_E_RESERVED;
    sio_socket_extra *extra = sio_socket_need_extra(socket);
    if (extra == NULL)
        return EIO_E_NOMEM;
    return sio_handlers_add(&extra->events, name,
                            (sio_callback){ .call.on_event = callback, .data = data });
}

/* ---- what the client said at first ---- */

eio_slice sio_socket_auth(const sio_socket *socket)
{
    if (socket->extra == NULL || socket->extra->auth == NULL)
        return SIO_STR("{}");
    return eio_buffer_slice(socket->extra->auth);
}

eio_slice sio_socket_address(const sio_socket *socket)
{
    return eio_session_address(socket->client->session);
}

bool sio_socket_is_secure(const sio_socket *socket)
{
    return eio_session_is_secure(socket->client->session);
}

eio_slice sio_socket_url(const sio_socket *socket)
{
    return eio_session_url(socket->client->session);
}

eio_slice sio_socket_query(const sio_socket *socket)
{
    return eio_session_query(socket->client->session);
}

uint64_t sio_socket_issued_ms(const sio_socket *socket)
{
    return socket->client->issued_ms;
}

bool sio_socket_is_xdomain(const sio_socket *socket)
{
    return sio_socket_header(socket, "origin").base != NULL;
}

eio_slice sio_socket_header(const sio_socket *socket, const char *name)
{
    return eio_session_header(socket->client->session, name);
}

bool sio_socket_header_at(const sio_socket *socket, size_t index, eio_slice *name, eio_slice *value)
{
    return eio_session_header_at(socket->client->session, index, name, value);
}
