#include <stdlib.h>

#include "socketio/adapter.h"

static int open_memory(sio_adapter **out, sio_namespace *nsp)
{
    sio_adapter *adapter = calloc(1, sizeof(*adapter));

    (void)nsp;
    if (adapter == NULL)
        return EIO_E_NOMEM;
    *out = adapter;
    return EIO_OK;
}

static void close_memory(sio_adapter *adapter)
{
    free(adapter);
}

static int broadcast_memory(sio_adapter *adapter, const sio_message *message,
                            const sio_target *target)
{
    return sio_local_broadcast(adapter->nsp, message, target);
}

const sio_adapter_type sio_adapter_memory = {
    .name = "memory",
    .open = open_memory,
    .close = close_memory,
    .broadcast = broadcast_memory,
};
