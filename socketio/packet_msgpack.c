#include "socketio/packet_msgpack.h"

#include "engineio/websocket/utf8.h"
#include "socketio/msgpack.h"
#include "socketio/reassembly.h"

/* ---- Decoding ---- */

/* What a map says, as far as it was read. */
typedef struct fields {
    sio_msgpack_item type;
    sio_msgpack_item nsp;
    sio_msgpack_item id;
    eio_slice data; /* the whole value; {NULL, 0}: none */
} fields;

static const char not_msgpack[] = "invalid msgpack";

/* undefined is as good as nothing. */
static int read_data(fields *out, eio_slice *in)
{
    eio_slice start = *in, rest = *in;
    sio_msgpack_item head;

    int rc = sio_msgpack_read(&head, &rest);
    if (rc == EIO_OK)
        rc = sio_msgpack_skip(in);
    out->data = (eio_slice){ NULL, 0 };
    if (rc == EIO_OK && head.kind != SIO_MSGPACK_UNDEFINED)
        out->data = (eio_slice){ start.base, start.len - in->len };
    return rc;
}

/* A scalar; of what is none only the kind is noted. */
static int read_scalar(sio_msgpack_item *out, eio_slice *in)
{
    eio_slice rest = *in;

    int rc = sio_msgpack_read(out, &rest);
    return rc == EIO_OK ? sio_msgpack_skip(in) : rc;
}

static int read_field(fields *out, eio_slice *in)
{
    sio_msgpack_item key;

    int rc = sio_msgpack_read(&key, in);
    if (rc != EIO_OK)
        return rc;
    if (sio_msgpack_is(&key, EIO_STR("type")))
        return read_scalar(&out->type, in);
    if (sio_msgpack_is(&key, EIO_STR("data")))
        return read_data(out, in);
    if (sio_msgpack_is(&key, EIO_STR("nsp")))
        return read_scalar(&out->nsp, in);
    if (sio_msgpack_is(&key, EIO_STR("id")))
        return read_scalar(&out->id, in);
    if (key.kind != SIO_MSGPACK_STRING && key.kind != SIO_MSGPACK_INTEGER)
        return EIO_E_PROTOCOL;
    return sio_msgpack_skip(in); /* what clients add means nothing to us */
}

static int read_fields(fields *out, eio_slice in)
{
    sio_msgpack_item map;

    int rc = sio_msgpack_read(&map, &in);
    if (rc == EIO_OK && map.kind != SIO_MSGPACK_MAP)
        rc = EIO_E_PROTOCOL;
    for (size_t i = 0; rc == EIO_OK && i < map.count; i++)
        rc = read_field(out, &in);
    return rc == EIO_OK && in.len > 0 ? EIO_E_PROTOCOL : rc;
}

/* A whole number from 0 to max, in whatever form. */
static bool read_whole(uint64_t *out, const sio_msgpack_item *item, uint64_t max)
{
    if (item->kind != SIO_MSGPACK_INTEGER && item->kind != SIO_MSGPACK_NUMBER)
        return false;
    if (!(item->number >= 0 && item->number <= (double)max))
        return false;
    *out = (uint64_t)item->number;
    return (double)*out >= item->number;
}

static const char *read_head(sio_packet *packet, const fields *in)
{
    uint64_t type = 0;

    if (!read_whole(&type, &in->type, SIO_CONNECT_ERROR))
        return "invalid packet type";
    packet->type = (sio_packet_type)type;
    packet->nsp = in->nsp.bytes;
    if (in->nsp.kind != SIO_MSGPACK_STRING || !eio_utf8_is_valid(packet->nsp))
        return "invalid namespace";
    if (packet->nsp.len > SIO_NSP_MAX_BYTES)
        return "namespace is too long (limit: 256 bytes)";
    packet->has_id = in->id.kind != SIO_MSGPACK_UNDEFINED;
    if (packet->has_id && !read_whole(&packet->id, &in->id, SIO_ACK_ID_MAX))
        return "invalid packet id";
    return NULL;
}

static const char *fault_of(int rc)
{
    switch (rc) {
    case EIO_E_TOO_BIG: return "payload is nested too deeply (limit: 128)";
    case EIO_E_LIMIT: return "too many attachments";
    case EIO_E_NOMEM: return eio_strerror(EIO_E_NOMEM);
    }
    return not_msgpack;
}

/* Convert the data to JSON, and read that as if it had come as text. */
static const char *read_json(sio_packet *packet, sio_decoder *decoder, eio_buffer **json,
                             sio_msgpack_binaries *binaries, eio_slice data)
{
    int rc = sio_msgpack_to_json(json, binaries, &data);

    return rc == EIO_OK ? sio_packet_read_payload(packet, decoder, eio_buffer_slice(*json))
                        : fault_of(rc);
}

static const char *read_payload(sio_packet *packet, sio_decoder *decoder, eio_slice data)
{
    bool may_hold_bytes = packet->type == SIO_EVENT || packet->type == SIO_ACK;
    eio_slice found[SIO_ATTACHMENTS_MAX];
    sio_msgpack_binaries binaries = { found, may_hold_bytes ? decoder->max_attachments : 0, 0 };

    if (data.base == NULL) {
        bool optional = packet->type == SIO_CONNECT || packet->type == SIO_DISCONNECT;
        return optional ? NULL : "invalid payload";
    }
    eio_buffer *json = eio_buffer_new(64 + 2 * data.len);
    if (json == NULL)
        return fault_of(EIO_E_NOMEM);
    const char *fault = read_json(packet, decoder, &json, &binaries, data);
    if (fault == NULL)
        return sio_reassembly_hold(packet, json, found, binaries.count);
    eio_buffer_unref(json);
    return fault;
}

sio_decode_result sio_msgpack_decode(sio_packet *out, sio_decoder *decoder, eio_slice bytes)
{
    fields in = { .type.kind = SIO_MSGPACK_NIL,
                  .nsp.kind = SIO_MSGPACK_NIL,
                  .id.kind = SIO_MSGPACK_UNDEFINED };
    sio_packet packet = { .type = SIO_CONNECT };

    int rc = read_fields(&in, bytes);
    if (rc != EIO_OK)
        return sio_decode_fail(decoder, fault_of(rc));
    const char *fault = read_head(&packet, &in);
    if (fault == NULL)
        fault = read_payload(&packet, decoder, in.data);
    if (fault != NULL)
        return sio_decode_fail(decoder, fault);
    *out = packet;
    return SIO_DECODE_PACKET;
}

/* ---- Encoding ---- */

static int put_key(eio_buffer **out, const char *key)
{
    return sio_msgpack_put_string(out, eio_slice_of(key));
}

static int put_type(eio_buffer **out, sio_packet_type type)
{
    int rc = put_key(out, "type");

    return rc == EIO_OK ? sio_msgpack_put_integer(out, (int64_t)type) : rc;
}

static int put_nsp(eio_buffer **out, eio_slice nsp)
{
    int rc = put_key(out, "nsp");

    return rc == EIO_OK ? sio_msgpack_put_string(out, nsp) : rc;
}

static int put_id(eio_buffer **out, uint64_t id)
{
    int rc = put_key(out, "id");

    return rc == EIO_OK ? sio_msgpack_put_number(out, (double)id) : rc;
}

/* name: {NULL, 0} for an acknowledgement. */
static int put_array(eio_buffer **out, eio_slice name, sio_args args)
{
    int rc = put_key(out, "data");

    if (rc == EIO_OK)
        rc = sio_msgpack_put_array(out, args.count + (name.base == NULL ? 0 : 1));
    if (rc == EIO_OK && name.base != NULL)
        rc = sio_msgpack_put_string(out, name);
    for (size_t i = 0; i < args.count && rc == EIO_OK; i++)
        rc = sio_msgpack_put_json(out, args.json[i], args.attachments, args.attachment_count);
    return rc;
}

/* A buffer with some room. */
static eio_buffer *new_packet(eio_slice nsp, sio_args args)
{
    size_t room = 64 + nsp.len;

    for (size_t i = 0; i < args.count; i++)
        room += args.json[i].len;
    for (size_t i = 0; i < args.attachment_count; i++)
        room += eio_buffer_slice(args.attachments[i]).len;
    return eio_buffer_new(room);
}

/* The packet is done: give it, or free it. */
static int finish(eio_buffer **out, eio_buffer *packet, int rc)
{
    if (rc == EIO_OK)
        *out = packet;
    else
        eio_buffer_unref(packet);
    return rc;
}

/* What is in the packet itself needs no attachments behind it. */
static int finish_whole(sio_encoded *out, eio_buffer *packet, int rc)
{
    out->attachment_count = 0;
    return finish(&out->text, packet, rc);
}

int sio_msgpack_encode_event(sio_encoded *out, eio_slice nsp, bool has_id, uint64_t id,
                             eio_slice name, sio_args args)
{
    if (name.base == NULL)
        name = EIO_STR(""); /* an empty name is a name */
    if (sio_event_name_is_reserved(name))
        return EIO_E_RESERVED;
    eio_buffer *packet = new_packet(nsp, args);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, has_id ? 4 : 3);
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_EVENT);
    if (rc == EIO_OK)
        rc = put_array(&packet, name, args);
    if (rc == EIO_OK && has_id)
        rc = put_id(&packet, id);
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish_whole(out, packet, rc);
}

int sio_msgpack_encode_ack(sio_encoded *out, eio_slice nsp, uint64_t id, sio_args args)
{
    eio_buffer *packet = new_packet(nsp, args);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, 4);
    if (rc == EIO_OK)
        rc = put_id(&packet, id); /* first, as Node has it */
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_ACK);
    if (rc == EIO_OK)
        rc = put_array(&packet, (eio_slice){ NULL, 0 }, args);
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish_whole(out, packet, rc);
}

int sio_msgpack_encode_connect(eio_buffer **out, eio_slice nsp, eio_slice payload)
{
    eio_buffer *packet = new_packet(nsp, SIO_NO_ARGS);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, payload.base == NULL ? 2 : 3);
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_CONNECT);
    if (rc == EIO_OK && payload.base != NULL) {
        rc = put_key(&packet, "data");
        if (rc == EIO_OK)
            rc = sio_msgpack_put_json(&packet, payload, NULL, 0);
    }
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish(out, packet, rc);
}

int sio_msgpack_encode_error4(eio_buffer **out, eio_slice nsp, eio_slice message, eio_slice data)
{
    eio_buffer *packet = new_packet(nsp, SIO_NO_ARGS);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, 3);
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_CONNECT_ERROR);
    if (rc == EIO_OK)
        rc = put_key(&packet, "data");
    if (rc == EIO_OK)
        rc = data.base != NULL ? sio_msgpack_put_json(&packet, data, NULL, 0)
                               : sio_msgpack_put_string(&packet, message);
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish(out, packet, rc);
}

static int put_error(eio_buffer **out, eio_slice message, eio_slice data)
{
    size_t members = (size_t)(message.base != NULL) + (size_t)(data.base != NULL);
    int rc = put_key(out, "data");

    if (rc == EIO_OK)
        rc = sio_msgpack_put_map(out, members);
    if (rc == EIO_OK && message.base != NULL) {
        rc = put_key(out, "message");
        if (rc == EIO_OK)
            rc = sio_msgpack_put_string(out, message);
    }
    if (rc == EIO_OK && data.base != NULL) {
        rc = put_key(out, "data");
        if (rc == EIO_OK)
            rc = sio_msgpack_put_json(out, data, NULL, 0);
    }
    return rc;
}

int sio_msgpack_encode_connect_error(eio_buffer **out, eio_slice nsp, eio_slice message,
                                     eio_slice data)
{
    eio_buffer *packet = new_packet(nsp, SIO_NO_ARGS);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, 3);
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_CONNECT_ERROR);
    if (rc == EIO_OK)
        rc = put_error(&packet, message, data);
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish(out, packet, rc);
}

int sio_msgpack_encode_disconnect(eio_buffer **out, eio_slice nsp)
{
    eio_buffer *packet = new_packet(nsp, SIO_NO_ARGS);
    if (packet == NULL)
        return EIO_E_NOMEM;
    int rc = sio_msgpack_put_map(&packet, 2);
    if (rc == EIO_OK)
        rc = put_type(&packet, SIO_DISCONNECT);
    if (rc == EIO_OK)
        rc = put_nsp(&packet, nsp);
    return finish(out, packet, rc);
}
