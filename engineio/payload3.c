#include "engineio/payload3.h"

#include <stdint.h>

#include "engineio/net/base64.h"
#include "engineio/websocket/utf8.h"

enum {
    LENGTH_DIGITS_MAX = 20, /* of a size_t */
    BINARY_TEXT = 0,        /* the first bytes in a binary payload */
    BINARY_BYTES = 1,
    BINARY_STOP = 0xff,
};

/* ---- Packets ---- */

static int decode_base64(eio_packet *out, char *text, size_t len)
{
    if (len == 0 || *text < '0' || *text > '6')
        return EIO_E_PROTOCOL;
    char *data = text + 1;
    eio_packet_type type = (eio_packet_type)(*text - '0');
    size_t decoded = eio_base64_decode_lenient(data, (eio_slice){ data, len - 1 });
    *out = (eio_packet){ type, type == EIO_PACKET_MESSAGE, { data, decoded } };
    return EIO_OK;
}

int eio_packet3_decode_text(eio_packet *out, char *text, size_t len)
{
    if (len > 0 && *text == 'b')
        return decode_base64(out, text + 1, len - 1);
    return eio_packet_decode(out, text, len);
}

int eio_packet3_decode_binary(eio_packet *out, eio_slice bytes)
{
    if (bytes.len == 0 || (unsigned char)*bytes.base > EIO_PACKET_NOOP)
        return EIO_E_PROTOCOL;
    eio_packet_type type = (eio_packet_type)*bytes.base;
    *out = (eio_packet){ type, type == EIO_PACKET_MESSAGE, { bytes.base + 1, bytes.len - 1 } };
    return EIO_OK;
}

static char *write_base64(char *out, eio_slice bytes)
{
    *out++ = 'b';
    *out++ = (char)('0' + EIO_PACKET_MESSAGE);
    eio_base64_encode(out, bytes);
    return out + eio_base64_encoded_len(bytes.len);
}

int eio_packet3_encode_base64(eio_buffer **out, eio_slice bytes)
{
    size_t len = 2 + eio_base64_encoded_len(bytes.len);
    eio_buffer *frame = eio_buffer_new(len);
    if (frame == NULL)
        return EIO_E_NOMEM;
    char *at = eio_buffer_reserve(&frame, len); /* it is there */
    (void)write_base64(at, bytes);
    eio_buffer_commit(frame, len);
    *out = frame;
    return EIO_OK;
}

/* ---- Payloads, in ---- */

void eio_payload3_init(eio_payload3 *payload, char *body, size_t len, bool binary)
{
    *payload = (eio_payload3){ .at = body, .end = len == 0 ? body : body + len, .binary = binary };
}

/* The length before `stop`, its digits from `zero` on. A packet longer than the rest is none. */
static int read_length(eio_payload3 *payload, size_t *length, unsigned char zero,
                       unsigned char stop)
{
    size_t left = (size_t)(payload->end - payload->at);
    size_t most = left < EIO_PAYLOAD3_DIGITS_MAX + 1 ? left : EIO_PAYLOAD3_DIGITS_MAX + 1;
    size_t number = 0;

    for (size_t digits = 0; digits < most; digits++) {
        unsigned char c = (unsigned char)payload->at[digits];
        if (c == stop) {
            payload->at += digits + 1;
            *length = number;
            return digits > 0 && number < left - digits ? EIO_OK : EIO_E_PROTOCOL;
        }
        if (c < zero || c > zero + 9 || number > left)
            return EIO_E_PROTOCOL;
        number = number * 10 + (c - zero);
    }
    return EIO_E_PROTOCOL;
}

/* Bytes and UTF-16 units of the character that starts so. */
static size_t character_len(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static size_t character_units(unsigned char first)
{
    return first < 0xf0 ? 1 : 2;
}

/* How many bytes take so many units. A character is never cut in two. */
static int find_units(size_t *len, const char *at, const char *end, size_t units)
{
    const char *start = at;

    while (units > 0) {
        if (at == end)
            return EIO_E_PROTOCOL;
        size_t bytes = character_len((unsigned char)*at);
        size_t taken = character_units((unsigned char)*at);
        if (bytes > (size_t)(end - at) || taken > units)
            return EIO_E_PROTOCOL;
        at += bytes;
        units -= taken;
    }
    *len = (size_t)(at - start);
    return EIO_OK;
}

/* 1, 0 or negative, as eio_payload3_next; `0:` is passed over. */
static int next_in_text(eio_payload3 *payload, eio_packet *out)
{
    size_t units = 0;
    size_t len = 0;

    int rc = read_length(payload, &units, '0', ':');
    if (rc == EIO_OK)
        rc = find_units(&len, payload->at, payload->end, units);
    if (rc != EIO_OK || units == 0)
        return rc;
    rc = eio_packet3_decode_text(out, payload->at, len);
    payload->at += len;
    return rc == EIO_OK ? 1 : rc;
}

static int next_in_binary(eio_payload3 *payload, eio_packet *out)
{
    unsigned char kind = (unsigned char)*payload->at++;
    size_t len = 0;

    if (kind > BINARY_BYTES)
        return EIO_E_PROTOCOL;
    int rc = read_length(payload, &len, 0, BINARY_STOP);
    if (rc != EIO_OK)
        return rc;
    eio_slice bytes = { payload->at, len };
    if (kind == BINARY_BYTES)
        rc = eio_packet3_decode_binary(out, bytes);
    else if (eio_utf8_is_valid(bytes))
        rc = eio_packet3_decode_text(out, payload->at, len);
    else
        rc = EIO_E_PROTOCOL;
    payload->at += len;
    return rc == EIO_OK ? 1 : rc;
}

int eio_payload3_next(eio_payload3 *payload, eio_packet *out)
{
    int rc = 0;

    while (rc == 0 && !payload->over) {
        if (payload->at == payload->end) {
            payload->over = true;
            return payload->packets == 0 && !payload->binary ? EIO_E_PROTOCOL : 0;
        }
        if (payload->packets++ == EIO_PAYLOAD3_PACKETS_MAX)
            rc = EIO_E_LIMIT;
        else
            rc = payload->binary ? next_in_binary(payload, out) : next_in_text(payload, out);
    }
    if (rc < 0)
        payload->over = true;
    return rc;
}

/* ---- Payloads, out ---- */

static size_t count_units(eio_slice text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        units += (c & 0xc0) != 0x80;
        units += c >= 0xf0;
    }
    return units;
}

/* The decimal digits of a length, from `zero` on. Where they ended. */
static char *write_length(char *out, size_t length, char zero)
{
    char digits[LENGTH_DIGITS_MAX];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)(zero + (char)(length % 10));
        length /= 10;
    } while (length > 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return out + sizeof(digits) - at;
}

static char *write_data(char *out, char type, eio_slice data)
{
    *out++ = type;
    if (data.len > 0)
        memcpy(out, data.base, data.len);
    return out + data.len;
}

static char *write_in_text(char *out, const eio_packet *packet)
{
    if (packet->binary) {
        out = write_length(out, 2 + eio_base64_encoded_len(packet->data.len), '0');
        *out++ = ':';
        return write_base64(out, packet->data);
    }
    out = write_length(out, 1 + count_units(packet->data), '0');
    *out++ = ':';
    return write_data(out, (char)('0' + (int)packet->type), packet->data);
}

static char *write_in_binary(char *out, const eio_packet *packet)
{
    *out++ = (char)(packet->binary ? BINARY_BYTES : BINARY_TEXT);
    out = write_length(out, 1 + packet->data.len, 0);
    *out++ = (char)BINARY_STOP;
    char type = (char)packet->type;
    return write_data(out, (char)(packet->binary ? type : '0' + type), packet->data);
}

size_t eio_payload3_packet_len(const eio_packet *packet)
{
    size_t data = packet->binary ? eio_base64_encoded_len(packet->data.len) : packet->data.len;

    return LENGTH_DIGITS_MAX + 4 + data; /* a first byte, a stop, `b` and a type */
}

int eio_payload3_append(eio_buffer **payload, const eio_packet *packet, bool binary)
{
    char *start = eio_buffer_reserve(payload, eio_payload3_packet_len(packet));
    if (start == NULL)
        return EIO_E_NOMEM;
    char *end = binary ? write_in_binary(start, packet) : write_in_text(start, packet);
    eio_buffer_commit(*payload, (size_t)(end - start));
    return EIO_OK;
}
