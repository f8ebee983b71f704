/* A member of a cluster: --redis URL --adapter NAME. */
#include <stdio.h>
#include <string.h>

#include "socketio/adapter.h"
#include "socketio/redis.h"
#include "tests/testbed/testbed.h"

typedef struct adapter_row {
    const char *name;
    const sio_adapter_type *type; /* NULL: not there yet */
} adapter_row;

static const adapter_row adapters[] = {
    { "redis", &sio_adapter_redis },
    { "redis-sharded", &sio_adapter_redis_sharded },
    { "redis-streams", &sio_adapter_redis_streams },
};

static const sio_adapter_type *find_adapter(const char *name)
{
    for (size_t i = 0; i < sizeof(adapters) / sizeof(*adapters); i++) {
        if (name == NULL || strcmp(adapters[i].name, name) == 0)
            return adapters[i].type;
    }
    return NULL;
}

static void log_line(sio_redis_bus *bus, char level, const char *line, void *data)
{
    (void)bus;
    (void)data;
    if (level != 'd')
        fprintf(stderr, "testbed: %s\n", line);
}

int testbed_redis_open(testbed *bed, sio_options *options, eio_error *why)
{
    const sio_redis_streams_options streams = { .stream_count = bed->options.stream_count };
    sio_redis_bus_options bus_options;

    if (bed->options.redis == NULL)
        return EIO_OK;
    options->adapter = find_adapter(bed->options.adapter);
    if (options->adapter == NULL)
        return eio_error_set(why, EIO_E_UNSUPPORTED, "--adapter %s: not there yet",
                             bed->options.adapter);
    /* Worker 0 speaks for all, but each forwards by itself. */
    const bool is_hub = bed->worker == NULL || sio_worker_index(bed->worker) == 0;
    if (!is_hub && !bed->options.forward)
        return EIO_OK;
    sio_redis_bus_options_init(&bus_options);
    bus_options.redis.url = bed->options.redis;
    bus_options.on_log = log_line;
    if (bed->options.redis_key != NULL)
        bus_options.key = bed->options.redis_key;
    bus_options.publish_on_specific_response_channel = bed->options.private_answers;
    if (is_hub && options->adapter == &sio_adapter_redis_streams)
        bus_options.streams = &streams;
    int rc = sio_redis_bus_new(&bed->bus, bed->loop, &bus_options, why);
    options->adapter_data = bed->bus;
    return rc;
}

static int forward(testbed *bed, eio_server *engine)
{
    sio_forwarder *forwarder;

    return engine == NULL ? EIO_OK : sio_forwarder_new(&forwarder, engine, bed->bus, NULL);
}

int testbed_forward(testbed *bed, eio_error *why)
{
    int rc = EIO_OK;

    if (bed->options.forward)
        rc = forward(bed, sio_server_engine(bed->io));
    if (bed->options.forward && rc == EIO_OK)
        rc = forward(bed, bed->engine);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "--forward: %s", eio_strerror(rc));
}

void testbed_redis_close(testbed *bed, void (*on_closed)(void *data), void *data)
{
    if (bed->bus == NULL)
        on_closed(data);
    else
        sio_redis_bus_close(bed->bus, on_closed, data);
}

const char *testbed_redis_trouble(const testbed *bed)
{
    return bed->bus == NULL ? NULL : sio_redis_bus_trouble(bed->bus);
}
