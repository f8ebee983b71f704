#include "socketio/packet.h"

#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/reassembly.h"

/* The words of Node's decoder, where it has some. */
static const char no_text[] = "Unknown type: undefined";
static const char invalid_payload[] = "invalid payload";
static const char too_many_args[] = "too many arguments (limit: 1024)";
static const char too_deep[] = "payload is nested too deeply (limit: 128)";

void sio_decoder_init(sio_decoder *decoder, size_t max_packet_bytes)
{
    decoder->fault = NULL;
    decoder->max_attachments = SIO_ATTACHMENTS_MAX;
    decoder->max_packet_bytes = max_packet_bytes;
}

bool sio_name_of_that_length_is_reserved(eio_slice name)
{
    switch (name.len) {
    case 7: return memcmp(name.base, "connect", 7) == 0;
    case 10: return memcmp(name.base, "disconnect", 10) == 0;
    case 11: return memcmp(name.base, "newListener", 11) == 0;
    case 13:
        return memcmp(name.base, "connect_error", 13) == 0 ||
               memcmp(name.base, "disconnecting", 13) == 0;
    case 14: return memcmp(name.base, "removeListener", 14) == 0;
    }
    return false;
}

/* The text that is still to be read. */
typedef struct input {
    const char *at;
    const char *end;
} input;

static bool is_digit(const input *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

/* A run of digits, perhaps empty. What passes the limit becomes limit + 1. */
static uint64_t read_number(input *in, uint64_t limit)
{
    uint64_t number = 0;

    for (; is_digit(in); in->at++) {
        if (number <= limit)
            number = number * 10 + (uint64_t)(*in->at - '0');
    }
    return number <= limit ? number : limit + 1;
}

static const char *type_fault(char digit)
{
    switch (digit) {
    case '7': return "unknown packet type 7";
    case '8': return "unknown packet type 8";
    case '9': return "unknown packet type 9";
    }
    return "unknown packet type NaN";
}

/* Field by field: the whole at once is a slow instruction to some compilers. */
static inline void packet_init(sio_packet *packet)
{
    packet->type = SIO_CONNECT;
    packet->has_id = false;
    packet->id = 0;
    packet->args.attachments = NULL;
    packet->args.attachment_count = 0;
    packet->held = NULL;
}

/* The rest, which an event sets anyhow. */
static void packet_init_payload(sio_packet *packet)
{
    packet->payload = (eio_slice){ NULL, 0 };
    packet->name = (eio_slice){ NULL, 0 };
    packet->args.json = NULL;
    packet->args.count = 0;
}

static const char *read_type(sio_packet *packet, input *in)
{
    char digit = *in->at++;

    if (digit < '0' || digit > '6')
        return type_fault(digit);
    packet->type = (sio_packet_type)(digit - '0');
    return NULL;
}

static const char *read_attachments(size_t *count, input *in, size_t max)
{
    *count = (size_t)read_number(in, max);
    if (*count == 0 || in->at == in->end || *in->at != '-')
        return "Illegal attachments";
    in->at++;
    return *count > max ? "too many attachments" : NULL;
}

static const char *read_nsp(sio_packet *packet, input *in)
{
    if (in->at == in->end || *in->at != '/') {
        packet->nsp = sio_root_nsp;
        return NULL;
    }
    size_t left = (size_t)(in->end - in->at);
    const char *comma = memchr(in->at, ',', left);
    packet->nsp = (eio_slice){ in->at, comma == NULL ? left : (size_t)(comma - in->at) };
    in->at = comma == NULL ? in->end : comma + 1;
    /* Protocol 4 has a query behind the name of a CONNECT, which is no part of it. */
    const char *query =
        packet->type != SIO_CONNECT ? NULL : memchr(packet->nsp.base, '?', packet->nsp.len);
    size_t len = query == NULL ? packet->nsp.len : (size_t)(query - packet->nsp.base);
    return len > SIO_NSP_MAX_BYTES ? "namespace is too long (limit: 256 bytes)" : NULL;
}

static const char *read_id(sio_packet *packet, input *in)
{
    if (!is_digit(in))
        return NULL;
    packet->has_id = true;
    packet->id = read_number(in, SIO_ACK_ID_MAX);
    return packet->id > SIO_ACK_ID_MAX ? "acknowledgement id is too large" : NULL;
}

static const char *fault_of(int rc)
{
    switch (rc) {
    case EIO_OK: return NULL;
    case EIO_E_TOO_BIG: return too_deep;
    case EIO_E_LIMIT: return too_many_args;
    }
    return invalid_payload;
}

/* escaped: it may have escapes. */
static const char *read_name(sio_packet *packet, sio_decoder *decoder, eio_slice first,
                             bool escaped)
{
    if (*first.base != '"') {
        if (*first.base != '-' && (*first.base < '0' || *first.base > '9'))
            return invalid_payload;
        packet->name = first;
    } else if (!escaped || !sio_json_string_has_escapes(first)) {
        packet->name = (eio_slice){ first.base + 1, first.len - 2 };
    } else if (first.len - 2 <= sizeof(decoder->name)) {
        packet->name.base = decoder->name;
        packet->name.len = sio_json_string_decode(decoder->name, first);
    } else {
        packet->name.len = first.len; /* too long, whatever it says */
    }
    if (packet->name.len > SIO_EVENT_NAME_MAX_BYTES)
        return "event name is too long (limit: 1024 bytes)";
    return sio_event_name_is_reserved(packet->name) ? invalid_payload : NULL;
}

static inline const char *read_event(sio_packet *packet, sio_decoder *decoder)
{
    size_t count = 0;
    bool escaped = false;

    int rc =
        sio_json_split_event(&count, &escaped, decoder->args, 1 + SIO_ARGS_MAX, packet->payload);
    if (rc != EIO_OK)
        return fault_of(rc);
    if (count == 0)
        return invalid_payload;
    packet->args.json = decoder->args + 1;
    packet->args.count = count - 1;
    return read_name(packet, decoder, decoder->args[0], escaped);
}

static const char *read_ack(sio_packet *packet, sio_decoder *decoder)
{
    packet->args.json = decoder->args;
    return fault_of(
        sio_json_split(&packet->args.count, decoder->args, SIO_ARGS_MAX, packet->payload));
}

static const char *check_payload(eio_slice payload, bool string_too)
{
    char first = *payload.base;

    if (first != '{' && (first != '"' || !string_too))
        return invalid_payload;
    return fault_of(sio_json_check(payload));
}

/* What is no event. */
static const char *read_other(sio_packet *packet, sio_decoder *decoder, eio_slice json)
{
    packet_init_payload(packet);
    packet->payload = json;
    switch (packet->type) {
    case SIO_CONNECT: return check_payload(json, false);
    case SIO_CONNECT_ERROR: return check_payload(json, true);
    case SIO_DISCONNECT:
    case SIO_EVENT:
    case SIO_BINARY_EVENT: break;
    case SIO_ACK:
    case SIO_BINARY_ACK: return *json.base == '[' ? read_ack(packet, decoder) : invalid_payload;
    }
    return invalid_payload;
}

/* Inline: with a call or two less for each event. */
static inline const char *read_json(sio_packet *packet, sio_decoder *decoder, eio_slice json)
{
    if (packet->type != SIO_EVENT && packet->type != SIO_BINARY_EVENT)
        return read_other(packet, decoder, json);
    packet->payload = json;
    return *json.base == '[' ? read_event(packet, decoder) : invalid_payload;
}

const char *sio_packet_read_payload(sio_packet *packet, sio_decoder *decoder, eio_slice json)
{
    return read_json(packet, decoder, json);
}

/* What follows the type and the number of attachments. */
static inline const char *read_rest(sio_packet *packet, sio_decoder *decoder, input *in)
{
    const char *fault = read_nsp(packet, in);

    if (fault == NULL)
        fault = read_id(packet, in);
    if (fault != NULL)
        return fault;
    if (in->at == in->end) { /* any packet may be without payload */
        packet_init_payload(packet);
        return NULL;
    }
    return read_json(packet, decoder, (eio_slice){ in->at, (size_t)(in->end - in->at) });
}

/* A packet whose attachments follow. Never inline: the others would save registers for it. */
__attribute__((noinline)) static sio_decode_result decode_beginning(sio_packet *packet,
                                                                    sio_decoder *decoder,
                                                                    sio_reassembly **pending,
                                                                    input in, eio_slice text)
{
    size_t attachments = 0;
    const char *fault = read_attachments(&attachments, &in, decoder->max_attachments);

    if (fault == NULL)
        fault = read_rest(packet, decoder, &in);
    if (fault == NULL)
        fault = sio_reassembly_new(pending, decoder, packet, text, attachments);
    return fault != NULL ? sio_decode_fail(decoder, fault) : SIO_DECODE_PENDING;
}

sio_decode_result sio_decode_text(sio_packet *out, sio_decoder *decoder, sio_reassembly **pending,
                                  eio_slice text)
{
    if (*pending != NULL)
        return sio_decode_fail(decoder, "got plaintext data when reconstructing a packet");
    if (text.len == 0)
        return sio_decode_fail(decoder, no_text);
    packet_init(out);
    input in = { text.base, text.base + text.len };
    const char *fault = read_type(out, &in);
    if (out->type == SIO_BINARY_EVENT || out->type == SIO_BINARY_ACK)
        return decode_beginning(out, decoder, pending, in, text);
    if (fault == NULL)
        fault = read_rest(out, decoder, &in);
    return fault != NULL ? sio_decode_fail(decoder, fault) : SIO_DECODE_PACKET;
}
