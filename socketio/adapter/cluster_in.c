/* What other servers ask of this one. */
#include <stdlib.h>

#include "socketio/adapter/cluster.h"
#include "socketio/adapter/found.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"

/* ---- answering ---- */

/* Who asked; one block with the texts. */
typedef struct asker {
    sio_cluster *cluster; /* counted */
    eio_slice uid, request_id;
} asker;

static asker *new_asker(sio_cluster *cluster, const sio_cluster_message *message)
{
    const eio_slice uid = message->uid.value, id = message->request_id.value;
    asker *who = malloc(sizeof(*who) + uid.len + id.len);

    if (who == NULL)
        return NULL;
    char *text = (char *)(who + 1);
    *who = (asker){ cluster, { text, uid.len }, { text + uid.len, id.len } };
    if (uid.len > 0)
        memcpy(text, uid.base, uid.len);
    if (id.len > 0)
        memcpy(text + uid.len, id.base, id.len);
    cluster->refs++;
    return who;
}

static void free_asker(asker *who)
{
    sio_cluster_unref(who->cluster);
    free(who);
}

/* data: done with. */
static void answer(const asker *who, sio_cluster_type type, sio_writer *data, sio_args args)
{
    const sio_cluster_outgoing message = {
        .type = type,
        .to = who->uid,
        .data = data,
        .attachments = args.attachments,
        .attachment_count = args.attachment_count,
    };

    if (!who->cluster->is_closed)
        (void)who->cluster->carrier->send(who->cluster, &message);
    sio_writer_fini(data);
}

/* ---- events ---- */

static void relay_count(size_t count, void *data)
{
    const asker *who = data;
    sio_writer text = { .json = NULL };

    sio_cluster_write_count(&text, who->request_id, count);
    answer(who, SIO_CLUSTER_CLIENT_COUNT, &text, SIO_NO_ARGS);
}

static void relay_response(sio_args args, void *data)
{
    const asker *who = data;
    sio_writer text = { .json = NULL };

    sio_cluster_write_answer(&text, who->request_id, args);
    answer(who, SIO_CLUSTER_ACK, &text, args);
}

static void end_relay(void *data)
{
    free_asker(data);
}

static int emit_for(sio_cluster *cluster, const sio_cluster_message *message, const sio_opts *opts,
                    const sio_wire_event *event)
{
    static const sio_gather_relay relay = { relay_count, relay_response, end_relay };
    uint64_t timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms : SIO_GATHER_DEFAULT_MS;
    asker *who = new_asker(cluster, message);
    sio_gather *gather;

    if (who == NULL)
        return EIO_E_NOMEM;
    int rc = sio_gather_new_relay(&gather, cluster->base.nsp, timeout_ms, &relay, who);
    if (rc != EIO_OK) {
        free_asker(who);
        return rc;
    }
    rc =
        sio_local_emit_with_ack(cluster->base.nsp, &opts->target, event->name, event->args, gather);
    sio_gather_release(gather); /* the asker waits for our count, even if it is 0 */
    return rc;
}

int sio_cluster_read_broadcast(sio_cluster_broadcast_parts *out, const sio_cluster_message *message)
{
    eio_slice packet = sio_json_member(message->data, EIO_STR("packet"));

    out->has_id = sio_json_member(packet, EIO_STR("id")).base != NULL;
    int rc =
        sio_wire_event_read(&out->event, &message->wire, sio_json_member(packet, EIO_STR("data")));
    if (rc != EIO_OK)
        return rc;
    rc = sio_opts_read(&out->opts, sio_json_member(message->data, EIO_STR("opts")));
    if (rc != EIO_OK)
        sio_wire_event_fini(&out->event);
    return rc;
}

void sio_cluster_broadcast_parts_fini(sio_cluster_broadcast_parts *parts)
{
    sio_opts_fini(&parts->opts);
    sio_wire_event_fini(&parts->event);
}

static int handle_broadcast(sio_cluster *cluster, const sio_cluster_message *message)
{
    sio_cluster_broadcast_parts parts;
    eio_slice offset = message->offset;

    int rc = sio_cluster_read_broadcast(&parts, message);
    if (rc != EIO_OK)
        return rc;
    if (parts.has_id || (parts.opts.target.flags & SIO_VOLATILE) != 0)
        offset = (eio_slice){ NULL, 0 }; /* as Node: nobody comes back to these */
    if (message->request_id.value.base != NULL)
        rc = emit_for(cluster, message, &parts.opts, &parts.event);
    else
        rc = sio_local_emit_with_offset(cluster->base.nsp, &parts.opts.target, parts.event.name,
                                        parts.event.args, offset);
    sio_cluster_broadcast_parts_fini(&parts);
    return rc;
}

/* ---- sockets ---- */

static void send_found(sio_namespace *nsp, int status, const sio_found_socket *sockets,
                       size_t count, void *data)
{
    asker *who = data;
    sio_writer text = { .json = NULL };

    (void)nsp;
    if (status == EIO_OK || status == EIO_E_TIMEOUT) {
        sio_write(&text, EIO_STR("{\"requestId\":"));
        sio_write_string(&text, who->request_id);
        sio_write(&text, EIO_STR(",\"sockets\":"));
        sio_write_all_found(&text, sockets, count);
        sio_write(&text, EIO_STR("}"));
        answer(who, SIO_CLUSTER_FOUND, &text, SIO_NO_ARGS);
    }
    free_asker(who);
}

static void send_count(sio_namespace *nsp, int status, size_t number, void *data)
{
    asker *who = data;
    sio_writer text = { .json = NULL };

    (void)nsp;
    if (status == EIO_OK || status == EIO_E_TIMEOUT) {
        sio_write(&text, EIO_STR("{\"requestId\":"));
        sio_write_string(&text, who->request_id);
        sio_write_found_count(&text, number);
        sio_write(&text, EIO_STR("}"));
        answer(who, SIO_CLUSTER_FOUND, &text, SIO_NO_ARGS);
    }
    free_asker(who);
}

static int fetch_for(sio_cluster *cluster, const sio_cluster_message *message,
                     const sio_target *target)
{
    asker *who = new_asker(cluster, message);
    sio_gather *gather;

    if (who == NULL)
        return EIO_E_NOMEM;
    sio_namespace *nsp = cluster->base.nsp;
    bool only_count = sio_wants_count(message->data);
    int rc = only_count
                 ? sio_gather_new_count(&gather, nsp, SIO_GATHER_DEFAULT_MS, send_count, who)
                 : sio_gather_new_found(&gather, nsp, SIO_GATHER_DEFAULT_MS, send_found, who);
    if (rc != EIO_OK) {
        free_asker(who);
        return rc;
    }
    rc = only_count ? sio_local_count(nsp, target, gather) : sio_local_fetch(nsp, target, gather);
    sio_gather_release(gather);
    return rc;
}

static int change_rooms(sio_cluster *cluster, const sio_cluster_message *message,
                        const sio_target *target)
{
    sio_names rooms;
    int rc = sio_names_read(&rooms, sio_json_member(message->data, EIO_STR("rooms")));

    if (rc != EIO_OK)
        return rc;
    if (message->type == SIO_CLUSTER_JOIN)
        rc = sio_local_join(cluster->base.nsp, target, rooms.rooms);
    else
        rc = sio_local_leave(cluster->base.nsp, target, rooms.rooms);
    sio_names_fini(&rooms);
    return rc;
}

/* What is meant for some sockets. */
static int handle_operation(sio_cluster *cluster, const sio_cluster_message *message)
{
    sio_opts opts;
    int rc = sio_opts_read(&opts, sio_json_member(message->data, EIO_STR("opts")));

    if (rc != EIO_OK)
        return rc;
    if (message->type == SIO_CLUSTER_FETCH)
        rc = fetch_for(cluster, message, &opts.target);
    else if (message->type == SIO_CLUSTER_DISCONNECT)
        rc = sio_local_disconnect(
            cluster->base.nsp, &opts.target,
            eio_slice_equal(sio_json_member(message->data, EIO_STR("close")), EIO_STR("true")));
    else
        rc = change_rooms(cluster, message, &opts.target);
    sio_opts_fini(&opts);
    return rc;
}

/* ---- server-side events ---- */

typedef struct reply_to {
    sio_server_reply base; /* first */
    asker who;
} reply_to;

static void send_reply(sio_server_reply *reply, sio_args args)
{
    const reply_to *to = (const reply_to *)(const void *)reply;
    sio_writer text = { .json = NULL };

    sio_cluster_write_answer(&text, to->who.request_id, args);
    answer(&to->who, SIO_CLUSTER_REPLY, &text, args);
}

static int handle_server_side(sio_cluster *cluster, const sio_cluster_message *message)
{
    reply_to reply = { { .send = send_reply },
                       { cluster, message->uid.value, message->request_id.value } };
    sio_wire_event event;

    int rc = sio_wire_event_read(&event, &message->wire,
                                 sio_json_member(message->data, EIO_STR("packet")));
    if (rc != EIO_OK)
        return rc;
    sio_local_server_side(cluster->base.nsp, event.name, event.args,
                          message->request_id.value.base == NULL ? NULL : &reply.base);
    sio_wire_event_fini(&event);
    return EIO_OK;
}

/* ---- all ---- */

int sio_cluster_handle(sio_cluster *cluster, const sio_cluster_message *message)
{
    if (eio_slice_equal(message->uid.value, sio_cluster_uid(cluster)) ||
        !eio_slice_equal(message->nsp.value, sio_namespace_name(cluster->base.nsp)))
        return EIO_OK;
    switch (message->type) {
    case SIO_CLUSTER_BROADCAST: return handle_broadcast(cluster, message);
    case SIO_CLUSTER_JOIN:
    case SIO_CLUSTER_LEAVE:
    case SIO_CLUSTER_DISCONNECT:
    case SIO_CLUSTER_FETCH: return handle_operation(cluster, message);
    case SIO_CLUSTER_SERVER_SIDE: return handle_server_side(cluster, message);
    case SIO_CLUSTER_FOUND:
    case SIO_CLUSTER_REPLY:
    case SIO_CLUSTER_CLIENT_COUNT:
    case SIO_CLUSTER_ACK: return sio_cluster_take_answer(cluster, message);
    default: return EIO_OK; /* heartbeats of old servers, and what is not invented yet */
    }
}
