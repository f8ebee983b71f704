/* What other servers ask, and the answers to them. */
#include <stdlib.h>

#include "socketio/adapter/classic.h"
#include "socketio/adapter/found.h"
#include "socketio/adapter/opts.h"
#include "socketio/gather.h"
#include "socketio/json_member.h"

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

static void handle_count(sio_namespace *nsp, int status, size_t number, void *data)
{
    answer *to = data;
    sio_writer text = { .json = NULL };

    (void)nsp;
    if (status != EIO_E_CLOSED) {
        begin_answer(&text, to);
        sio_write_found_count(&text, number);
        sio_write(&text, EIO_STR("}"));
        publish_answer(to, &text);
    }
    free_answer(to);
}

/* only_count: the number is enough. */
static int look_for(answer *to, const sio_target *target, bool only_count)
{
    sio_namespace *nsp = to->classic->base.nsp;
    sio_gather *gather;
    uint64_t timeout_ms = sio_gather_default_ms(nsp);
    int rc = only_count ? sio_gather_new_count(&gather, nsp, timeout_ms, handle_count, to)
                        : sio_gather_new_found(&gather, nsp, timeout_ms, handle_found, to);

    if (rc != EIO_OK) {
        free_answer(to);
        return rc;
    }
    rc = only_count ? sio_local_count(nsp, target, gather) : sio_local_fetch(nsp, target, gather);
    if (rc == EIO_OK) {
        sio_gather_release(gather);
        return rc;
    }
    sio_gather_cancel(gather);
    free_answer(to);
    return rc;
}

int sio_classic_answer_rooms_question(sio_classic *classic, eio_slice request)
{
    answer *to = NULL;
    int rc = make_answer(&to, classic, CLASSIC_ALL_ROOMS, request);

    return rc == EIO_OK ? look_for(to, &(sio_target){ .flags = 0 }, false) : rc;
}

/* Of adapters up to 7: the rooms stand in the request itself. */
int sio_classic_answer_old_question(sio_classic *classic, eio_slice request)
{
    answer *to = NULL;
    sio_names rooms;
    int rc = sio_names_read(&rooms, sio_json_member(request, EIO_STR("rooms")));

    if (rc == EIO_OK)
        rc = make_answer(&to, classic, CLASSIC_SOCKETS, request);
    if (rc == EIO_OK)
        rc = look_for(to, &(sio_target){ .rooms = rooms.rooms }, sio_wants_count(request));
    sio_names_fini(&rooms);
    return rc;
}

int sio_classic_answer_fetch(sio_classic *classic, eio_slice request, const sio_opts *opts)
{
    answer *to = NULL;
    int rc = make_answer(&to, classic, CLASSIC_FETCH, request);

    return rc == EIO_OK ? look_for(to, &opts->target, sio_wants_count(request)) : rc;
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

int sio_classic_answer_server_side(sio_classic *classic, const sio_wire *wire, eio_slice request)
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

int sio_classic_answer_ack_request(sio_classic *classic, const sio_wire *wire, eio_slice request,
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

/* ---- old orders ---- */

void sio_classic_confirm(sio_classic *classic, eio_slice request)
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
