#include "socketio/listeners.h"

#include "socketio/namespace.h"
#include "socketio/socket.h"

static sio_callback for_event(sio_event_cb *callback, void *data)
{
    return (sio_callback){ .call.on_event = callback, .data = data };
}

static sio_callback for_outgoing(sio_outgoing_cb *callback, void *data)
{
    return (sio_callback){ .call.on_outgoing = callback, .data = data };
}

static void remove_named(const sio_handlers *events, eio_slice name, sio_callback callback)
{
    sio_callbacks *list = sio_handlers_find(events, name);

    if (list != NULL)
        sio_callbacks_remove(list, callback);
}

void sio_off(sio_namespace *nsp, eio_slice name, sio_event_cb *callback, void *data)
{
    remove_named(&nsp->events, name, for_event(callback, data));
}

void sio_socket_off(sio_socket *socket, eio_slice name, sio_event_cb *callback, void *data)
{
    if (socket->extra != NULL)
        remove_named(&socket->extra->events, name, for_event(callback, data));
}

void sio_off_any(sio_namespace *nsp, sio_event_cb *callback, void *data)
{
    sio_callbacks_remove(&nsp->any, for_event(callback, data));
}

void sio_off_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data)
{
    sio_callbacks_remove(&nsp->outgoing, for_outgoing(callback, data));
}

int sio_prepend_any(sio_namespace *nsp, sio_event_cb *callback, void *data)
{
    return sio_callbacks_prepend(&nsp->any, for_event(callback, data));
}

int sio_prepend_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data)
{
    return sio_callbacks_prepend(&nsp->outgoing, for_outgoing(callback, data));
}
