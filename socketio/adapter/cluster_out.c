/* What this server tells and asks the others, and their answers. */
#include "socketio/adapter/cluster.h"
#include "socketio/adapter/found.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"

static sio_cluster *cluster_of(sio_adapter *adapter)
{
    return (sio_cluster *)(void *)adapter;
}

static sio_cluster_outgoing outgoing_of(sio_cluster_type type, const sio_writer *data,
                                        sio_args args)
{
    return (sio_cluster_outgoing){ .type = type,
                                   .data = data,
                                   .attachments = args.attachments,
                                   .attachment_count = args.attachment_count };
}

/* ---- what wants no answer: done here at once, without waiting for Redis ---- */

/* data: done with. */
static int tell(sio_adapter *adapter, const sio_cluster_outgoing *message, sio_writer *data)
{
    sio_cluster *cluster = cluster_of(adapter);
    int rc = cluster->carrier->send(cluster, message);

    sio_writer_fini(data);
    return rc;
}

int sio_cluster_tell_event(sio_cluster *cluster, const sio_target *target, eio_slice name,
                           sio_args args)
{
    const sio_cluster_question none = { .timeout_ms = 0 };
    sio_writer data = { .json = NULL };

    sio_cluster_write_broadcast(&data, target, name, args, &none);
    sio_cluster_outgoing message = outgoing_of(SIO_CLUSTER_BROADCAST, &data, args);
    message.target = target;
    return tell(&cluster->base, &message, &data);
}

int sio_cluster_broadcast(sio_adapter *adapter, const sio_message *message,
                          const sio_target *target)
{
    int rc = sio_local_broadcast(adapter->nsp, message, target);

    if (rc != EIO_OK || (target->flags & SIO_LOCAL) != 0)
        return rc;
    return sio_cluster_tell_event(cluster_of(adapter), target, message->name, message->args);
}

static int tell_rooms(sio_adapter *adapter, sio_cluster_type type, const sio_target *target,
                      sio_rooms rooms)
{
    sio_writer data = { .json = NULL };

    sio_cluster_write_rooms(&data, target, rooms);
    const sio_cluster_outgoing message = outgoing_of(type, &data, SIO_NO_ARGS);
    return tell(adapter, &message, &data);
}

int sio_cluster_join(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    int rc = tell_rooms(adapter, SIO_CLUSTER_JOIN, target, rooms);

    return rc != EIO_OK ? rc : sio_local_join(adapter->nsp, target, rooms);
}

int sio_cluster_leave(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    int rc = tell_rooms(adapter, SIO_CLUSTER_LEAVE, target, rooms);

    return rc != EIO_OK ? rc : sio_local_leave(adapter->nsp, target, rooms);
}

int sio_cluster_disconnect(sio_adapter *adapter, const sio_target *target, bool close)
{
    sio_writer data = { .json = NULL };

    sio_cluster_write_disconnect(&data, target, close);
    const sio_cluster_outgoing message = outgoing_of(SIO_CLUSTER_DISCONNECT, &data, SIO_NO_ARGS);
    int rc = tell(adapter, &message, &data);
    return rc != EIO_OK ? rc : sio_local_disconnect(adapter->nsp, target, close);
}

/* ---- asking ---- */

/* data: done with. at_once: before the members are counted. */
static int ask(sio_cluster *cluster, const sio_cluster_outgoing *message, sio_writer *data,
               eio_slice id, sio_gather *gather)
{
    sio_request_kind kind = message->type == SIO_CLUSTER_FETCH         ? SIO_REQUEST_FETCH
                            : message->type == SIO_CLUSTER_SERVER_SIDE ? SIO_REQUEST_REPLIES
                                                                       : SIO_REQUEST_ACKS;
    eio_buffer *bytes;
    int rc = cluster->carrier->encode(&bytes, message, sio_cluster_uid(cluster),
                                      sio_namespace_name(cluster->base.nsp));

    sio_writer_fini(data);
    if (rc != EIO_OK)
        return rc;
    return sio_request_ask(&cluster->requests, kind, id, gather, bytes, kind == SIO_REQUEST_ACKS);
}

static int ask_for_sockets(sio_adapter *adapter, const sio_target *target, sio_gather *gather,
                           bool only_count)
{
    char id[SIO_CLUSTER_ID_LEN];
    const eio_slice request_id = { id, sizeof(id) };
    sio_writer data = { .json = NULL };

    int rc = sio_cluster_new_id(id);
    if (rc == EIO_OK)
        rc = only_count ? sio_local_count(adapter->nsp, target, gather)
                        : sio_local_fetch(adapter->nsp, target, gather);
    if (rc != EIO_OK)
        return rc;
    sio_cluster_write_fetch(&data, target, request_id, only_count);
    const sio_cluster_outgoing message = outgoing_of(SIO_CLUSTER_FETCH, &data, SIO_NO_ARGS);
    return ask(cluster_of(adapter), &message, &data, request_id, gather);
}

int sio_cluster_fetch(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    return ask_for_sockets(adapter, target, gather, false);
}

int sio_cluster_count(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    return ask_for_sockets(adapter, target, gather, true);
}

int sio_cluster_emit_with_ack(sio_adapter *adapter, const sio_target *target, eio_slice name,
                              sio_args args, uint64_t timeout_ms, sio_gather *gather)
{
    char id[SIO_CLUSTER_ID_LEN];
    const sio_cluster_question question = { { id, sizeof(id) }, timeout_ms };
    sio_writer data = { .json = NULL };

    int rc = sio_cluster_new_id(id);
    if (rc == EIO_OK)
        rc = sio_local_emit_with_ack(adapter->nsp, target, name, args, gather);
    if (rc != EIO_OK)
        return rc;
    sio_cluster_write_broadcast(&data, target, name, args, &question);
    const sio_cluster_outgoing message = outgoing_of(SIO_CLUSTER_BROADCAST, &data, args);
    return ask(cluster_of(adapter), &message, &data, question.request_id, gather);
}

int sio_cluster_server_side(sio_adapter *adapter, eio_slice name, sio_args args, sio_gather *gather)
{
    char id[SIO_CLUSTER_ID_LEN];
    const eio_slice request_id = { gather == NULL ? NULL : id, sizeof(id) };
    sio_writer data = { .json = NULL };

    int rc = sio_cluster_new_id(id);
    if (rc != EIO_OK)
        return rc;
    sio_cluster_write_server_side(&data, name, args, request_id);
    const sio_cluster_outgoing message = outgoing_of(SIO_CLUSTER_SERVER_SIDE, &data, args);
    if (gather == NULL)
        return tell(adapter, &message, &data);
    return ask(cluster_of(adapter), &message, &data, request_id, gather);
}

/* ---- answers ---- */

static sio_request *find(const sio_cluster *cluster, const sio_cluster_message *message,
                         sio_request_kind kind)
{
    return sio_request_find(&cluster->requests, message->request_id.value, kind);
}

/* What a client or handler of another server said. */
static void take_response(const sio_request *request, const sio_cluster_message *message)
{
    eio_slice packet = sio_json_member(message->data, EIO_STR("packet"));
    const sio_args args = { &packet, packet.base != NULL, message->wire.attachments,
                            message->wire.attachment_count };

    sio_gather_add_response(request->gather, args);
}

static int take_found(const sio_cluster *cluster, const sio_cluster_message *message)
{
    sio_request *request = find(cluster, message, SIO_REQUEST_FETCH);

    if (request == NULL)
        return EIO_OK;
    int rc = sio_gather_add_found(request->gather, &message->wire, message->data);
    if (rc == EIO_OK)
        sio_request_report(request);
    return rc;
}

static int take_count(const sio_cluster *cluster, const sio_cluster_message *message)
{
    sio_request *request = find(cluster, message, SIO_REQUEST_ACKS);
    uint32_t count;

    if (request == NULL)
        return EIO_OK;
    if (!sio_wire_read_number(&count, sio_json_member(message->data, EIO_STR("clientCount"))))
        return EIO_E_PROTOCOL;
    sio_gather_expect(request->gather, count);
    sio_request_report(request);
    return EIO_OK;
}

int sio_cluster_take_answer(const sio_cluster *cluster, const sio_cluster_message *message)
{
    sio_request *request;

    if (message->type == SIO_CLUSTER_FOUND)
        return take_found(cluster, message);
    if (message->type == SIO_CLUSTER_CLIENT_COUNT)
        return take_count(cluster, message);
    bool is_reply = message->type == SIO_CLUSTER_REPLY;
    request = find(cluster, message, is_reply ? SIO_REQUEST_REPLIES : SIO_REQUEST_ACKS);
    if (request == NULL)
        return EIO_OK;
    take_response(request, message);
    if (is_reply)
        sio_request_report(request);
    return EIO_OK;
}
