/* Nothing that a peer, an emitter or anybody else publishes may hurt: what is not understood is counted and dropped. */
#include <stdlib.h>

#include "socketio/adapter/classic.h"
#include "socketio/adapter/found.h"
#include "socketio/adapter/opts.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"
#include "socketio/json_scan.h"
#include "socketio/namespace.h"
#include "socketio/parser.h"
#include "socketio/server.h"

/* ---- events ---- */

static bool is_own(const sio_classic *classic, eio_slice json)
{
    sio_wire_string uid;
    bool own = sio_wire_string_read(&uid, json) == EIO_OK &&
               eio_slice_equal(uid.value, sio_classic_uid(classic));

    sio_wire_string_fini(&uid);
    return own;
}

static bool is_for(const sio_classic *classic, eio_slice packet)
{
    sio_wire_string nsp;
    const eio_slice json = sio_json_member(packet, EIO_STR("nsp"));
    bool is_ok = sio_wire_string_read(&nsp, json) == EIO_OK;

    is_ok = is_ok && eio_slice_equal(nsp.value.base == NULL ? EIO_STR("/") : nsp.value,
                                     sio_namespace_name(classic->base.nsp));
    sio_wire_string_fini(&nsp);
    return is_ok;
}

/* The id that a plain broadcast may have stays what it is: clients see it. */
static int deliver_with_id(sio_namespace *nsp, const sio_target *target,
                           const sio_wire_event *event, uint32_t id)
{
    sio_encoded packet;
    int rc = nsp->server->parser->encode_event(&packet, sio_namespace_name(nsp), true, id,
                                               event->name, event->args);

    if (rc != EIO_OK)
        return rc;
    rc = sio_local_broadcast(nsp,
                             &(sio_message){ .name = event->name,
                                             .args = event->args,
                                             .packet = packet.text,
                                             .attachments = packet.attachments,
                                             .attachment_count = packet.attachment_count },
                             target);
    eio_buffer_unref(packet.text);
    return rc;
}

static int deliver(sio_namespace *nsp, const sio_wire *wire, eio_slice packet, const sio_opts *opts)
{
    sio_wire_event event;
    uint32_t id;
    int rc = sio_wire_event_read(&event, wire, sio_json_member(packet, EIO_STR("data")));

    if (rc != EIO_OK)
        return rc;
    if (sio_wire_read_number(&id, sio_json_member(packet, EIO_STR("id"))))
        rc = deliver_with_id(nsp, &opts->target, &event, id);
    else
        rc = sio_local_emit(nsp, &opts->target, event.name, event.args);
    sio_wire_event_fini(&event);
    return rc;
}

/* [uid, packet, opts, …] */
static int take_event(const sio_classic *classic, const sio_wire *wire)
{
    eio_slice parts[8];
    size_t count = 0;
    sio_opts opts;
    int rc = sio_json_split(&count, parts, sizeof(parts) / sizeof(parts[0]), sio_wire_text(wire));

    if (rc == EIO_OK && count < 3)
        rc = EIO_E_PROTOCOL;
    if (rc != EIO_OK)
        return rc;
    if (is_own(classic, parts[0]) || !is_for(classic, parts[1]))
        return EIO_OK;
    rc = sio_opts_read(&opts, parts[2]);
    if (rc != EIO_OK)
        return rc;
    rc = deliver(classic->base.nsp, wire, parts[1], &opts);
    sio_opts_fini(&opts);
    return rc;
}

/* Behind the channel of all events comes the room and one more byte, whatever that is: so reads Node. */
static bool is_of_interest(const sio_classic *classic, eio_slice channel)
{
    const eio_slice prefix = eio_buffer_slice(classic->events);

    if (channel.len < prefix.len || memcmp(channel.base, prefix.base, prefix.len) != 0)
        return false;
    if (channel.len <= prefix.len + 1)
        return true;
    return sio_local_has_room(
        classic->base.nsp, (eio_slice){ channel.base + prefix.len, channel.len - prefix.len - 1 });
}

void sio_classic_handle_event(eio_slice channel, eio_slice bytes, void *data)
{
    sio_classic *classic = data;
    sio_wire wire;

    sio_redis_bus_count_received(classic->bus);
    if (!is_of_interest(classic, channel))
        return;
    int rc = sio_wire_read_msgpack(&wire, bytes);
    if (rc == EIO_OK) {
        rc = take_event(classic, &wire);
        sio_wire_fini(&wire);
    }
    if (rc != EIO_OK)
        sio_redis_bus_count_bad(classic->bus, channel, rc);
}

/* ---- answering ---- */

/* Where an answer goes, kept while it is put together. */
typedef struct answer {
    sio_classic *classic;
    eio_slice id;        /* the JSON text of requestId; in the same block */
    eio_buffer *channel; /* own */
    classic_type type;   /* of the request */
} answer;

static void free_answer(answer *to)
{
    if (to == NULL)
        return;
    eio_buffer_unref(to->channel);
    free(to);
}

/* The private channel of who asked, if that is wanted and known. */
static int name_place(answer *to, eio_slice request)
{
    sio_classic *classic = to->classic;
    sio_wire_string uid;
    int rc = sio_wire_string_read(&uid, sio_json_member(request, EIO_STR("uid")));

    if (rc != EIO_OK)
        return rc;
    to->channel = eio_buffer_copy(eio_buffer_slice(classic->response));
    if (to->channel == NULL)
        rc = EIO_E_NOMEM;
    else if (sio_redis_bus_settings(classic->bus)->publish_on_specific_response_channel &&
             uid.value.base != NULL && to->type != CLASSIC_SERVER_SIDE) {
        rc = eio_buffer_append(&to->channel, uid.value);
        if (rc == EIO_OK)
            rc = eio_buffer_append(&to->channel, EIO_STR("#"));
    }
    sio_wire_string_fini(&uid);
    return rc;
}

/* New in *out. EIO_E_PROTOCOL: it has no id to answer with. */
static int make_answer(answer **out, sio_classic *classic, classic_type type, eio_slice request)
{
    const eio_slice id = sio_json_member(request, EIO_STR("requestId"));

    if (id.base == NULL)
        return EIO_E_PROTOCOL;
    answer *to = calloc(1, sizeof(*to) + id.len);
    if (to == NULL)
        return EIO_E_NOMEM;
    to->classic = classic;
    to->type = type;
    memcpy((char *)(to + 1), id.base, id.len);
    to->id = (eio_slice){ (char *)(to + 1), id.len };
    int rc = name_place(to, request);
    if (rc == EIO_OK)
        *out = to;
    else
        free_answer(to);
    return rc;
}

/* text: taken. */
static void publish_answer(const answer *to, sio_writer *text)
{
    if (text->rc == EIO_OK)
        sio_redis_bus_publish(to->classic->bus, EIO_STR("PUBLISH"), eio_buffer_slice(to->channel),
                              eio_buffer_slice(text->json));
    sio_writer_fini(text);
}

static void begin_answer(sio_writer *text, const answer *to)
{
    sio_write(text, EIO_STR("{\"requestId\":"));
    sio_write(text, to->id);
}

/* ---- questions for sockets ---- */

static int compare_names(const void *a, const void *b)
{
    const eio_slice *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len == 0 ? 0 : memcmp(x->base, y->base, len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The rooms of all of them, each once. */
static void write_union(sio_writer *text, const sio_found_socket *sockets, size_t count)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += sockets[i].rooms.count;
    eio_slice *names = calloc(total + 1, sizeof(*names));
    if (names == NULL) {
        text->rc = EIO_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sockets[i].rooms.count; k++)
            names[at++] = sockets[i].rooms.names[k];
    }
    qsort(names, total, sizeof(*names), compare_names);
    at = 0;
    for (size_t i = 0; i < total; i++) {
        if (i == 0 || !eio_slice_equal(names[i], names[i - 1]))
            names[at++] = names[i];
    }
    sio_write_rooms(text, (sio_rooms){ names, at });
    free(names);
}

static void write_ids(sio_writer *text, const sio_found_socket *sockets, size_t count)
{
    sio_write(text, EIO_STR("["));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sio_write(text, EIO_STR(","));
        sio_write_string(text, sockets[i].id);
    }
    sio_write(text, EIO_STR("]"));
}

static void handle_found(sio_namespace *nsp, int status, const sio_found_socket *sockets,
                         size_t count, void *data)
{
    answer *to = data;
    sio_writer text = { .json = NULL };

    (void)nsp;
    if (status != EIO_E_CLOSED) {
        begin_answer(&text, to);
        sio_write(&text, to->type == CLASSIC_ALL_ROOMS ? EIO_STR(",\"rooms\":")
                                                       : EIO_STR(",\"sockets\":"));
        if (to->type == CLASSIC_ALL_ROOMS)
            write_union(&text, sockets, count);
        else if (to->type == CLASSIC_SOCKETS)
            write_ids(&text, sockets, count);
        else
            sio_write_all_found(&text, sockets, count);
        sio_write(&text, EIO_STR("}"));
        publish_answer(to, &text);
    }
    free_answer(to);
}

static int look_for(answer *to, const sio_target *target)
{
    sio_namespace *nsp = to->classic->base.nsp;
    sio_gather *gather;
    int rc = sio_gather_new_found(&gather, nsp, sio_gather_default_ms(nsp), handle_found, to);

    if (rc != EIO_OK) {
        free_answer(to);
        return rc;
    }
    rc = sio_local_fetch(nsp, target, gather);
    if (rc == EIO_OK) {
        sio_gather_release(gather);
        return rc;
    }
    sio_gather_cancel(gather);
    free_answer(to);
    return rc;
}

static int take_rooms_question(sio_classic *classic, eio_slice request)
{
    answer *to = NULL;
    int rc = make_answer(&to, classic, CLASSIC_ALL_ROOMS, request);

    return rc == EIO_OK ? look_for(to, &(sio_target){ .flags = 0 }) : rc;
}

/* Of adapters up to 7: the rooms stand in the request itself. */
static int take_old_question(sio_classic *classic, eio_slice request)
{
    answer *to = NULL;
    sio_names rooms;
    int rc = sio_names_read(&rooms, sio_json_member(request, EIO_STR("rooms")));

    if (rc == EIO_OK)
        rc = make_answer(&to, classic, CLASSIC_SOCKETS, request);
    if (rc == EIO_OK)
        rc = look_for(to, &(sio_target){ .rooms = rooms.rooms });
    sio_names_fini(&rooms);
    return rc;
}

static int take_fetch(sio_classic *classic, eio_slice request, const sio_opts *opts)
{
    answer *to = NULL;
    int rc = make_answer(&to, classic, CLASSIC_FETCH, request);

    return rc == EIO_OK ? look_for(to, &opts->target) : rc;
}

/* ---- orders ---- */

static void confirm(sio_classic *classic, eio_slice request)
{
    sio_writer text = { .json = NULL };
    answer *to = NULL;

    if (make_answer(&to, classic, CLASSIC_JOIN, request) != EIO_OK)
        return;
    begin_answer(&text, to);
    sio_write(&text, EIO_STR("}"));
    publish_answer(to, &text);
    free_answer(to);
}

static bool says_close(eio_slice request)
{
    return eio_slice_equal(sio_json_member(request, EIO_STR("close")), EIO_STR("true"));
}

static void obey_old(sio_socket *socket, uint32_t type, eio_slice room, bool close)
{
    if (type == CLASSIC_DISCONNECT)
        sio_disconnect(socket, close);
    else if (type == CLASSIC_LEAVE && room.base != NULL)
        sio_leave(socket, room);
    else if (type == CLASSIC_JOIN && room.base != NULL)
        (void)sio_join(socket, room); /* one that is full is that socket's loss */
}

/* The old form names one socket, and its server alone answers. */
static int take_old_order(sio_classic *classic, uint32_t type, eio_slice request)
{
    sio_wire_string id, room;
    int rc = sio_wire_string_read(&id, sio_json_member(request, EIO_STR("sid")));

    if (rc != EIO_OK)
        return rc;
    rc = sio_wire_string_read(&room, sio_json_member(request, EIO_STR("room")));
    if (rc == EIO_OK && id.value.base == NULL)
        rc = EIO_E_PROTOCOL;
    sio_socket *socket = rc == EIO_OK ? sio_namespace_find(classic->base.nsp, id.value) : NULL;
    if (socket != NULL) {
        obey_old(socket, type, room.value, says_close(request));
        confirm(classic, request);
    }
    sio_wire_string_fini(&room);
    sio_wire_string_fini(&id);
    return rc;
}

static int take_order(const sio_classic *classic, uint32_t type, eio_slice request,
                      const sio_opts *opts)
{
    sio_namespace *nsp = classic->base.nsp;
    sio_names rooms;

    if (type == CLASSIC_DISCONNECT)
        return sio_local_disconnect(nsp, &opts->target, says_close(request));
    int rc = sio_names_read(&rooms, sio_json_member(request, EIO_STR("rooms")));
    if (rc == EIO_OK)
        rc = type == CLASSIC_JOIN ? sio_local_join(nsp, &opts->target, rooms.rooms)
                                  : sio_local_leave(nsp, &opts->target, rooms.rooms);
    sio_names_fini(&rooms);
    return rc;
}

/* ---- events between servers ---- */

typedef struct reply {
    sio_server_reply base;
    answer *to;
} reply;

static void send_reply(sio_server_reply *base, sio_args args)
{
    const answer *to = ((reply *)base)->to;
    sio_writer text = { .json = NULL };

    sio_write(&text, EIO_STR("{\"type\":6,\"requestId\":"));
    sio_write(&text, to->id);
    if (args.count > 0) {
        sio_write(&text, EIO_STR(",\"data\":"));
        sio_write_plain(&text, args.json[0], args.attachments, args.attachment_count);
    }
    sio_write(&text, EIO_STR("}"));
    publish_answer(to, &text);
}

static int take_server_side(sio_classic *classic, const sio_wire *wire, eio_slice request)
{
    sio_wire_event event;
    reply to = { .base = { .send = send_reply } };
    int rc = sio_wire_event_read(&event, wire, sio_json_member(request, EIO_STR("data")));

    if (rc != EIO_OK)
        return rc;
    if (sio_json_member(request, EIO_STR("requestId")).base != NULL)
        rc = make_answer(&to.to, classic, CLASSIC_SERVER_SIDE, request);
    if (rc == EIO_OK)
        sio_local_server_side(classic->base.nsp, event.name, event.args,
                              to.to == NULL ? NULL : &to.base);
    free_answer(to.to);
    sio_wire_event_fini(&event);
    return rc;
}

/* ---- broadcasts with acknowledgement ---- */

/* Sent even if it is 0: who asked waits for it. */
static void send_count(size_t count, void *data)
{
    const answer *to = data;
    sio_writer text = { .json = NULL };

    sio_write(&text, EIO_STR("{\"type\":8,\"requestId\":"));
    sio_write(&text, to->id);
    sio_write(&text, EIO_STR(",\"clientCount\":"));
    sio_write_number(&text, count);
    sio_write(&text, EIO_STR("}"));
    publish_answer(to, &text);
}

static void send_ack(sio_args args, void *data)
{
    const answer *to = data;
    sio_writer text = { .json = NULL };
    eio_buffer *bytes = NULL;

    sio_write(&text, EIO_STR("{\"type\":9,\"requestId\":"));
    sio_write(&text, to->id);
    if (args.count > 0) {
        sio_write(&text, EIO_STR(",\"packet\":"));
        sio_write(&text, args.json[0]);
    }
    sio_write(&text, EIO_STR("}"));
    if (sio_writer_to_msgpack(&bytes, &text, args.attachments, args.attachment_count) == EIO_OK)
        sio_redis_bus_publish(to->classic->bus, EIO_STR("PUBLISH"), eio_buffer_slice(to->channel),
                              eio_buffer_slice(bytes));
    eio_buffer_unref(bytes);
    sio_writer_fini(&text);
}

static void end_acks(void *data)
{
    free_answer(data);
}

static int ask_clients(answer *to, const sio_opts *opts, const sio_wire_event *event)
{
    static const sio_gather_relay relay = { send_count, send_ack, end_acks };
    sio_namespace *nsp = to->classic->base.nsp;
    uint64_t timeout_ms = opts->timeout_ms == 0 ? sio_gather_default_ms(nsp) : opts->timeout_ms;
    sio_gather *gather;
    int rc = sio_gather_new_relay(&gather, nsp, timeout_ms, &relay, to);

    if (rc != EIO_OK) {
        free_answer(to);
        return rc;
    }
    rc = sio_local_emit_with_ack(nsp, &opts->target, event->name, event->args, gather);
    sio_gather_release(gather); /* of a failure the count is 0 */
    return rc;
}

static int take_ack_request(sio_classic *classic, const sio_wire *wire, eio_slice request,
                            const sio_opts *opts)
{
    const eio_slice packet = sio_json_member(request, EIO_STR("packet"));
    sio_wire_event event;
    answer *to = NULL;
    int rc = sio_wire_event_read(&event, wire, sio_json_member(packet, EIO_STR("data")));

    if (rc != EIO_OK)
        return rc;
    rc = make_answer(&to, classic, CLASSIC_ACK_REQUEST, request);
    if (rc == EIO_OK)
        rc = ask_clients(to, opts, &event);
    sio_wire_event_fini(&event);
    return rc;
}

/* ---- requests ---- */

static int take_targeted(sio_classic *classic, uint32_t type, const sio_wire *wire,
                         eio_slice request)
{
    const eio_slice json = sio_json_member(request, EIO_STR("opts"));
    sio_opts opts;

    if (json.base == NULL &&
        (type == CLASSIC_JOIN || type == CLASSIC_LEAVE || type == CLASSIC_DISCONNECT))
        return take_old_order(classic, type, request);
    int rc = sio_opts_read(&opts, json);
    if (rc != EIO_OK)
        return rc;
    if (type == CLASSIC_FETCH)
        rc = take_fetch(classic, request, &opts);
    else if (type == CLASSIC_ACK_REQUEST)
        rc = take_ack_request(classic, wire, request, &opts);
    else
        rc = take_order(classic, type, request, &opts);
    sio_opts_fini(&opts);
    return rc;
}

static int take_request(sio_classic *classic, const sio_wire *wire)
{
    const eio_slice request = sio_wire_text(wire);
    uint32_t type;

    if (request.base[0] != '{' ||
        !sio_wire_read_number(&type, sio_json_member(request, EIO_STR("type"))))
        return EIO_E_PROTOCOL;
    if (is_own(classic, sio_json_member(request, EIO_STR("uid"))))
        return EIO_OK;
    switch ((classic_type)type) {
    case CLASSIC_SOCKETS: return take_old_question(classic, request);
    case CLASSIC_ALL_ROOMS: return take_rooms_question(classic, request);
    case CLASSIC_SERVER_SIDE: return take_server_side(classic, wire, request);
    case CLASSIC_JOIN:
    case CLASSIC_LEAVE:
    case CLASSIC_DISCONNECT:
    case CLASSIC_FETCH:
    case CLASSIC_ACK_REQUEST: return take_targeted(classic, type, wire, request);
    case CLASSIC_ACK_COUNT:
    case CLASSIC_ACK: break; /* answers */
    }
    return EIO_OK; /* of a later version */
}

void sio_classic_handle_request(eio_slice channel, eio_slice bytes, void *data)
{
    sio_classic *classic = data;
    sio_wire wire;

    sio_redis_bus_count_received(classic->bus);
    int rc = sio_wire_read(&wire, bytes);
    if (rc == EIO_OK) {
        rc = take_request(classic, &wire);
        sio_wire_fini(&wire);
    }
    if (rc != EIO_OK)
        sio_redis_bus_count_bad(classic->bus, channel, rc);
}

/* ---- answers ---- */

static void add_value(sio_request *request, const sio_wire *wire, eio_slice value)
{
    sio_args args = { &value, value.base == NULL ? 0 : 1, wire->attachments,
                      wire->attachment_count };

    sio_gather_add_response(request->gather, args);
}

static int take_answer(sio_classic *classic, const sio_wire *wire, eio_slice id)
{
    const eio_slice text = sio_wire_text(wire);
    const sio_requests *requests = &classic->requests;
    uint32_t number = CLASSIC_FETCH;
    sio_request *request;
    int rc = EIO_OK;

    (void)sio_wire_read_number(&number, sio_json_member(text, EIO_STR("type")));
    if (number == CLASSIC_ACK &&
        (request = sio_request_find(requests, id, SIO_REQUEST_ACKS)) != NULL)
        add_value(request, wire, sio_json_member(text, EIO_STR("packet")));
    if (number == CLASSIC_ACK_COUNT &&
        (request = sio_request_find(requests, id, SIO_REQUEST_ACKS)) != NULL) {
        uint32_t count = 0;
        (void)sio_wire_read_number(&count, sio_json_member(text, EIO_STR("clientCount")));
        sio_gather_expect(request->gather, count);
        sio_request_report(request);
    }
    if ((request = sio_request_find(requests, id, SIO_REQUEST_REPLIES)) != NULL) {
        add_value(request, wire, sio_json_member(text, EIO_STR("data")));
        sio_request_report(request);
    }
    if ((request = sio_request_find(requests, id, SIO_REQUEST_FETCH)) != NULL) {
        rc = sio_gather_add_found(request->gather, wire, sio_json_member(text, EIO_STR("sockets")));
        if (rc == EIO_OK)
            sio_request_report(request);
    }
    return rc;
}

void sio_classic_handle_response(eio_slice channel, eio_slice bytes, void *data)
{
    sio_classic *classic = data;
    sio_wire wire;
    sio_wire_string id = { .memory = NULL };

    sio_redis_bus_count_received(classic->bus);
    int rc = sio_wire_read(&wire, bytes);
    if (rc == EIO_OK) {
        rc = sio_wire_string_read(&id, sio_json_member(sio_wire_text(&wire), EIO_STR("requestId")));
        if (rc == EIO_OK && id.value.base != NULL)
            rc = take_answer(classic, &wire, id.value);
        sio_wire_string_fini(&id);
        sio_wire_fini(&wire);
    }
    if (rc != EIO_OK)
        sio_redis_bus_count_bad(classic->bus, channel, rc);
}
