#include "engineio/head.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/http/request.h"

typedef struct header_lengths {
    uint16_t
        name; /* both fit: the limits of HTTP heads are below 64 KiB. Of an own header: the name's index */
    uint16_t value;
} header_lengths;

enum { MOST_ADDRESS_BYTES = 64 };

/* What differs from client to client. Another header that does costs memory, and nothing else. */
static const char *const own_names[] = { "sec-websocket-key", "cookie",     "authorization",
                                         "x-forwarded-for",   "x-real-ip",  "forwarded",
                                         "x-request-id",      "traceparent" };

enum { OWN_NAMES = sizeof(own_names) / sizeof(own_names[0]) };

/* Where among them; OWN_NAMES: it is none of them. */
static size_t own_name(eio_slice name)
{
    size_t i = 0;

    while (i < OWN_NAMES && !eio_http_same_name(name, eio_slice_of(own_names[i])))
        i++;
    return i;
}

/* Own headers stand there without their names. */
static size_t headers_size(const eio_http_request *request, bool own)
{
    eio_slice name;
    eio_slice value;
    size_t size = 0;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        if ((own_name(name) < OWN_NAMES) == own)
            size += sizeof(header_lengths) + (own ? 0 : name.len) + value.len;
    }
    return size;
}

static char *put(char *to, eio_slice bytes)
{
    if (bytes.len > 0)
        memcpy(to, bytes.base, bytes.len);
    return to + bytes.len;
}

static char *put_lower(char *to, eio_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];
        *to++ = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return to;
}

static void put_headers(char *to, const eio_http_request *request, bool own)
{
    eio_slice name;
    eio_slice value;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        const size_t index = own_name(name);
        if ((index < OWN_NAMES) != own)
            continue;
        const header_lengths lengths = { (uint16_t)(own ? index : name.len), (uint16_t)value.len };
        to = put(to, (eio_slice){ (const char *)&lengths, sizeof(lengths) });
        if (!own)
            to = put_lower(to, name);
        to = put(to, value);
    }
}

static eio_interned *intern_common(const eio_http_request *request, eio_intern_pool *pool)
{
    size_t size = headers_size(request, false);
    char *bytes = malloc(size + 1); /* there may be none */
    if (bytes == NULL)
        return NULL;
    put_headers(bytes, request, false);
    eio_interned *common = eio_intern(pool, (eio_slice){ bytes, size });
    free(bytes);
    return common;
}

/* Every request has EIO and transport in its query: if there are but two, nothing in it is the client's own. */
static bool is_common_url(eio_slice url)
{
    size_t separators = 0;

    for (size_t i = 0; i < url.len; i++)
        separators += url.base[i] == '&';
    return separators == 1;
}

static size_t own_url_len(const eio_http_request *request)
{
    eio_slice url = eio_http_target(request);

    return is_common_url(url) ? 0 : url.len;
}

size_t eio_head_size(const eio_http_request *request, eio_slice sid)
{
    char address[MOST_ADDRESS_BYTES];

    return offsetof(eio_head, bytes) + sid.len +
           eio_http_remote_address(request, address, sizeof(address)) + own_url_len(request) +
           headers_size(request, true);
}

int eio_head_init(eio_head *head, const eio_http_request *request, eio_slice sid,
                  eio_intern_pool *pool)
{
    char address[MOST_ADDRESS_BYTES];
    size_t address_len = eio_http_remote_address(request, address, sizeof(address));
    const eio_slice own_url = { eio_http_target(request).base, own_url_len(request) };

    assert(address_len <= MOST_ADDRESS_BYTES); /* which fits its bits */
    head->common = intern_common(request, pool);
    head->url = own_url.len > 0 ? NULL : eio_intern(pool, eio_http_target(request));
    if (head->common == NULL || (head->url == NULL && own_url.len == 0)) {
        eio_head_fini(head);
        return EIO_E_NOMEM;
    }
    head->own_bytes = (uint16_t)headers_size(request, true);
    head->url_len = (uint16_t)own_url.len;
    head->sid_len = (uint8_t)sid.len;
    head->address_len = (uint8_t)(address_len & 0x7f);
    head->secure = eio_http_is_secure(request);
    char *to = put(head->bytes, sid);
    to = put(to, (eio_slice){ address, address_len });
    to = put(to, own_url);
    put_headers(to, request, true);
    return EIO_OK;
}

void eio_head_fini(eio_head *head)
{
    eio_interned_unref(head->common);
    eio_interned_unref(head->url);
}

eio_slice eio_head_sid(const eio_head *head)
{
    return (eio_slice){ head->bytes, head->sid_len };
}

eio_slice eio_head_address(const eio_head *head)
{
    return (eio_slice){ head->bytes + head->sid_len, head->address_len };
}

bool eio_head_is_secure(const eio_head *head)
{
    return head->secure;
}

static const char *end_of_address(const eio_head *head)
{
    return head->bytes + head->sid_len + head->address_len;
}

eio_slice eio_head_url(const eio_head *head)
{
    if (head->url != NULL)
        return eio_interned_bytes(head->url);
    return (eio_slice){ end_of_address(head), head->url_len };
}

eio_slice eio_head_query(const eio_head *head)
{
    eio_slice url = eio_head_url(head);
    const char *mark = memchr(url.base, '?', url.len);

    if (mark == NULL)
        return (eio_slice){ url.base + url.len, 0 };
    return (eio_slice){ mark + 1, url.len - (size_t)(mark + 1 - url.base) };
}

/* The header of that index in one of the two lists; if it is not so long, index is less by its length. */
static bool header_in(eio_slice list, bool own, size_t *index, eio_slice *name, eio_slice *value)
{
    const char *at = list.base;
    const char *end = at + list.len;

    while (at < end) {
        header_lengths lengths;
        memcpy(&lengths, at, sizeof(lengths));
        at += sizeof(lengths);
        *name = own ? eio_slice_of(own_names[lengths.name]) : (eio_slice){ at, lengths.name };
        at += own ? 0 : name->len;
        *value = (eio_slice){ at, lengths.value };
        if ((*index)-- == 0)
            return true;
        at += value->len;
    }
    return false;
}

bool eio_head_header_at(const eio_head *head, size_t index, eio_slice *name, eio_slice *value)
{
    const eio_slice own = { end_of_address(head) + head->url_len, head->own_bytes };

    return header_in(eio_interned_bytes(head->common), false, &index, name, value) ||
           header_in(own, true, &index, name, value);
}
