#include "socketio/json_string.h"

#include <assert.h>
#include <stdint.h>

bool sio_json_string_has_escapes(eio_slice string)
{
    return memchr(string.base, '\\', string.len) != NULL;
}

static unsigned hex_value(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10; /* either case */
}

/* The four digits at `at`. */
static uint32_t read_hex(const char *at)
{
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 |
           hex_value(at[3]);
}

static char *write_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* From a \uXXXX on, with its other half if there is one; where it ended. */
static const char *decode_unit(char **out, const char *at, const char *end)
{
    uint32_t c = read_hex(at + 2);

    at += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = read_hex(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *out = write_utf8(*out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return at + 6;
        }
    }
    if (c >= 0xd800 && c < 0xe000)
        c = 0xfffd; /* half a pair has no UTF-8 */
    *out = write_utf8(*out, c);
    return at;
}

static char unescape(char c)
{
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    }
    return c;
}

size_t sio_json_string_decode(char *out, eio_slice string)
{
    assert(string.len >= 2);
    char *start = out;
    const char *at = string.base + 1;
    const char *end = string.base + string.len - 1;

    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash == NULL ? end : backslash) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (at == end)
            break;
        if (at[1] == 'u') {
            at = decode_unit(&out, at, end);
        } else {
            *out++ = unescape(at[1]);
            at += 2;
        }
    }
    return (size_t)(out - start);
}

/* What follows the backslash of a short escape; 0: there is none. */
static char short_escape(char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    }
    return 0;
}

size_t sio_json_string_encoded_len(eio_slice value)
{
    size_t len = 2 + value.len;

    if (value.len == 0)
        return len;
    const char *end = value.base + value.len;
    const char *at = sio_json_skip_plain(value.base, end);
    for (; at < end; at = sio_json_skip_plain(at + 1, end))
        len += short_escape(*at) != 0 ? 1 : 5; /* \n or \u001f */
    return len;
}

static char *encode_escape(char *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(c);

    *out++ = '\\';
    if (letter != 0) {
        *out++ = letter;
        return out;
    }
    out[0] = 'u';
    out[1] = out[2] = '0';
    out[3] = hex[(unsigned char)c >> 4];
    out[4] = hex[(unsigned char)c & 15];
    return out + 5;
}

/* What is too short for blocks, or has something to escape there. */
static char *encode_byte_by_byte(char *out, const char *at, const char *end)
{
    for (; at < end; at++) {
        if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\')
            out = encode_escape(out, *at);
        else
            *out++ = *at;
    }
    return out;
}

char *sio_json_string_escape_any(char *out, eio_slice value)
{
    const char *end = value.base + value.len;
    const char *at = value.base;
    while (end - at >= SIO_JSON_BLOCK) {
        size_t plain = (size_t)(sio_json_skip_plain(at, end) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (at < end)
            out = encode_escape(out, *at++);
    }
    return at < end ? encode_byte_by_byte(out, at, end) : out;
}
