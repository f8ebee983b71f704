#include <math.h>
#include <stdio.h>

#include "engineio/websocket/utf8.h"
#include "socketio/json_number.h"
#include "socketio/json_string.h"
#include "socketio/msgpack.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

#define DATE_MAX_MS 8.64e15 /* ECMAScript, Time Values */

/* An array or map that is open. */
typedef struct level {
    size_t left; /* items or pairs */
    bool map;
    bool comma; /* there was one before */
} level;

typedef struct converter {
    eio_buffer **json;
    sio_msgpack_binaries *binaries;
    eio_slice in;
    size_t depth;
    level levels[SIO_MSGPACK_DEPTH_MAX];
} converter;

static int put(converter *to, eio_slice text)
{
    return eio_buffer_append(to->json, text);
}

/* ---- Strings ---- */

/*
 * The bytes of the next character; or, not good, those to be replaced as one: the longest that
 * could begin a character (Unicode §3.9).
 */
static size_t measure(eio_slice text, bool *good)
{
    eio_utf8 state = { 0 };
    size_t len = 0;

    *good = false;
    do {
        if (len == text.len)
            return len;
        if (eio_utf8_feed(&state, (eio_slice){ text.base + len, 1 }) == 0)
            return len == 0 ? 1 : len;
        len++;
    } while (!eio_utf8_is_whole(&state));
    *good = true;
    return len;
}

/* Whether a lone surrogate stands here, encoded as if it were a character: @msgpack does so. */
static bool is_surrogate(eio_slice text)
{
    const unsigned char *at = (const unsigned char *)text.base;

    return text.len >= 3 && at[0] == 0xed && at[1] >= 0xa0 && at[1] < 0xc0 &&
           (at[2] & 0xc0) == 0x80;
}

static char *write_surrogate(char *out, const char *text)
{
    unsigned unit = 0xd000u | ((unsigned)text[1] & 0x3fu) << 6 | ((unsigned)text[2] & 0x3fu);

    return out + snprintf(out, 7, "\\u%04x", unit);
}

static char *write_repaired(char *out, eio_slice text)
{
    static const char replacement[] = { '\xef', '\xbf', '\xbd' }; /* U+FFFD */

    while (text.len > 0) {
        bool good = false;
        size_t len = measure(text, &good);
        if (good) {
            out = sio_json_string_escape(out, (eio_slice){ text.base, len });
        } else if (is_surrogate(text)) {
            out = write_surrogate(out, text.base);
            len = 3;
        } else {
            memcpy(out, replacement, sizeof(replacement));
            out += sizeof(replacement);
        }
        text.base += len;
        text.len -= len;
    }
    return out;
}

static int put_string(converter *to, eio_slice text)
{
    bool valid = eio_utf8_is_valid(text);
    size_t max = valid ? sio_json_string_encoded_max(text) : 2 + 6 * text.len;
    char *start = eio_buffer_reserve(to->json, max);

    if (start == NULL)
        return EIO_E_NOMEM;
    char *at = start;
    if (valid) {
        at = sio_json_string_encode(at, text);
    } else {
        *at++ = '"';
        at = write_repaired(at, text);
        *at++ = '"';
    }
    eio_buffer_commit(*to->json, (size_t)(at - start));
    return EIO_OK;
}

/* ---- Scalars ---- */

static int put_number(converter *to, double number)
{
    char text[SIO_JSON_NUMBER_MAX];

    return put(to, (eio_slice){ text, sio_json_number_write(text, number) });
}

/* Years, months and days of a day since 1970 in the Gregorian calendar, counted from March on. */
static void split_day(int64_t day, int64_t *year, int *month, int *of_month)
{
    int64_t since = day + 719468; /* 0000-03-01 */
    int64_t era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t of_era = since - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t from_march = (5 * of_year + 2) / 153;

    *of_month = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = years + era * 400 + (*month <= 2);
}

/* As Date's toJSON has it. */
static int put_date(converter *to, double number)
{
    char text[64];

    if (!(fabs(number) <= DATE_MAX_MS))
        return put(to, EIO_STR("null"));
    int64_t ms = (int64_t)number;
    int64_t day = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
    int of_day = (int)(ms - day * DAY_MS);
    int64_t year = 0;
    int month = 0, of_month = 0;
    split_day(day, &year, &month, &of_month);
    bool wide = year < 0 || year > 9999;
    const char *sign = year < 0 ? "-" : wide ? "+" : "";
    int len = snprintf(text, sizeof(text), "\"%s%0*d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", sign,
                       wide ? 6 : 4, (int)(year < 0 ? -year : year), month, of_month,
                       of_day / 3600000, of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
    return put(to, (eio_slice){ text, (size_t)len });
}

static int put_binary(converter *to, eio_slice bytes)
{
    sio_msgpack_binaries *binaries = to->binaries;
    char text[64];

    if (binaries->count == binaries->max)
        return EIO_E_LIMIT;
    int len = snprintf(text, sizeof(text), "{\"_placeholder\":true,\"num\":%zu}", binaries->count);
    binaries->items[binaries->count++] = bytes;
    return put(to, (eio_slice){ text, (size_t)len });
}

/* [type, bytes] */
static int put_ext(converter *to, const sio_msgpack_item *item)
{
    int rc = put(to, EIO_STR("["));

    if (rc == EIO_OK)
        rc = put_number(to, (double)item->integer);
    if (rc == EIO_OK)
        rc = put(to, EIO_STR(","));
    if (rc == EIO_OK)
        rc = put_binary(to, item->bytes);
    return rc == EIO_OK ? put(to, EIO_STR("]")) : rc;
}

/* ---- Arrays and maps ---- */

static int open_level(converter *to, const sio_msgpack_item *item)
{
    bool map = item->kind == SIO_MSGPACK_MAP;

    if (to->depth == SIO_MSGPACK_DEPTH_MAX)
        return EIO_E_TOO_BIG;
    to->levels[to->depth++] = (level){ .left = item->count, .map = map };
    return put(to, map ? EIO_STR("{") : EIO_STR("["));
}

static int put_item(converter *to, const sio_msgpack_item *item)
{
    switch (item->kind) {
    case SIO_MSGPACK_NIL:
    case SIO_MSGPACK_UNDEFINED: return put(to, EIO_STR("null"));
    case SIO_MSGPACK_BOOL: return put(to, item->integer != 0 ? EIO_STR("true") : EIO_STR("false"));
    case SIO_MSGPACK_INTEGER:
    case SIO_MSGPACK_NUMBER: return put_number(to, item->number);
    case SIO_MSGPACK_DATE: return put_date(to, item->number);
    case SIO_MSGPACK_STRING: return put_string(to, item->bytes);
    case SIO_MSGPACK_BINARY: return put_binary(to, item->bytes);
    case SIO_MSGPACK_EXT: return put_ext(to, item);
    case SIO_MSGPACK_ARRAY:
    case SIO_MSGPACK_MAP: return open_level(to, item);
    }
    return EIO_E_PROTOCOL;
}

static int put_key(converter *to, const sio_msgpack_item *key)
{
    if (key->kind == SIO_MSGPACK_STRING)
        return put_string(to, key->bytes);
    int rc = put(to, EIO_STR("\""));
    if (rc == EIO_OK)
        rc = put_number(to, key->number);
    return rc == EIO_OK ? put(to, EIO_STR("\"")) : rc;
}

/* What stands before the next value of a map or array. */
static int put_before(converter *to, level *in, const sio_msgpack_item *key)
{
    int rc = in->comma ? put(to, EIO_STR(",")) : EIO_OK;

    in->comma = true;
    if (rc != EIO_OK || !in->map)
        return rc;
    rc = put_key(to, key);
    return rc == EIO_OK ? put(to, EIO_STR(":")) : rc;
}

static int convert_member(converter *to, level *in)
{
    sio_msgpack_item key = { .kind = SIO_MSGPACK_STRING };
    sio_msgpack_item value;

    int rc = in->map ? sio_msgpack_read(&key, &to->in) : EIO_OK;
    if (rc == EIO_OK && key.kind != SIO_MSGPACK_STRING && key.kind != SIO_MSGPACK_INTEGER)
        rc = EIO_E_PROTOCOL;
    if (rc == EIO_OK)
        rc = sio_msgpack_read(&value, &to->in);
    if (rc != EIO_OK || (in->map && value.kind == SIO_MSGPACK_UNDEFINED))
        return rc;
    rc = put_before(to, in, &key);
    return rc == EIO_OK ? put_item(to, &value) : rc;
}

int sio_msgpack_to_json(eio_buffer **json, sio_msgpack_binaries *binaries, eio_slice *in)
{
    converter to;
    sio_msgpack_item first;

    to.json = json;
    to.binaries = binaries;
    to.in = *in;
    to.depth = 0;
    int rc = sio_msgpack_read(&first, &to.in);
    if (rc == EIO_OK)
        rc = put_item(&to, &first);
    while (rc == EIO_OK && to.depth > 0) {
        level *top = &to.levels[to.depth - 1];
        if (top->left > 0) {
            top->left--;
            rc = convert_member(&to, top);
        } else {
            to.depth--;
            rc = put(&to, top->map ? EIO_STR("}") : EIO_STR("]"));
        }
    }
    *in = to.in;
    return rc;
}
