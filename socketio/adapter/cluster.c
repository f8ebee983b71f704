#include "socketio/adapter/cluster.h"

#include <stdlib.h>

#include "engineio/net/crypto.h"

/* ---- names ---- */

int sio_cluster_new_id(char out[SIO_CLUSTER_ID_LEN])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[SIO_CLUSTER_ID_LEN / 2];
    int rc = eio_random(bytes, sizeof(bytes));

    if (rc != EIO_OK)
        return rc;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return EIO_OK;
}

static int append(eio_buffer **name, eio_slice part)
{
    int rc = eio_buffer_append(name, part);

    return rc != EIO_OK ? rc : eio_buffer_append(name, EIO_STR("#"));
}

static int name_channel(eio_buffer **out, eio_slice first, eio_slice second)
{
    eio_buffer *name = eio_buffer_new(first.len + second.len + 2);

    if (name == NULL)
        return EIO_E_NOMEM;
    int rc = append(&name, first);
    if (rc == EIO_OK)
        rc = append(&name, second);
    if (rc == EIO_OK)
        *out = name;
    else
        eio_buffer_unref(name);
    return rc;
}

eio_buffer *sio_cluster_channel(const sio_cluster *cluster, eio_slice part)
{
    eio_slice common = eio_buffer_slice(cluster->channel);
    eio_buffer *name = eio_buffer_copy(common);

    if (name != NULL && part.base != NULL && append(&name, part) != EIO_OK) {
        eio_buffer_unref(name);
        return NULL;
    }
    return name;
}

/* ---- life ---- */

void sio_cluster_unref(sio_cluster *cluster)
{
    if (--cluster->refs > 0)
        return;
    eio_buffer_unref(cluster->channel);
    free(cluster);
}

static int listen_to(sio_subscription **out, sio_cluster *cluster, eio_slice part)
{
    sio_subscription_kind kind = cluster->is_sharded ? SIO_SSUBSCRIBE : SIO_SUBSCRIBE;
    eio_buffer *channel = sio_cluster_channel(cluster, part);

    if (channel == NULL)
        return EIO_E_NOMEM;
    int rc = sio_subscriber_add(out, sio_redis_bus_subscriber(cluster->bus), kind,
                                eio_buffer_slice(channel), sio_cluster_receive, cluster);
    eio_buffer_unref(channel);
    return rc;
}

static void set_way(sio_cluster *cluster)
{
    cluster->requests.way = (sio_request_way){
        .bus = cluster->bus,
        .is_sharded = cluster->is_sharded,
        .counted = eio_buffer_slice(cluster->channel),
        .command = cluster->is_sharded ? EIO_STR("SPUBLISH") : EIO_STR("PUBLISH"),
        .channel = eio_buffer_slice(cluster->channel),
    };
}

int sio_cluster_init(sio_cluster *cluster, sio_namespace *nsp, const sio_cluster_carrier *carrier)
{
    const sio_redis_bus_options *options;

    cluster->refs = 1;
    cluster->carrier = carrier;
    cluster->bus = sio_namespace_adapter_data(nsp);
    sio_requests_init(&cluster->requests);
    options = sio_redis_bus_settings(cluster->bus);
    cluster->base.nsp = nsp;
    cluster->base.request_timeout_ms = options->requests_timeout_ms;
    int rc = sio_cluster_new_id(cluster->uid);
    if (rc == EIO_OK)
        rc = name_channel(&cluster->channel, eio_slice_of(options->key), sio_namespace_name(nsp));
    if (rc == EIO_OK)
        rc = listen_to(&cluster->common, cluster, (eio_slice){ NULL, 0 });
    if (rc == EIO_OK)
        rc = listen_to(&cluster->private, cluster, sio_cluster_uid(cluster));
    if (rc != EIO_OK) {
        sio_cluster_close(cluster);
        return rc;
    }
    set_way(cluster);
    return EIO_OK;
}

void sio_cluster_close(sio_cluster *cluster)
{
    cluster->is_closed = true;
    sio_subscription_remove(cluster->common);
    sio_subscription_remove(cluster->private);
    sio_requests_fini(&cluster->requests);
    sio_cluster_unref(cluster);
}

/* ---- messages ---- */

int sio_cluster_publish(sio_cluster *cluster, eio_slice part, const eio_buffer *bytes)
{
    eio_buffer *channel = sio_cluster_channel(cluster, part);

    if (channel == NULL)
        return EIO_E_NOMEM;
    sio_redis_bus_publish(cluster->bus,
                          cluster->is_sharded ? EIO_STR("SPUBLISH") : EIO_STR("PUBLISH"),
                          eio_buffer_slice(channel), eio_buffer_slice(bytes));
    eio_buffer_unref(channel);
    return EIO_OK;
}

void sio_cluster_receive(eio_slice channel, eio_slice bytes, void *data)
{
    sio_cluster *cluster = data;
    sio_cluster_message message;

    sio_redis_bus_count_received(cluster->bus);
    int rc = cluster->carrier->read(&message, bytes);
    if (rc == EIO_OK) {
        rc = sio_cluster_handle(cluster, &message);
        sio_cluster_message_fini(&message);
    }
    if (rc != EIO_OK)
        sio_redis_bus_count_bad(cluster->bus, channel, rc);
}
