#include "chat/cluster.h"

#include <stdio.h>

#include "chat/store/place.h"
#include "socketio/workers.h"

static void log_bus(sio_redis_bus *bus, char level, const char *line, void *data)
{
    (void)bus;
    (void)data;
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

int chat_cluster_join(sio_redis_bus **out, sio_options *options, const chat_host *host,
                      const char *key, eio_error *why)
{
    sio_redis_bus_options bus;
    char channel[400];

    options->adapter = &sio_adapter_redis;
    /* Worker 0 speaks for all, but each forwards by itself. */
    if (host->worker != NULL && sio_worker_index(host->worker) > 0 && !host->options->forward)
        return EIO_OK;
    (void)snprintf(channel, sizeof(channel), "%.256s%s:%s", host->options->key_prefix, key,
                   chat_place_database(host->options));
    sio_redis_bus_options_init(&bus);
    bus.redis.url = host->options->redis_url;
    bus.redis.tls_ca_file = host->options->redis_ca;
    bus.redis.name = "chatd";
    bus.key = channel;
    bus.on_log = log_bus;
    int rc = sio_redis_bus_new(out, host->loop, &bus, why);
    options->adapter_data = rc == EIO_OK ? *out : NULL;
    return rc;
}

int chat_cluster_forward(sio_redis_bus *bus, sio_server *io, eio_error *why)
{
    sio_forwarder *forwarder; /* goes with the server */
    int rc = sio_forwarder_new(&forwarder, sio_server_engine(io), bus, NULL);

    return rc == EIO_OK ? rc : eio_error_set(why, rc, "--forward: %s", eio_strerror(rc));
}

void chat_cluster_leave(sio_redis_bus *bus, void (*on_closed)(void *data), void *data)
{
    if (bus != NULL)
        sio_redis_bus_close(bus, on_closed, data);
    else
        on_closed(data);
}
