#include "socketio/adapter/cluster_message.h"

#include <stdlib.h>

#include "engineio/net/base64.h"
#include "socketio/adapter/found.h"
#include "socketio/json_member.h"

/* ---- reading ---- */

void sio_cluster_message_fini(sio_cluster_message *message)
{
    sio_wire_string_fini(&message->uid);
    sio_wire_string_fini(&message->nsp);
    sio_wire_string_fini(&message->request_id);
    sio_wire_fini(&message->wire);
}

static int find_request(sio_cluster_message *message)
{
    eio_slice data = message->data;

    if (data.len == 0 || data.base[0] != '{')
        return EIO_E_PROTOCOL;
    return sio_wire_string_read(&message->request_id, sio_json_member(data, EIO_STR("requestId")));
}

static int find_parts(sio_cluster_message *message)
{
    const eio_slice whole = sio_wire_text(&message->wire);

    if (!sio_wire_read_number(&message->type, sio_json_member(whole, EIO_STR("type"))))
        return EIO_E_PROTOCOL;
    int rc = sio_wire_string_read(&message->uid, sio_json_member(whole, EIO_STR("uid")));
    if (rc == EIO_OK)
        rc = sio_wire_string_read(&message->nsp, sio_json_member(whole, EIO_STR("nsp")));
    if (rc == EIO_OK && message->nsp.value.base == NULL)
        rc = EIO_E_PROTOCOL;
    if (rc != EIO_OK)
        return rc;
    message->data = sio_json_member(whole, EIO_STR("data"));
    return find_request(message);
}

static int finish(sio_cluster_message *out, sio_cluster_message *message, int rc)
{
    if (rc == EIO_OK)
        *out = *message;
    else
        sio_cluster_message_fini(message);
    return rc;
}

int sio_cluster_read(sio_cluster_message *out, eio_slice bytes)
{
    sio_cluster_message message = { .type = 0 };
    int rc = sio_wire_read(&message.wire, bytes);

    return rc != EIO_OK ? rc : finish(out, &message, find_parts(&message));
}

int sio_cluster_read_msgpack(sio_cluster_message *out, eio_slice bytes)
{
    sio_cluster_message message = { .type = 0 };
    int rc = sio_wire_read_msgpack(&message.wire, bytes);

    return rc != EIO_OK ? rc : finish(out, &message, find_parts(&message));
}

/* As Node's parseInt: what follows the digits does not matter. */
static uint32_t read_type(eio_slice text)
{
    uint32_t type = 0;

    for (size_t i = 0; i < text.len && i < 3 && text.base[i] >= '0' && text.base[i] <= '9'; i++)
        type = type * 10 + (uint32_t)(text.base[i] - '0');
    return type;
}

int sio_wire_read_base64(sio_wire *out, eio_slice text)
{
    char *bytes = malloc(eio_base64_decoded_max(text.len) + 1);

    if (bytes == NULL)
        return EIO_E_NOMEM;
    size_t len = eio_base64_decode_lenient(bytes, text);
    int rc = sio_wire_read_msgpack(out, (eio_slice){ bytes, len });
    free(bytes);
    return rc;
}

int sio_cluster_read_entry(sio_cluster_message *out, const sio_cluster_fields *fields)
{
    sio_cluster_message message = { .type = read_type(fields->type),
                                    .uid = { .value = fields->uid },
                                    .nsp = { .value = fields->nsp } };
    const eio_slice data = fields->data;

    if (fields->nsp.base == NULL || data.len == 0)
        return EIO_E_PROTOCOL;
    int rc = data.base[0] == '{' ? sio_wire_read_json(&message.wire, data)
                                 : sio_wire_read_base64(&message.wire, data);
    if (rc != EIO_OK)
        return rc;
    message.data = sio_wire_text(&message.wire);
    return finish(out, &message, find_request(&message));
}

/* ---- writing: the data of each type ---- */

static void write_request_id(sio_writer *to, eio_slice request_id)
{
    sio_write(to, EIO_STR("\"requestId\":"));
    sio_write_string(to, request_id);
}

void sio_cluster_write_broadcast(sio_writer *to, const sio_target *target, eio_slice name,
                                 sio_args args, const sio_cluster_question *question)
{
    sio_write(to, EIO_STR("{\"packet\":{\"type\":2,\"data\":"));
    sio_write_event(to, name, args);
    sio_write(to, EIO_STR("},"));
    if (question->request_id.base != NULL) {
        write_request_id(to, question->request_id);
        sio_write(to, EIO_STR(","));
    }
    sio_write(to, EIO_STR("\"opts\":"));
    sio_write_opts(to, target, question->timeout_ms);
    sio_write(to, EIO_STR("}"));
}

static void write_opts(sio_writer *to, const sio_target *target)
{
    sio_write(to, EIO_STR("{\"opts\":"));
    sio_write_opts(to, target, 0);
}

void sio_cluster_write_rooms(sio_writer *to, const sio_target *target, sio_rooms rooms)
{
    write_opts(to, target);
    sio_write(to, EIO_STR(",\"rooms\":"));
    sio_write_rooms(to, rooms);
    sio_write(to, EIO_STR("}"));
}

void sio_cluster_write_disconnect(sio_writer *to, const sio_target *target, bool close)
{
    write_opts(to, target);
    sio_write(to, close ? EIO_STR(",\"close\":true}") : EIO_STR(",\"close\":false}"));
}

void sio_cluster_write_fetch(sio_writer *to, const sio_target *target, eio_slice request_id,
                             bool only_count)
{
    write_opts(to, target);
    sio_write(to, EIO_STR(","));
    write_request_id(to, request_id);
    if (only_count)
        sio_write_count_wish(to);
    sio_write(to, EIO_STR("}"));
}

void sio_cluster_write_server_side(sio_writer *to, eio_slice name, sio_args args,
                                   eio_slice request_id)
{
    sio_write(to, EIO_STR("{"));
    if (request_id.base != NULL) {
        write_request_id(to, request_id);
        sio_write(to, EIO_STR(","));
    }
    sio_write(to, EIO_STR("\"packet\":"));
    sio_write_event(to, name, args);
    sio_write(to, EIO_STR("}"));
}

void sio_cluster_write_count(sio_writer *to, eio_slice request_id, size_t count)
{
    sio_write(to, EIO_STR("{"));
    write_request_id(to, request_id);
    sio_write(to, EIO_STR(",\"clientCount\":"));
    sio_write_number(to, count);
    sio_write(to, EIO_STR("}"));
}

void sio_cluster_write_answer(sio_writer *to, eio_slice request_id, sio_args args)
{
    sio_write(to, EIO_STR("{"));
    write_request_id(to, request_id);
    if (args.count > 0) {
        sio_write(to, EIO_STR(",\"packet\":"));
        sio_write(to, args.json[0]);
    }
    sio_write(to, EIO_STR("}"));
}

/* ---- writing: the whole ---- */

static void write_whole(sio_writer *to, const sio_cluster_outgoing *message, eio_slice uid,
                        eio_slice nsp)
{
    sio_write(to, EIO_STR("{\"type\":"));
    sio_write_number(to, (uint64_t)message->type);
    sio_write(to, EIO_STR(",\"data\":"));
    sio_write(to, eio_buffer_slice(message->data->json));
    sio_write(to, EIO_STR(",\"uid\":"));
    sio_write_string(to, uid);
    sio_write(to, EIO_STR(",\"nsp\":"));
    sio_write_string(to, nsp);
    sio_write(to, EIO_STR("}"));
}

/* The text of a writer, new; the writer is done with. */
static int take_text(eio_buffer **out, sio_writer *writer)
{
    if (writer->rc == EIO_OK)
        *out = writer->json;
    else
        sio_writer_fini(writer);
    return writer->rc;
}

int sio_cluster_encode(eio_buffer **out, const sio_cluster_outgoing *message, eio_slice uid,
                       eio_slice nsp)
{
    sio_writer whole = { .json = NULL };

    if (message->attachment_count > 0)
        return sio_cluster_encode_msgpack(out, message, uid, nsp);
    if (message->data->rc != EIO_OK)
        return message->data->rc;
    write_whole(&whole, message, uid, nsp);
    return take_text(out, &whole);
}

int sio_cluster_encode_msgpack(eio_buffer **out, const sio_cluster_outgoing *message, eio_slice uid,
                               eio_slice nsp)
{
    sio_writer whole = { .json = NULL };

    if (message->data->rc != EIO_OK)
        return message->data->rc;
    write_whole(&whole, message, uid, nsp);
    int rc = sio_writer_to_msgpack(out, &whole, message->attachments, message->attachment_count);
    sio_writer_fini(&whole);
    return rc;
}

eio_buffer *sio_base64_of(eio_slice bytes)
{
    size_t len = eio_base64_encoded_len(bytes.len);
    eio_buffer *text = eio_buffer_new(len);
    char *at = text == NULL ? NULL : eio_buffer_reserve(&text, len);

    if (at == NULL) {
        eio_buffer_unref(text);
        return NULL;
    }
    eio_base64_encode(at, bytes);
    eio_buffer_commit(text, len);
    return text;
}

int sio_cluster_encode_entry(eio_buffer **out, const sio_cluster_outgoing *message, bool only_plain)
{
    sio_writer text = { .json = NULL };
    eio_buffer *bytes;

    if (message->data->rc != EIO_OK)
        return message->data->rc;
    if (only_plain || message->attachment_count == 0) {
        sio_write_plain(&text, eio_buffer_slice(message->data->json), message->attachments,
                        message->attachment_count);
        return take_text(out, &text);
    }
    int rc = sio_writer_to_msgpack(&bytes, message->data, message->attachments,
                                   message->attachment_count);
    if (rc != EIO_OK)
        return rc;
    *out = sio_base64_of(eio_buffer_slice(bytes));
    eio_buffer_unref(bytes);
    return *out == NULL ? EIO_E_NOMEM : EIO_OK;
}
