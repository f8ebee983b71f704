#include "socketio/json_scan.h"

#include <stdint.h>

#include "socketio/json_plain.h"

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The scanners: from where a thing starts to where it ended, or NULL. */

static const char *scan_escape(const char *at, const char *end)
{
    if (end - at < 2)
        return NULL;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return at + 2;
    case 'u':
        if (end - at < 6 || !is_hex(at[2]) || !is_hex(at[3]) || !is_hex(at[4]) || !is_hex(at[5]))
            return NULL;
        return at + 6;
    }
    return NULL;
}

static const char *scan_string(const char *at, const char *end)
{
    at++;
    for (;;) {
        at = sio_json_skip_plain(at, end);
        if (at == end)
            return NULL;
        if (*at == '"')
            return at + 1;
        if (*at != '\\')
            return NULL;
        at = scan_escape(at, end);
        if (at == NULL)
            return NULL;
    }
}

static const char *scan_digits(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && is_digit(*at))
        at++;
    return at == start ? NULL : at;
}

static const char *scan_number(const char *at, const char *end)
{
    if (*at == '-')
        at++;
    if (at < end && *at == '0')
        at++; /* nothing follows a leading zero */
    else
        at = scan_digits(at, end);
    if (at != NULL && at < end && *at == '.')
        at = scan_digits(at + 1, end);
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = scan_digits(at, end);
    }
    return at;
}

static const char *scan_word(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *scan_scalar(const char *at, const char *end)
{
    switch (*at) {
    case '"': return scan_string(at, end);
    case 't': return scan_word(at, end, "true", 4);
    case 'f': return scan_word(at, end, "false", 5);
    case 'n': return scan_word(at, end, "null", 4);
    case '-': return scan_number(at, end);
    }
    return is_digit(*at) ? scan_number(at, end) : NULL;
}

/* A member's key and its colon, up to where the value starts. */
static const char *scan_key(const char *at, const char *end)
{
    if (at == end || *at != '"')
        return NULL;
    at = scan_string(at, end);
    if (at == NULL)
        return NULL;
    at = skip_blanks(at, end);
    return at < end && *at == ':' ? skip_blanks(at + 1, end) : NULL;
}

/* The arrays and objects that are open, a bit for each. */
typedef struct nest {
    uint64_t objects[SIO_JSON_DEPTH_MAX / 64];
    unsigned depth;
} nest;

static void push(nest *open, bool object)
{
    uint64_t bit = UINT64_C(1) << (open->depth & 63);
    uint64_t *word = &open->objects[open->depth >> 6];

    *word = object ? *word | bit : *word & ~bit;
    open->depth++;
}

static bool in_object(const nest *open)
{
    unsigned top = open->depth - 1;

    return (open->objects[top >> 6] >> (top & 63) & 1) != 0;
}

/* Behind a value: close what ends here, and go to the next value of what does not. */
static const char *scan_to_next(nest *open, const char *at, const char *end)
{
    while (open->depth > 0) {
        bool object = in_object(open);
        at = skip_blanks(at, end);
        if (at == end)
            return NULL;
        if (*at == ',') {
            at = skip_blanks(at + 1, end);
            return object ? scan_key(at, end) : at;
        }
        if (*at != (object ? '}' : ']'))
            return NULL;
        at++;
        open->depth--;
    }
    return at;
}

/* One value of any kind, in `depth_max` levels at most. */
static int scan_value(const char **start, const char *end, unsigned depth_max)
{
    nest open = { { 0 }, 0 };
    const char *at = *start;

    do {
        if (at == end)
            return EIO_E_PROTOCOL;
        bool object = *at == '{';
        if (object || *at == '[') {
            if (open.depth == depth_max)
                return EIO_E_TOO_BIG;
            push(&open, object);
            at = skip_blanks(at + 1, end);
            if (at == end || *at != (object ? '}' : ']')) { /* not empty */
                if (object && (at = scan_key(at, end)) == NULL)
                    return EIO_E_PROTOCOL;
                continue;
            }
        } else {
            at = scan_scalar(at, end);
            if (at == NULL)
                return EIO_E_PROTOCOL;
        }
        at = scan_to_next(&open, at, end);
        if (at == NULL)
            return EIO_E_PROTOCOL;
    } while (open.depth > 0);
    *start = at;
    return EIO_OK;
}

int sio_json_check(eio_slice text)
{
    if (text.len == 0)
        return EIO_E_PROTOCOL;
    const char *end = text.base + text.len;
    const char *at = skip_blanks(text.base, end);
    int rc = scan_value(&at, end, SIO_JSON_DEPTH_MAX);
    if (rc != EIO_OK)
        return rc;
    return skip_blanks(at, end) == end ? EIO_OK : EIO_E_PROTOCOL;
}

int sio_json_walk_init(sio_json_walk *walk, eio_slice text)
{
    if (text.len == 0)
        return EIO_E_PROTOCOL;
    const char *end = text.base + text.len;
    const char *at = skip_blanks(text.base, end);
    if (at == end || *at != '[')
        return EIO_E_PROTOCOL;
    *walk = (sio_json_walk){ at + 1, end, false };
    return EIO_OK;
}

int sio_json_walk_next(sio_json_walk *walk, eio_slice *element)
{
    const char *end = walk->end;
    const char *at = skip_blanks(walk->at, end);

    if (at == end)
        return EIO_E_PROTOCOL;
    if (*at == ']')
        return skip_blanks(at + 1, end) == end ? 0 : EIO_E_PROTOCOL;
    if (walk->started) {
        if (*at != ',')
            return EIO_E_PROTOCOL;
        at = skip_blanks(at + 1, end);
    }
    const char *start = at;
    int rc = scan_value(&at, end, SIO_JSON_DEPTH_MAX - 1); /* the array itself is one level */
    if (rc != EIO_OK)
        return rc;
    *element = (eio_slice){ start, (size_t)(at - start) };
    walk->at = at;
    walk->started = true;
    return 1;
}
