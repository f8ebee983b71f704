#include "engineio/jsonp.h"

#include <stdbool.h>

#include "engineio/http.h"

/*
 * Clients write a line end as backslash and n, for the form would make it two characters, and a
 * backslash and n with one more backslash. So of a run of them that ends at an n, one goes.
 */
static size_t unescape_lines(char *text, size_t len)
{
    size_t to = 0;

    for (size_t at = 0; at < len;) {
        size_t run = 0;
        while (at + run < len && text[at + run] == '\\')
            run++;
        bool escape = run > 0 && at + run < len && text[at + run] == 'n';
        size_t kept = run - (escape ? 1 : 0);
        memmove(text + to, text + at, kept);
        to += kept;
        at += run;
        if (at < len) {
            text[to++] = (char)(escape && run == 1 ? '\n' : text[at]);
            at++;
        }
    }
    return to;
}

int eio_jsonp_decode(char *body, size_t *len)
{
    if (*len == 0)
        return EIO_E_PROTOCOL;
    eio_slice field = eio_query_get((eio_slice){ body, *len }, "d", body, *len);
    if (field.base == NULL)
        return EIO_E_PROTOCOL;
    *len = unescape_lines(body, field.len);
    return EIO_OK;
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

/* U+2028 and U+2029 end a line of a script, unlike in JSON. */
static bool is_line_separator(eio_slice text, size_t at)
{
    return text.len - at >= 3 && text.base[at] == '\xe2' && text.base[at + 1] == '\x80' &&
           (text.base[at + 2] == '\xa8' || text.base[at + 2] == '\xa9');
}

static char *write_unit(char *out, const char *hex)
{
    *out++ = '\\';
    *out++ = 'u';
    memcpy(out, hex, 4);
    return out + 4;
}

static char *write_control(char *out, char c)
{
    static const char digits[] = "0123456789abcdef";
    char hex[4] = { '0', '0', digits[(unsigned char)c >> 4], digits[(unsigned char)c & 15] };

    return write_unit(out, hex);
}

/* The character at *at, which moves behind it. */
static char *write_character(char *out, eio_slice text, size_t *at)
{
    char c = text.base[*at];

    if (c == '\xe2' && is_line_separator(text, *at)) {
        *at += 3;
        return write_unit(out, text.base[*at - 1] == '\xa8' ? "2028" : "2029");
    }
    *at += 1;
    if (short_escape(c) != 0) {
        *out++ = '\\';
        *out++ = short_escape(c);
        return out;
    }
    if ((unsigned char)c < ' ')
        return write_control(out, c);
    *out++ = c;
    return out;
}

static size_t escaped_len(eio_slice text)
{
    char scratch[8];
    size_t len = 0;

    for (size_t at = 0; at < text.len;)
        len += (size_t)(write_character(scratch, text, &at) - scratch);
    return len;
}

int eio_jsonp_encode(eio_buffer **out, eio_slice index, eio_slice payload)
{
    static const char head[] = "___eio[", middle[] = "](\"", tail[] = "\");";
    size_t max = sizeof(head) + sizeof(middle) + sizeof(tail) + index.len + escaped_len(payload);
    eio_buffer *script = eio_buffer_new(max);
    if (script == NULL)
        return EIO_E_NOMEM;
    char *start = eio_buffer_reserve(&script, max); /* it is there */
    char *to = start;

    memcpy(to, head, sizeof(head) - 1);
    to += sizeof(head) - 1;
    for (size_t i = 0; i < index.len; i++) {
        if (index.base[i] >= '0' && index.base[i] <= '9')
            *to++ = index.base[i];
    }
    memcpy(to, middle, sizeof(middle) - 1);
    to += sizeof(middle) - 1;
    for (size_t at = 0; at < payload.len;)
        to = write_character(to, payload, &at);
    memcpy(to, tail, sizeof(tail) - 1);
    to += sizeof(tail) - 1;
    eio_buffer_commit(script, (size_t)(to - start));
    *out = script;
    return EIO_OK;
}
