#include "socketio/json_scan.h"

#include <stdint.h>

#include "socketio/json_plain.h"
#include "socketio/usual_placeholder.h"

/* Compilers think these too large to be worth it. */
#define INLINE __attribute__((always_inline)) static inline

/*
 * The scanners go from where a thing starts to where it ended, or NULL. What stands in an array or
 * object is scanned up to the text's last byte, `*end`, which is the outermost closer: it may be
 * read, and nothing but a closer takes it, so only closing has to look where the text ends.
 */

static inline bool is_opener(char c)
{
    return (c | ('{' ^ '[')) == '{';
}

static inline bool is_blank(char c)
{
    if ((unsigned char)c > ' ')
        return false;
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_run_of_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* Inside of an array or object; hardly ever is there one. */
static inline const char *skip_blanks(const char *at)
{
    return (unsigned char)*at > ' ' ? at : skip_run_of_blanks(at);
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

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

/* From what is not plain in a string on. */
static const char *scan_string_rest(const char *at, const char *end)
{
    while (*at == '\\') {
        at = scan_escape(at, end);
        if (at == NULL)
            return NULL;
        at = sio_json_skip_plain(at, end);
    }
    return *at == '"' ? at + 1 : NULL;
}

/* From the opening quote on. */
INLINE const char *scan_string(const char *at, const char *end)
{
    at = sio_json_skip_plain(at + 1, end);
    return *at == '"' ? at + 1 : scan_string_rest(at, end);
}

static const char *scan_digits(const char *at, const char *end)
{
    const char *start = at;

    while (at < end && is_digit(*at))
        at++;
    return at == start ? NULL : at;
}

/* What may follow a whole number. */
static const char *scan_fraction(const char *at, const char *end)
{
    if (*at == '.')
        at = scan_digits(at + 1, end);
    if (at != NULL && at < end && (*at | 0x20) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = scan_digits(at, end);
    }
    return at;
}

INLINE const char *scan_number(const char *at, const char *end)
{
    if (*at == '-')
        at++;
    const char *start = at;
    while (at < end && is_digit(*at))
        at++;
    if (at == start || (*start == '0' && at - start > 1))
        return NULL;
    if (at < end && (*at == '.' || (*at | 0x20) == 'e'))
        return scan_fraction(at, end);
    return at;
}

static inline const char *scan_word(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

INLINE const char *scan_scalar(const char *at, const char *end)
{
    if (*at == '"')
        return scan_string(at, end);
    if (*at <= '9') /* a digit or '-', or wrong */
        return scan_number(at, end);
    switch (*at) {
    case 't': return scan_word(at, end, "true", 4);
    case 'f': return scan_word(at, end, "false", 5);
    case 'n': return scan_word(at, end, "null", 4);
    }
    return NULL;
}

/* A member's key and its colon, up to where the value starts. */
INLINE const char *scan_key(const char *at, const char *end)
{
    if (*at != '"')
        return NULL;
    at = scan_string(at, end);
    if (at == NULL)
        return NULL;
    at = skip_blanks(at);
    return *at == ':' ? skip_blanks(at + 1) : NULL;
}

/* An array or object; at *ended, which may be behind the last byte, it was closed. */
/* NOLINTNEXTLINE(readability-function-cognitive-complexity): one loop, where the time goes */
static int scan_nested(const char **ended, const char *at, const char *end, size_t depth_max)
{
    char closers[SIO_JSON_DEPTH_MAX];
    size_t depth = 0;
    char closer = 0;

    for (;;) {
        if (is_opener(*at)) {
            if (depth == depth_max)
                return EIO_E_TOO_BIG;
            closer = (char)(*at + 2); /* so it is in ASCII */
            closers[depth++] = closer;
            at = skip_blanks(at + 1);
            if (*at != closer) {
                if (closer == '}' && (at = scan_key(at, end)) == NULL)
                    return EIO_E_PROTOCOL;
                continue;
            }
        } else {
            at = scan_scalar(at, end);
            if (at == NULL)
                return EIO_E_PROTOCOL;
            at = skip_blanks(at);
        }
        while (*at == closer) {
            at++;
            if (--depth == 0) {
                *ended = at;
                return EIO_OK;
            }
            if (at > end)
                return EIO_E_PROTOCOL;
            closer = closers[depth - 1];
            at = skip_blanks(at);
        }
        if (*at != ',')
            return EIO_E_PROTOCOL;
        at = skip_blanks(at + 1);
        if (closer == '}' && (at = scan_key(at, end)) == NULL)
            return EIO_E_PROTOCOL;
    }
}

/* Take the blanks off both ends. */
static eio_slice trim(eio_slice text)
{
    while (text.len > 0 && is_blank(*text.base)) {
        text.base++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.base[text.len - 1]))
        text.len--;
    return text;
}

int sio_json_check(eio_slice text)
{
    text = trim(text);
    if (text.len == 0)
        return EIO_E_PROTOCOL;
    const char *end = text.base + text.len;
    const char *ended = NULL;
    if (*text.base == '"') {
        if (text.len > 1 && end[-1] == '"')
            ended = scan_string(text.base, end - 1);
    } else if (!is_opener(*text.base)) {
        ended = scan_scalar(text.base, end);
    } else if (end[-1] == *text.base + 2) {
        int rc = scan_nested(&ended, text.base, end - 1, SIO_JSON_DEPTH_MAX);
        if (rc != EIO_OK)
            return rc;
    }
    return ended == end ? EIO_OK : EIO_E_PROTOCOL;
}

/* An array or object that is an element; *closed: as scan_nested. */
INLINE int scan_container(const char **closed, const char *at, const char *end)
{
    eio_slice digits;

    *closed = sio_usual_placeholder_end(at, end, &digits);
    return *closed != NULL ? EIO_OK : scan_nested(closed, at, end, SIO_JSON_DEPTH_MAX - 1);
}

/*
 * One element of the text, whose array is a level of its own; most are strings. *escaped becomes
 * true at one with escapes.
 */
INLINE int scan_element(const char **at, const char *end, bool *escaped)
{
    const char *ended = NULL;

    if (**at == '"') {
        ended = sio_json_skip_plain(*at + 1, end);
        if (*ended != '"')
            *escaped = true;
        ended = *ended == '"' ? ended + 1 : scan_string_rest(ended, end);
    } else if (!is_opener(**at)) {
        ended = scan_scalar(*at, end);
    } else {
        const char *closed = NULL;
        int rc = scan_container(&closed, *at, end);
        if (rc != EIO_OK)
            return rc;
        ended = closed;
    }
    *at = ended;
    return ended == NULL ? EIO_E_PROTOCOL : EIO_OK;
}

static inline bool is_bracketed(eio_slice text)
{
    return text.len >= 2 && *text.base == '[' && text.base[text.len - 1] == ']';
}

INLINE int split(size_t *count, eio_slice *elements, size_t max, eio_slice text, bool *escaped)
{
    if (!is_bracketed(text)) {
        text = trim(text);
        if (!is_bracketed(text))
            return EIO_E_PROTOCOL;
    }
    const char *end = text.base + text.len - 1;
    const char *at = skip_blanks(text.base + 1);
    eio_slice *next = elements;
    while (at != end || next != elements) { /* not empty */
        const char *start = at;
        int rc = scan_element(&at, end, escaped);
        if (rc != EIO_OK)
            return rc;
        if (at > end)
            return EIO_E_PROTOCOL;
        if (next == elements + max)
            return EIO_E_LIMIT;
        *next++ = (eio_slice){ start, (size_t)(at - start) };
        if (*at != ',') {
            at = skip_blanks(at);
            if (*at != ',')
                break;
        }
        at = skip_blanks(at + 1);
    }
    if (at != end)
        return EIO_E_PROTOCOL;
    *count = (size_t)(next - elements);
    return EIO_OK;
}

int sio_json_split(size_t *count, eio_slice *elements, size_t max, eio_slice text)
{
    bool escaped;

    return split(count, elements, max, text, &escaped);
}

int sio_json_split_event(size_t *count, bool *escaped, eio_slice *elements, size_t max,
                         eio_slice text)
{
    bool found = false;
    int rc = split(count, elements, max, text, &found);

    *escaped = found;
    return rc;
}
