#include "engineio/head.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/http/request.h"

typedef struct header_lengths {
    uint16_t name; /* both fit: the limits of HTTP heads are below 64 KiB */
    uint16_t value;
} header_lengths;

enum { MOST_ADDRESS_BYTES = 64 };

/* What differs from client to client. Another header that does costs memory, and nothing else. */
static bool is_own(eio_slice name)
{
    static const char *const own[] = { "sec-websocket-key", "cookie",     "authorization",
                                       "x-forwarded-for",   "x-real-ip",  "forwarded",
                                       "x-request-id",      "traceparent" };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (eio_http_same_name(name, eio_slice_of(own[i])))
            return true;
    }
    return false;
}

static size_t headers_size(const eio_http_request *request, bool own)
{
    eio_slice name;
    eio_slice value;
    size_t size = 0;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        if (is_own(name) == own)
            size += sizeof(header_lengths) + name.len + value.len;
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
        *to++ = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return to;
}

static void put_headers(char *to, const eio_http_request *request, bool own)
{
    eio_slice name;
    eio_slice value;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        if (is_own(name) != own)
            continue;
        const header_lengths lengths = { (uint16_t)name.len, (uint16_t)value.len };
        to = put(to, (eio_slice){ (const char *)&lengths, sizeof(lengths) });
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

size_t eio_head_size(const eio_http_request *request, eio_slice sid)
{
    char address[MOST_ADDRESS_BYTES];

    return sizeof(eio_head) + sid.len + eio_http_remote_address(request, address, sizeof(address)) +
           eio_http_target(request).len + headers_size(request, true);
}

int eio_head_init(eio_head *head, const eio_http_request *request, eio_slice sid,
                  eio_intern_pool *pool)
{
    char address[MOST_ADDRESS_BYTES];
    size_t address_len = eio_http_remote_address(request, address, sizeof(address));
    eio_slice url = eio_http_target(request);

    assert(address_len <= MOST_ADDRESS_BYTES); /* which fits its bits */
    head->common = intern_common(request, pool);
    if (head->common == NULL)
        return EIO_E_NOMEM;
    head->own_bytes = (uint32_t)headers_size(request, true);
    head->url_len = (uint16_t)url.len;
    head->sid_len = (uint8_t)sid.len;
    head->address_len = (uint8_t)(address_len & 0x7f);
    head->secure = eio_http_is_secure(request);
    char *to = put(head->bytes, sid);
    to = put(to, (eio_slice){ address, address_len });
    to = put(to, url);
    put_headers(to, request, true);
    return EIO_OK;
}

void eio_head_fini(eio_head *head)
{
    eio_interned_unref(head->common);
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

eio_slice eio_head_url(const eio_head *head)
{
    return (eio_slice){ head->bytes + head->sid_len + head->address_len, head->url_len };
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
static bool header_in(eio_slice list, size_t *index, eio_slice *name, eio_slice *value)
{
    const char *at = list.base;
    const char *end = at + list.len;

    while (at < end) {
        header_lengths lengths;
        memcpy(&lengths, at, sizeof(lengths));
        at += sizeof(lengths);
        if ((*index)-- == 0) {
            *name = (eio_slice){ at, lengths.name };
            *value = (eio_slice){ at + lengths.name, lengths.value };
            return true;
        }
        at += lengths.name + lengths.value;
    }
    return false;
}

bool eio_head_header_at(const eio_head *head, size_t index, eio_slice *name, eio_slice *value)
{
    eio_slice url = eio_head_url(head);
    const eio_slice own = { url.base + url.len, head->own_bytes };

    return header_in(eio_interned_bytes(head->common), &index, name, value) ||
           header_in(own, &index, name, value);
}
