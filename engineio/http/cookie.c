#include "engineio/http/cookie.h"

#include <stdarg.h>
#include <stdio.h>

#include "engineio/http/date.h"
#include "engineio/http/request.h"
#include "engineio/http/text.h"

eio_slice eio_cookie_find(eio_slice header, eio_slice name)
{
    while (header.len > 0) {
        const char *end = memchr(header.base, ';', header.len);
        size_t len = end == NULL ? header.len : (size_t)(end - header.base);
        const char *equals = memchr(header.base, '=', len);
        if (equals != NULL) {
            size_t name_len = (size_t)(equals - header.base);
            if (eio_slice_equal(eio_trim((eio_slice){ header.base, name_len }), name))
                return eio_trim((eio_slice){ equals + 1, len - name_len - 1 });
        }
        size_t used = len + (end != NULL);
        header.base += used;
        header.len -= used;
    }
    return (eio_slice){ NULL, 0 };
}

eio_slice eio_http_cookie(const eio_http_request *request, const char *name)
{
    eio_slice wanted = eio_slice_of(name);
    eio_slice header;
    eio_slice value;

    for (size_t i = 0; eio_http_header_at(request, i, &header, &value); i++) {
        if (!eio_http_same_name(header, EIO_STR("Cookie")))
            continue;
        eio_slice found = eio_cookie_find(value, wanted);
        if (found.base != NULL)
            return found;
    }
    return (eio_slice){ NULL, 0 };
}

/* ---- Set-Cookie ---- */

typedef struct cookie_text {
    char *out;
    size_t size;
    size_t len;
    bool failed; /* it does not fit, or would say something else than was meant */
} cookie_text;

static void add(cookie_text *text, const char *label, eio_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.base[i];
        if (c < ' ' || c == 0x7f || c == ';')
            text->failed = true;
    }
    size_t label_len = strlen(label);
    if (text->failed || label_len + value.len > text->size - text->len) {
        text->failed = true;
        return;
    }
    memcpy(text->out + text->len, label, label_len);
    if (value.len > 0)
        memcpy(text->out + text->len + label_len, value.base, value.len);
    text->len += label_len + value.len;
}

static void add_text(cookie_text *text, const char *label, const char *value)
{
    if (value != NULL && value[0] != '\0')
        add(text, label, eio_slice_of(value));
}

static void add_max_age(cookie_text *text, long seconds)
{
    char digits[24];

    if (seconds == 0)
        return;
    int len = snprintf(digits, sizeof(digits), "%ld", seconds < 0 ? 0L : seconds);
    add(text, "; Max-Age=", (eio_slice){ digits, (size_t)len });
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Options say "lax", the wire says "Lax". */
static void capitalize(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool lower = text[i] >= 'a' && text[i] <= 'z';
        if (i == 0 && lower)
            text[i] = (char)(text[i] - 'a' + 'A');
        else if (i > 0 && is_upper(text[i]))
            text[i] = (char)(text[i] - 'A' + 'a');
    }
}

static void add_capitalized(cookie_text *text, const char *label, const char *value)
{
    size_t before = text->len;

    add_text(text, label, value);
    if (text->len > before) {
        size_t label_len = strlen(label);
        capitalize(text->out + before + label_len, text->len - before - label_len);
    }
}

static void add_expires(cookie_text *text, int64_t at)
{
    char date[EIO_HTTP_DATE_LEN + 1];

    if (at == 0)
        return;
    eio_http_format_date(date, (time_t)at);
    add(text, "; Expires=", (eio_slice){ date, EIO_HTTP_DATE_LEN });
}

size_t eio_cookie_format(char *out, size_t size, const eio_cookie_options *options, eio_slice value)
{
    cookie_text text = { .out = out, .size = size };

    add(&text, options->name == NULL ? "io" : options->name, (eio_slice){ NULL, 0 });
    add(&text, "=", value);
    add_max_age(&text, options->max_age_s);
    add_text(&text, "; Domain=", options->domain);
    add_text(&text, "; Path=", options->path == NULL ? "/" : options->path);
    add_expires(&text, options->expires_s);
    if (!options->no_http_only)
        add_text(&text, "; ", "HttpOnly");
    if (options->secure)
        add_text(&text, "; ", "Secure");
    if (options->partitioned)
        add_text(&text, "; ", "Partitioned");
    add_capitalized(&text, "; Priority=", options->priority);
    add_capitalized(&text, "; SameSite=", options->same_site == NULL ? "Lax" : options->same_site);
    return text.failed ? 0 : text.len;
}
