#include "chat/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "chat/number.h"

/* ---- the top level of an object ---- */

static void skip_blanks(eio_slice *in)
{
    while (in->len > 0 && strchr(" \t\r\n", *in->base) != NULL && *in->base != '\0') {
        in->base++;
        in->len--;
    }
}

static eio_slice take(eio_slice *in, size_t len)
{
    eio_slice taken = { in->base, len };

    in->base += len;
    in->len -= len;
    return taken;
}

/* Bytes of the string that begins here, with its quotes. 0 if it does not end. */
static size_t string_length(eio_slice in)
{
    for (size_t i = 1; i < in.len; i++) {
        if (in.base[i] == '\\')
            i++;
        else if (in.base[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Bytes of the value that begins here, up to the comma or brace behind it. 0 if it does not end. */
static size_t value_length(eio_slice in)
{
    size_t depth = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.base[i];
        if (c == '"') {
            size_t len = string_length((eio_slice){ in.base + i, in.len - i });
            if (len == 0)
                return 0;
            i += len - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            return i;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

static eio_slice trim_end(eio_slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.base[text.len - 1]) != NULL)
        text.len--;
    return text;
}

/* Names are compared as they are written, unless an escape hides what they are. */
static bool is_name(eio_slice json, const char *name)
{
    eio_slice decoded;
    eio_slice plain = { json.base + 1, json.len - 2 };

    if (memchr(plain.base, '\\', plain.len) == NULL)
        return eio_slice_equal(plain, eio_slice_of(name));
    if (!chat_json_string(&decoded, json))
        return false;
    bool is = eio_slice_equal(decoded, eio_slice_of(name));
    free((char *)(uintptr_t)decoded.base);
    return is;
}

static void keep(const chat_json_field *fields, size_t count, eio_slice name, eio_slice value)
{
    for (size_t i = 0; i < count; i++)
        if (is_name(name, fields[i].name))
            *fields[i].value = value;
}

static bool expect(eio_slice *in, char c)
{
    skip_blanks(in);
    if (in->len == 0 || *in->base != c)
        return false;
    (void)take(in, 1);
    skip_blanks(in);
    return true;
}

bool chat_json_fields(eio_slice json, const chat_json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *fields[i].value = (eio_slice){ 0 };
    if (!expect(&json, '{'))
        return false;
    while (json.len > 0 && *json.base == '"') {
        size_t len = string_length(json);
        eio_slice name = take(&json, len);
        if (len == 0 || !expect(&json, ':'))
            return false;
        len = value_length(json);
        if (len == 0)
            return false;
        keep(fields, count, name, trim_end(take(&json, len)));
        if (!expect(&json, ','))
            break;
    }
    return expect(&json, '}') && json.len == 0;
}

/* ---- values ---- */

bool chat_json_is_utf8(eio_slice bytes)
{
    /* jansson takes a text only if it is. */
    json_t *text = bytes.len == 0 ? json_true() : json_stringn(bytes.base, bytes.len);

    json_decref(text);
    return text != NULL;
}

static json_t *load(eio_slice json)
{
    return json_loadb(json.base, json.len,
                      JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
}

static bool copy_out(eio_slice *out, const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        return false;
    memcpy(copy, text, len);
    *out = (eio_slice){ copy, len };
    return true;
}

bool chat_json_string(eio_slice *out, eio_slice json)
{
    json_t *value = json.len > 0 && *json.base == '"' ? load(json) : NULL;
    bool is =
        json_is_string(value) && copy_out(out, json_string_value(value), json_string_length(value));

    json_decref(value);
    return is;
}

/* A number, not NaN: jansson refuses what is too large for a double. */
static bool read_number(double *out, eio_slice json)
{
    bool may_be = json.len > 0 && (*json.base == '-' || (*json.base >= '0' && *json.base <= '9'));
    json_t *value = may_be ? load(json) : NULL;
    bool is = json_is_real(value);

    if (is)
        *out = json_real_value(value);
    json_decref(value);
    return is && isfinite(*out);
}

bool chat_json_text(eio_slice *out, eio_slice json)
{
    char text[CHAT_NUMBER_BYTES];
    double number;

    if (read_number(&number, json))
        return copy_out(out, text, chat_number_print(text, number));
    return chat_json_string(out, json);
}

bool chat_json_count(size_t *out, eio_slice json, size_t max)
{
    double number;

    if (!read_number(&number, json) || !(number >= 1) || number > (double)max ||
        floor(number) < number)
        return false;
    *out = (size_t)number;
    return true;
}
