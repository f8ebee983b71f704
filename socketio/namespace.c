#include "socketio/namespace.h"

#include <stdlib.h>

#include "socketio/packet.h"
#include "socketio/rooms.h"
#include "socketio/server.h"
#include "socketio/socket.h"
#include "socketio/workers/siblings.h"

enum { FIRST_SOCKETS = 8 };

eio_slice sio_namespace_key(const void *item)
{
    return sio_namespace_name(item);
}

static eio_slice key_of_socket(const void *item)
{
    return sio_socket_id(item);
}

int sio_namespace_new(sio_namespace **out, sio_server *server, const sio_adapter_type *type,
                      eio_slice name)
{
    sio_namespace *nsp = calloc(1, sizeof(*nsp) + name.len);

    if (nsp == NULL)
        return EIO_E_NOMEM;
    nsp->server = server;
    nsp->name_len = name.len;
    memcpy(nsp->name, name.base, name.len);
    eio_table_init(&nsp->by_id, key_of_socket);
    sio_rooms_init(&nsp->rooms);
    sio_acks_init(&nsp->acks);
    int rc = EIO_OK;
    if (server->recovery.max_disconnection_ms > 0 && type->restore_session == NULL)
        rc = sio_recovery_new(&nsp->recovery, nsp);
    if (rc == EIO_OK)
        rc = type->open(&nsp->adapter, nsp);
    if (rc != EIO_OK) {
        sio_namespace_free(nsp);
        return rc;
    }
    nsp->adapter->type = type;
    nsp->adapter->nsp = nsp;
    *out = nsp;
    return EIO_OK;
}

void sio_namespace_free(sio_namespace *nsp)
{
    if (nsp == NULL)
        return;
    if (nsp->adapter != NULL)
        nsp->adapter->type->close(nsp->adapter);
    sio_recovery_free(nsp->recovery);
    eio_table_fini(&nsp->by_id);
    sio_rooms_fini(&nsp->rooms);
    eio_table_fini(&nsp->acks);
    sio_handlers_fini(&nsp->events);
    sio_handlers_fini(&nsp->server_events);
    sio_callbacks_fini(&nsp->middlewares);
    sio_callbacks_fini(&nsp->connection);
    sio_callbacks_fini(&nsp->disconnecting);
    sio_callbacks_fini(&nsp->disconnect);
    sio_callbacks_fini(&nsp->error);
    sio_callbacks_fini(&nsp->any);
    sio_callbacks_fini(&nsp->filters);
    sio_callbacks_fini(&nsp->outgoing);
    sio_callbacks_fini(&nsp->room);
    eio_buffer_unref(nsp->pattern);
    free(nsp->sockets);
    free(nsp);
}

int sio_namespace_inherit(sio_namespace *child, sio_namespace *parent)
{
    int rc = sio_callbacks_copy(&child->middlewares, &parent->middlewares);

    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->connection, &parent->connection);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->disconnecting, &parent->disconnecting);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->disconnect, &parent->disconnect);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->error, &parent->error);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->any, &parent->any);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->filters, &parent->filters);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->outgoing, &parent->outgoing);
    if (rc == EIO_OK)
        rc = sio_callbacks_copy(&child->room, &parent->room);
    if (rc == EIO_OK)
        rc = sio_handlers_copy(&child->events, &parent->events);
    if (rc == EIO_OK)
        rc = sio_handlers_copy(&child->server_events, &parent->server_events);
    child->parent = parent;
    return rc;
}

static int resize(sio_namespace *nsp, uint32_t capacity)
{
    sio_socket **sockets = realloc(nsp->sockets, capacity * sizeof(sio_socket *));

    if (sockets == NULL)
        return EIO_E_NOMEM;
    nsp->sockets = sockets;
    nsp->capacity = capacity;
    return EIO_OK;
}

int sio_namespace_add(sio_namespace *nsp, sio_socket *socket)
{
    int rc = EIO_OK;

    if (nsp->count == nsp->capacity)
        rc = resize(nsp, nsp->capacity == 0 ? FIRST_SOCKETS : nsp->capacity * 2);
    if (rc == EIO_OK)
        rc = eio_table_add(&nsp->by_id, socket);
    if (rc != EIO_OK)
        return rc;
    socket->index = nsp->count;
    nsp->sockets[nsp->count++] = socket;
    return EIO_OK;
}

void sio_namespace_remove(sio_namespace *nsp, sio_socket *socket)
{
    sio_socket *last = nsp->sockets[--nsp->count];

    nsp->sockets[socket->index] = last;
    last->index = socket->index;
    eio_table_remove(&nsp->by_id, socket);
    if (nsp->capacity > FIRST_SOCKETS && nsp->count <= nsp->capacity / 4)
        (void)resize(nsp, nsp->capacity / 2); /* no memory: it stays large */
}

/* ---- what the application registers ---- */

int sio_on_connection(sio_namespace *nsp, sio_connection_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->connection,
                             (sio_callback){ .call.on_connection = callback, .data = data });
}

int sio_on_disconnecting(sio_namespace *nsp, sio_disconnect_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->disconnecting,
                             (sio_callback){ .call.on_disconnect = callback, .data = data });
}

int sio_on_disconnect(sio_namespace *nsp, sio_disconnect_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->disconnect,
                             (sio_callback){ .call.on_disconnect = callback, .data = data });
}

int sio_on_error(sio_namespace *nsp, sio_error_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->error,
                             (sio_callback){ .call.on_error = callback, .data = data });
}

int sio_on_any(sio_namespace *nsp, sio_event_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->any, (sio_callback){ .call.on_event = callback, .data = data });
}

int sio_on_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->outgoing,
                             (sio_callback){ .call.on_outgoing = callback, .data = data });
}

int sio_on(sio_namespace *nsp, eio_slice name, sio_event_cb *callback, void *data)
{
    if (sio_event_name_is_reserved(name))
        return EIO_E_RESERVED;
    return sio_handlers_add(&nsp->events, name,
                            (sio_callback){ .call.on_event = callback, .data = data });
}

int sio_use(sio_namespace *nsp, sio_middleware_cb *callback, void *data)
{
    return sio_callbacks_add(&nsp->middlewares,
                             (sio_callback){ .call.middleware = callback, .data = data });
}

/* ---- accessors ---- */

eio_slice sio_namespace_name(const sio_namespace *nsp)
{
    return (eio_slice){ nsp->name, nsp->name_len };
}

sio_server *sio_namespace_server(const sio_namespace *nsp)
{
    return nsp->server;
}

size_t sio_namespace_count(const sio_namespace *nsp)
{
    return nsp->count - nsp->leaving;
}

sio_socket *sio_namespace_find(const sio_namespace *nsp, eio_slice id)
{
    sio_socket *socket = eio_table_find(&nsp->by_id, id);

    return socket != NULL && socket->state == SOCKET_CONNECTED ? socket : NULL;
}

sio_adapter *sio_namespace_adapter(const sio_namespace *nsp)
{
    return nsp->adapter;
}

void *sio_namespace_adapter_data(const sio_namespace *nsp)
{
    return nsp->server->adapter_data;
}

bool sio_local_has_room(const sio_namespace *nsp, eio_slice room)
{
    const sio_socket *own = eio_table_find(&nsp->by_id, room);

    /* What the other workers have nobody here knows: they are asked, and find nobody. */
    return (own != NULL && own->in_own_room) || sio_rooms_find(&nsp->rooms, room) != NULL ||
           sio_siblings_are_there(nsp);
}
