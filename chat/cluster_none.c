#include "chat/cluster.h"

int chat_cluster_join(sio_redis_bus **out, sio_options *options, const chat_host *host,
                      const char *key, eio_error *why)
{
    (void)out;
    (void)options;
    (void)host;
    (void)key;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "this chatd was built without Redis");
}

int chat_cluster_forward(sio_redis_bus *bus, sio_server *io, eio_error *why)
{
    (void)bus;
    (void)io;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "this chatd was built without Redis");
}

void chat_cluster_leave(sio_redis_bus *bus, void (*on_closed)(void *data), void *data)
{
    (void)bus;
    on_closed(data);
}
