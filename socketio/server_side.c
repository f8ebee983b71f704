/* Events between the servers of a cluster: serverSideEmit. */
#include "socketio/gather.h"
#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/workers/siblings.h"

static bool is_reserved(eio_slice name)
{
    return eio_slice_equal(name, SIO_STR("connect")) ||
           eio_slice_equal(name, SIO_STR("connection")) ||
           eio_slice_equal(name, SIO_STR("new_namespace"));
}

int sio_on_server_side(sio_namespace *nsp, eio_slice name, sio_server_event_cb *callback,
                       void *data)
{
    if (is_reserved(name))
        return EIO_E_RESERVED;
    return sio_handlers_add(&nsp->server_events, name,
                            (sio_callback){ .call.on_server_event = callback, .data = data });
}

void sio_here_server_side(sio_namespace *nsp, eio_slice name, sio_args args,
                          sio_server_reply *reply)
{
    const sio_callbacks *list = sio_handlers_find(&nsp->server_events, name);

    if (list == NULL)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        list->items[i].call.on_server_event(nsp, args, reply, list->items[i].data);
}

int sio_server_reply_send(sio_server_reply *reply, sio_args args)
{
    if (reply == NULL || reply->is_sent)
        return EIO_E_STATE;
    reply->is_sent = true;
    reply->send(reply, args);
    return EIO_OK;
}

int sio_server_side_emit(sio_namespace *nsp, eio_slice name, sio_args args)
{
    const sio_adapter_type *type = nsp->adapter->type;

    if (is_reserved(name))
        return EIO_E_RESERVED;
    if (type->server_side != NULL) {
        int rc = type->server_side(nsp->adapter, name, args, NULL);
        if (rc != EIO_OK)
            return rc;
    } else if (nsp->server->member == NULL) {
        sio_server_log(nsp->server, 'w', "server-side event: this adapter knows no other server");
    }
    return sio_siblings_server_side(nsp, name, args, NULL);
}

int sio_server_side_emit_with_ack(sio_namespace *nsp, eio_slice name, sio_args args,
                                  sio_responses_cb *callback, void *data)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;

    if (is_reserved(name))
        return EIO_E_RESERVED;
    int rc = sio_gather_new_responses(&gather, nsp, sio_gather_default_ms(nsp), callback, data);
    if (rc != EIO_OK)
        return rc;
    if (type->server_side != NULL)
        rc = type->server_side(nsp->adapter, name, args, gather);
    if (rc == EIO_OK)
        rc = sio_siblings_server_side(nsp, name, args, gather);
    if (rc != EIO_OK)
        sio_gather_cancel(gather);
    else
        sio_gather_release(gather);
    return rc;
}
