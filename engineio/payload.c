#include "engineio/payload.h"

#include "engineio/net/base64.h"
#include "engineio/websocket/utf8.h"

enum { SEPARATOR = 0x1e };

/* Bytes that a character takes, judged by its first byte; 0: it is no first byte. */
static size_t sequence_len(char first)
{
    unsigned char c = (unsigned char)first;

    if (c < 0xc2 || c > 0xf4)
        return c < 0x80 ? 1 : 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/*
 * How many bytes before `bad` belong to the sequence that it broke: 0 when it is bad by itself.
 * What stands before it was found good, so a first byte that wants more than it got is the one.
 */
static size_t broken_bytes(eio_slice text, size_t bad)
{
    for (size_t back = 1; back <= 3 && back <= bad; back++) {
        char c = text.base[bad - back];
        if (((unsigned char)c & 0xc0) == 0x80)
            continue;
        return sequence_len(c) > back ? back : 0;
    }
    return 0;
}

/* The next stretch: good bytes, then bad ones to be replaced. Both 0 at the end. */
static void next_stretch(eio_slice text, size_t *good, size_t *bad)
{
    eio_utf8 state = { 0 };
    size_t at = eio_utf8_feed(&state, text);

    size_t broken = at == text.len && eio_utf8_is_whole(&state) ? 0 : broken_bytes(text, at);
    *good = at - broken;
    *bad = broken > 0 ? broken : at < text.len ? 1 : 0;
}

static eio_slice skip(eio_slice text, size_t len)
{
    return (eio_slice){ text.base + len, text.len - len };
}

static size_t repaired_len(eio_slice text)
{
    size_t len = 0;

    while (text.len > 0) {
        size_t good, bad;
        next_stretch(text, &good, &bad);
        len += good + (bad > 0 ? 3 : 0);
        text = skip(text, good + bad);
    }
    return len;
}

int eio_payload_repair(eio_buffer **out, eio_slice body)
{
    static const char replacement[] = { '\xef', '\xbf', '\xbd' }; /* U+FFFD */

    if (body.len == 0 || eio_utf8_is_valid(body)) {
        *out = NULL;
        return EIO_OK;
    }
    size_t len = repaired_len(body);
    eio_buffer *repaired = eio_buffer_new(len);
    if (repaired == NULL)
        return EIO_E_NOMEM;
    char *to = eio_buffer_reserve(&repaired, len); /* it is there */
    while (body.len > 0) {
        size_t good, bad;
        next_stretch(body, &good, &bad);
        memcpy(to, body.base, good);
        to += good;
        if (bad > 0) {
            memcpy(to, replacement, sizeof(replacement));
            to += sizeof(replacement);
        }
        body = skip(body, good + bad);
    }
    eio_buffer_commit(repaired, len);
    *out = repaired;
    return EIO_OK;
}

void eio_payload_init(eio_payload *payload, char *body, size_t len)
{
    *payload = (eio_payload){ .at = body, .end = len == 0 ? body : body + len };
}

int eio_payload_next(eio_payload *payload, eio_packet *out)
{
    if (payload->over)
        return 0;
    if (payload->packets++ == EIO_PAYLOAD_PACKETS_MAX) {
        payload->over = true;
        return EIO_E_LIMIT;
    }
    char *start = payload->at;
    size_t left = (size_t)(payload->end - start);
    char *separator = left == 0 ? NULL : memchr(start, SEPARATOR, left);
    size_t len = separator == NULL ? left : (size_t)(separator - start);
    payload->over = separator == NULL;
    if (separator != NULL)
        payload->at = separator + 1;
    int rc = eio_packet_decode(out, start, len);
    if (rc == EIO_OK)
        return 1;
    payload->over = true;
    return rc;
}

size_t eio_payload_packet_len(const eio_packet *packet)
{
    size_t data = packet->binary ? eio_base64_encoded_len(packet->data.len) : packet->data.len;

    return 1 + 1 + data;
}

int eio_payload_append(eio_buffer **payload, const eio_packet *packet)
{
    bool first = eio_buffer_slice(*payload).len == 0;
    size_t len = eio_payload_packet_len(packet) - (first ? 1 : 0);

    char *at = eio_buffer_reserve(payload, len);
    if (at == NULL)
        return EIO_E_NOMEM;
    if (!first)
        *at++ = SEPARATOR;
    if (packet->binary) {
        *at++ = 'b';
        eio_base64_encode(at, packet->data);
    } else {
        *at++ = (char)('0' + (int)packet->type);
        if (packet->data.len > 0)
            memcpy(at, packet->data.base, packet->data.len);
    }
    eio_buffer_commit(*payload, len);
    return EIO_OK;
}
