#include "engineio/http/query.h"

#include "engineio/http.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte of the escape that begins at text[at], or -1. */
static int escaped_byte(eio_slice text, size_t at)
{
    if (text.len - at < 3)
        return -1;
    int high = hex_value(text.base[at + 1]);
    int low = hex_value(text.base[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static size_t decode(eio_slice text, char *out, bool plus_is_space)
{
    size_t len = 0;

    for (size_t at = 0; at < text.len; at++) {
        char c = text.base[at];
        int byte = c == '%' ? escaped_byte(text, at) : -1;
        if (byte >= 0) {
            c = (char)(unsigned char)byte;
            at += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    return len;
}

size_t eio_query_decode(eio_slice text, char *out)
{
    return decode(text, out, true);
}

size_t eio_percent_decode(eio_slice text, char *out)
{
    return decode(text, out, false);
}

bool eio_query_next(eio_slice *rest, eio_slice *name, eio_slice *value)
{
    while (rest->len > 0) {
        const char *end = memchr(rest->base, '&', rest->len);
        eio_slice pair = { rest->base, end == NULL ? rest->len : (size_t)(end - rest->base) };
        size_t used = pair.len + (end != NULL);
        rest->base += used;
        rest->len -= used;
        if (pair.len == 0)
            continue; /* && */
        const char *equals = memchr(pair.base, '=', pair.len);
        size_t name_len = equals == NULL ? pair.len : (size_t)(equals - pair.base);
        size_t value_at = name_len + (equals != NULL);
        *name = (eio_slice){ pair.base, name_len };
        *value = (eio_slice){ pair.base + value_at, pair.len - value_at };
        return true;
    }
    return false;
}

/* Whether an encoded name says the same as a plain one. */
static bool is_named(eio_slice encoded, const char *name)
{
    size_t len = strlen(name);
    size_t matched = 0;

    for (size_t at = 0; at < encoded.len; at++) {
        char c = encoded.base[at];
        int byte = c == '%' ? escaped_byte(encoded, at) : -1;
        if (byte >= 0) {
            c = (char)(unsigned char)byte;
            at += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (matched == len || name[matched++] != c)
            return false;
    }
    return matched == len;
}

/* An escape takes three bytes and gives one: so what is decoded is counted before it is written. */
static size_t decoded_len(eio_slice text)
{
    size_t len = 0;

    for (size_t at = 0; at < text.len; at++, len++)
        if (text.base[at] == '%' && escaped_byte(text, at) >= 0)
            at += 2;
    return len;
}

eio_slice eio_query_get(eio_slice query, const char *name, char *out, size_t size)
{
    eio_slice key;
    eio_slice value;
    eio_slice last = { NULL, 0 };

    while (eio_query_next(&query, &key, &value))
        if (is_named(key, name))
            last = value;
    if (last.base == NULL || decoded_len(last) > size)
        return (eio_slice){ NULL, 0 };
    return (eio_slice){ out, eio_query_decode(last, out) };
}
