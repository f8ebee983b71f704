#include "socketio/json_member.h"

#include <stdbool.h>

#include "socketio/json_plain.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* at: the opening quote; behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    at = sio_json_skip_plain(at + 1, end);
    while (*at != '"')
        at = sio_json_skip_plain(at + (*at == '\\' ? 2 : 1), end);
    return at + 1;
}

/* From the first character of a value to the comma or brace behind it. */
static const char *skip_value(const char *at, const char *end)
{
    unsigned depth = 0;

    while (depth > 0 || (*at != ',' && *at != '}')) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    }
    return at;
}

eio_slice sio_json_member(eio_slice object, eio_slice name)
{
    eio_slice found = { NULL, 0 };
    if (object.len == 0 || object.base[0] != '{')
        return found;
    const char *end = object.base + object.len;
    const char *at = skip_blanks(object.base + 1);
    while (*at == '"') {
        const char *key = at + 1;
        at = skip_string(at, end);
        const eio_slice this_name = { key, (size_t)(at - 1 - key) };
        const char *value = skip_blanks(skip_blanks(at) + 1); /* the colon between */
        at = skip_value(value, end);
        if (eio_slice_equal(this_name, name)) {
            const char *last = at;
            while (is_blank(last[-1]))
                last--;
            found = (eio_slice){ value, (size_t)(last - value) };
        }
        at = *at == ',' ? skip_blanks(at + 1) : end - 1;
    }
    return found;
}
