#include "socketio/adapter/classic.h"

#include <stdlib.h>

#include "engineio/net/crypto.h"
#include "socketio/adapter/found.h"
#include "socketio/adapter/opts.h"
#include "socketio/gather.h"

static sio_classic *of(sio_adapter *adapter)
{
    return (sio_classic *)adapter;
}

/* ---- life ---- */

/* 6 characters, as Node's adapter takes them: ours are 36 random bits. */
static int make_id(char out[CLASSIC_ID_LEN])
{
    char id[EIO_RANDOM_ID_LEN];
    int rc = eio_random_id(id);

    if (rc == EIO_OK)
        memcpy(out, id, CLASSIC_ID_LEN);
    return rc;
}

/* key, middle, namespace, '#', and what there is of `last` with a '#'. */
static int name_channel(eio_buffer **out, const sio_classic *classic, const char *middle,
                        eio_slice last)
{
    const eio_slice parts[] = {
        eio_slice_of(sio_redis_bus_settings(classic->bus)->key),
        eio_slice_of(middle),
        sio_namespace_name(classic->base.nsp),
        EIO_STR("#"),
        last,
        last.base == NULL ? last : EIO_STR("#"),
    };
    int rc = EIO_OK;

    *out = eio_buffer_new(64);
    if (*out == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == EIO_OK; i++)
        rc = eio_buffer_append(out, parts[i]);
    return rc;
}

static int name_channels(sio_classic *classic)
{
    const eio_slice none = { NULL, 0 };
    int rc = name_channel(&classic->events, classic, "#", none);

    if (rc == EIO_OK)
        rc = name_channel(&classic->request, classic, "-request#", none);
    if (rc == EIO_OK)
        rc = name_channel(&classic->response, classic, "-response#", none);
    if (rc == EIO_OK)
        rc = name_channel(&classic->private_response, classic, "-response#",
                          sio_classic_uid(classic));
    return rc;
}

/* The channel of the events may hold what a pattern takes for more than itself: who hears looks again. */
static int subscribe(sio_classic *classic)
{
    eio_buffer *pattern = eio_buffer_copy(eio_buffer_slice(classic->events));
    int rc = pattern == NULL ? EIO_E_NOMEM : eio_buffer_append(&pattern, EIO_STR("*"));
    const eio_slice names[CLASSIC_N_SUBSCRIPTIONS] = {
        pattern == NULL ? (eio_slice){ NULL, 0 } : eio_buffer_slice(pattern),
        eio_buffer_slice(classic->request),
        eio_buffer_slice(classic->response),
        eio_buffer_slice(classic->private_response),
    };
    static sio_subscription_cb *const callbacks[CLASSIC_N_SUBSCRIPTIONS] = {
        sio_classic_handle_event,
        sio_classic_handle_request,
        sio_classic_handle_response,
        sio_classic_handle_response,
    };

    for (size_t i = 0; i < CLASSIC_N_SUBSCRIPTIONS && rc == EIO_OK; i++)
        rc = sio_subscriber_add(&classic->subscriptions[i], sio_redis_bus_subscriber(classic->bus),
                                i == 0 ? SIO_PSUBSCRIBE : SIO_SUBSCRIBE, names[i], callbacks[i],
                                classic);
    eio_buffer_unref(pattern);
    return rc;
}

static void close_classic(sio_adapter *adapter)
{
    sio_classic *classic = of(adapter);

    for (size_t i = 0; i < CLASSIC_N_SUBSCRIPTIONS; i++)
        sio_subscription_remove(classic->subscriptions[i]);
    sio_requests_fini(&classic->requests);
    eio_buffer_unref(classic->events);
    eio_buffer_unref(classic->request);
    eio_buffer_unref(classic->response);
    eio_buffer_unref(classic->private_response);
    free(classic);
}

static int open_classic(sio_adapter **out, sio_namespace *nsp)
{
    sio_redis_bus *bus = sio_namespace_adapter_data(nsp);

    if (bus == NULL)
        return EIO_E_INVALID;
    sio_classic *classic = calloc(1, sizeof(*classic));
    if (classic == NULL)
        return EIO_E_NOMEM;
    classic->base.nsp = nsp;
    classic->base.request_timeout_ms = sio_redis_bus_settings(bus)->requests_timeout_ms;
    classic->bus = bus;
    sio_requests_init(&classic->requests);
    int rc = make_id(classic->uid);
    if (rc == EIO_OK)
        rc = name_channels(classic);
    if (rc == EIO_OK)
        rc = subscribe(classic);
    if (rc != EIO_OK) {
        close_classic(&classic->base);
        return rc;
    }
    classic->requests.way = (sio_request_way){
        .bus = bus,
        .counted = eio_buffer_slice(classic->request),
        .command = EIO_STR("PUBLISH"),
        .channel = eio_buffer_slice(classic->request),
    };
    *out = &classic->base;
    return EIO_OK;
}

/* ---- telling ---- */

static void write_packet(sio_writer *to, const sio_classic *classic, eio_slice name, sio_args args)
{
    sio_write(to, EIO_STR("{\"type\":2,\"data\":"));
    sio_write_event(to, name, args);
    sio_write(to, EIO_STR(",\"nsp\":"));
    sio_write_string(to, sio_namespace_name(classic->base.nsp));
    sio_write(to, EIO_STR("}"));
}

static void publish_event(sio_classic *classic, const sio_target *target, eio_buffer *bytes)
{
    eio_buffer *room = NULL;
    eio_slice channel = eio_buffer_slice(classic->events);

    if (target->rooms.count == 1) {
        if (name_channel(&room, classic, "#", target->rooms.names[0]) != EIO_OK) {
            eio_buffer_unref(room);
            return;
        }
        channel = eio_buffer_slice(room);
    }
    sio_redis_bus_publish(classic->bus, EIO_STR("PUBLISH"), channel, eio_buffer_slice(bytes));
    eio_buffer_unref(room);
}

/* Those of this server hear it at once, whatever becomes of it elsewhere. */
static int broadcast_classic(sio_adapter *adapter, const sio_message *message,
                             const sio_target *target)
{
    sio_classic *classic = of(adapter);
    int rc = sio_local_broadcast(adapter->nsp, message, target);
    sio_writer text = { .json = NULL };
    eio_buffer *bytes = NULL;

    if (rc != EIO_OK || (target->flags & SIO_LOCAL) != 0)
        return rc;
    sio_write(&text, EIO_STR("["));
    sio_write_string(&text, sio_classic_uid(classic));
    sio_write(&text, EIO_STR(","));
    write_packet(&text, classic, message->name, message->args);
    sio_write(&text, EIO_STR(","));
    sio_write_opts(&text, target, 0);
    sio_write(&text, EIO_STR("]"));
    rc = sio_writer_to_msgpack(&bytes, &text, message->args.attachments,
                               message->args.attachment_count);
    sio_writer_fini(&text);
    if (rc == EIO_OK)
        publish_event(classic, target, bytes);
    eio_buffer_unref(bytes);
    return rc;
}

static void begin_request(sio_writer *to, const sio_classic *classic, eio_slice id)
{
    sio_write(to, EIO_STR("{\"uid\":"));
    sio_write_string(to, sio_classic_uid(classic));
    if (id.base != NULL) {
        sio_write(to, EIO_STR(",\"requestId\":"));
        sio_write_string(to, id);
    }
    sio_write(to, EIO_STR(",\"type\":"));
}

/* A request that nobody answers. */
static int publish_request(sio_classic *classic, sio_writer *text)
{
    if (text->rc == EIO_OK)
        sio_redis_bus_publish(classic->bus, EIO_STR("PUBLISH"), eio_buffer_slice(classic->request),
                              eio_buffer_slice(text->json));
    int rc = text->rc;
    sio_writer_fini(text);
    return rc;
}

static int tell_rooms(sio_classic *classic, classic_type type, const sio_target *target,
                      sio_rooms rooms)
{
    sio_writer text = { .json = NULL };

    begin_request(&text, classic, (eio_slice){ NULL, 0 });
    sio_write_number(&text, type);
    sio_write(&text, EIO_STR(",\"opts\":"));
    sio_write_short_opts(&text, target);
    sio_write(&text, EIO_STR(",\"rooms\":"));
    sio_write_rooms(&text, rooms);
    sio_write(&text, EIO_STR("}"));
    return publish_request(classic, &text);
}

static int join_classic(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    int rc = sio_local_join(adapter->nsp, target, rooms);

    return rc == EIO_OK ? tell_rooms(of(adapter), CLASSIC_JOIN, target, rooms) : rc;
}

static int leave_classic(sio_adapter *adapter, const sio_target *target, sio_rooms rooms)
{
    int rc = sio_local_leave(adapter->nsp, target, rooms);

    return rc == EIO_OK ? tell_rooms(of(adapter), CLASSIC_LEAVE, target, rooms) : rc;
}

static int disconnect_classic(sio_adapter *adapter, const sio_target *target, bool close)
{
    sio_writer text = { .json = NULL };
    int rc = sio_local_disconnect(adapter->nsp, target, close);

    if (rc != EIO_OK)
        return rc;
    begin_request(&text, of(adapter), (eio_slice){ NULL, 0 });
    sio_write_number(&text, CLASSIC_DISCONNECT);
    sio_write(&text, EIO_STR(",\"opts\":"));
    sio_write_short_opts(&text, target);
    sio_write(&text, close ? EIO_STR(",\"close\":true}") : EIO_STR(",\"close\":false}"));
    return publish_request(of(adapter), &text);
}

/* ---- asking ---- */

/* text: taken. */
static int ask(sio_classic *classic, sio_request_kind kind, eio_slice id, sio_gather *gather,
               sio_writer *text)
{
    if (text->rc == EIO_OK)
        return sio_request_ask(&classic->requests, kind, id, gather, text->json, false);
    sio_writer_fini(text);
    return text->rc;
}

static int fetch_classic(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    sio_writer text = { .json = NULL };
    char id[CLASSIC_ID_LEN];
    int rc = make_id(id);

    if (rc != EIO_OK)
        return rc;
    begin_request(&text, of(adapter), (eio_slice){ id, sizeof(id) });
    sio_write_number(&text, CLASSIC_FETCH);
    sio_write(&text, EIO_STR(",\"opts\":"));
    sio_write_short_opts(&text, target);
    sio_write(&text, EIO_STR("}"));
    rc = ask(of(adapter), SIO_REQUEST_FETCH, (eio_slice){ id, sizeof(id) }, gather, &text);
    return rc == EIO_OK ? sio_local_fetch(adapter->nsp, target, gather) : rc;
}

/*
 * The old question, which Node's servers answer with ids alone; it knows no exceptions. Their answers have nothing
 * else that is smaller.
 */
static int count_classic(sio_adapter *adapter, const sio_target *target, sio_gather *gather)
{
    bool is_old = target->except.count == 0;
    sio_writer text = { .json = NULL };
    char id[CLASSIC_ID_LEN];
    int rc = make_id(id);

    if (rc != EIO_OK)
        return rc;
    begin_request(&text, of(adapter), (eio_slice){ id, sizeof(id) });
    sio_write_number(&text, is_old ? CLASSIC_SOCKETS : CLASSIC_FETCH);
    sio_write(&text, is_old ? EIO_STR(",\"rooms\":") : EIO_STR(",\"opts\":"));
    if (is_old)
        sio_write_rooms(&text, target->rooms);
    else
        sio_write_short_opts(&text, target);
    sio_write_count_wish(&text);
    sio_write(&text, EIO_STR("}"));
    rc = ask(of(adapter), SIO_REQUEST_FETCH, (eio_slice){ id, sizeof(id) }, gather, &text);
    return rc == EIO_OK ? sio_local_count(adapter->nsp, target, gather) : rc;
}

static int server_side_classic(sio_adapter *adapter, eio_slice name, sio_args args,
                               sio_gather *gather)
{
    sio_writer text = { .json = NULL };
    char id[CLASSIC_ID_LEN];
    int rc = make_id(id);
    eio_slice request_id = { gather == NULL ? NULL : id, sizeof(id) };

    if (rc != EIO_OK)
        return rc;
    if (eio_slice_equal(name, EIO_STR("error")))
        return EIO_E_RESERVED; /* it ends Node servers that do not listen to it */
    begin_request(&text, of(adapter), request_id);
    sio_write_number(&text, CLASSIC_SERVER_SIDE);
    sio_write(&text, EIO_STR(",\"data\":"));
    sio_write_plain_event(&text, name, args);
    sio_write(&text, EIO_STR("}"));
    if (gather == NULL)
        return publish_request(of(adapter), &text);
    return ask(of(adapter), SIO_REQUEST_REPLIES, request_id, gather, &text);
}

/* Its own part is done when the request is on its way, so that a failure leaves nothing behind. */
static int emit_with_ack_classic(sio_adapter *adapter, const sio_target *target, eio_slice name,
                                 sio_args args, uint64_t timeout_ms, sio_gather *gather)
{
    sio_classic *classic = of(adapter);
    sio_writer text = { .json = NULL };
    eio_buffer *bytes = NULL;
    char id[CLASSIC_ID_LEN];
    int rc = make_id(id);

    if (rc != EIO_OK)
        return rc;
    begin_request(&text, classic, (eio_slice){ id, sizeof(id) });
    sio_write_number(&text, CLASSIC_ACK_REQUEST);
    sio_write(&text, EIO_STR(",\"packet\":"));
    write_packet(&text, classic, name, args);
    sio_write(&text, EIO_STR(",\"opts\":"));
    sio_write_opts(&text, target, timeout_ms);
    sio_write(&text, EIO_STR("}"));
    rc = sio_writer_to_msgpack(&bytes, &text, args.attachments, args.attachment_count);
    sio_writer_fini(&text);
    if (rc == EIO_OK)
        rc = sio_request_ask(&classic->requests, SIO_REQUEST_ACKS, (eio_slice){ id, sizeof(id) },
                             gather, bytes, true);
    return rc == EIO_OK ? sio_local_emit_with_ack(adapter->nsp, target, name, args, gather) : rc;
}

const sio_adapter_type sio_adapter_redis = {
    .name = "redis",
    .lacks_recovery = true,
    .open = open_classic,
    .close = close_classic,
    .broadcast = broadcast_classic,
    .join = join_classic,
    .leave = leave_classic,
    .disconnect = disconnect_classic,
    .fetch = fetch_classic,
    .emit_with_ack = emit_with_ack_classic,
    .server_side = server_side_classic,
    .count = count_classic,
};
