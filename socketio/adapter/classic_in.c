/* Nothing that a peer, an emitter or anybody else publishes may hurt: what is not understood is counted and dropped. */
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

/* ---- orders ---- */

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
        sio_classic_confirm(classic, request);
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
        rc = sio_classic_answer_fetch(classic, request, &opts);
    else if (type == CLASSIC_ACK_REQUEST)
        rc = sio_classic_answer_ack_request(classic, wire, request, &opts);
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
    case CLASSIC_SOCKETS: return sio_classic_answer_old_question(classic, request);
    case CLASSIC_ALL_ROOMS: return sio_classic_answer_rooms_question(classic, request);
    case CLASSIC_SERVER_SIDE: return sio_classic_answer_server_side(classic, wire, request);
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
        rc = sio_gather_add_found(request->gather, wire, text);
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
