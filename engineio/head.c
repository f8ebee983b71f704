#include "engineio/head.h"

#include <stdint.h>
#include <stdlib.h>

/* The parts stand one behind the other: sid, address, url, then the length-prefixed headers. Every length fits: the
 * limits of HTTP heads are below 64 KiB. */
struct eio_head {
    uint8_t sid_len;
    uint8_t address_len;
    uint16_t url_len;
    uint32_t header_bytes;
    bool secure;
    char bytes[];
};

typedef struct header_lengths {
    uint16_t name;
    uint16_t value;
} header_lengths;

enum { MOST_ADDRESS_BYTES = 64 };

static size_t headers_size(const eio_http_request *request)
{
    eio_slice name;
    eio_slice value;
    size_t size = 0;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++)
        size += sizeof(header_lengths) + name.len + value.len;
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

static void put_headers(char *to, const eio_http_request *request)
{
    eio_slice name;
    eio_slice value;

    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        const header_lengths lengths = { (uint16_t)name.len, (uint16_t)value.len };
        to = put(to, (eio_slice){ (const char *)&lengths, sizeof(lengths) });
        to = put_lower(to, name);
        to = put(to, value);
    }
}

eio_head *eio_head_new(const eio_http_request *request, eio_slice sid)
{
    char address[MOST_ADDRESS_BYTES];
    size_t address_len = eio_http_remote_address(request, address, sizeof(address));
    eio_slice url = eio_http_target(request);
    size_t header_bytes = headers_size(request);

    eio_head *head = malloc(sizeof(*head) + sid.len + address_len + url.len + header_bytes);
    if (head == NULL)
        return NULL;
    head->sid_len = (uint8_t)sid.len;
    head->address_len = (uint8_t)address_len;
    head->url_len = (uint16_t)url.len;
    head->header_bytes = (uint32_t)header_bytes;
    head->secure = eio_http_is_secure(request);
    char *to = put(head->bytes, sid);
    to = put(to, (eio_slice){ address, address_len });
    to = put(to, url);
    put_headers(to, request);
    return head;
}

void eio_head_free(eio_head *head)
{
    free(head);
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

bool eio_head_header_at(const eio_head *head, size_t index, eio_slice *name, eio_slice *value)
{
    eio_slice url = eio_head_url(head);
    const char *at = url.base + url.len;
    const char *end = at + head->header_bytes;

    while (at < end) {
        header_lengths lengths;
        memcpy(&lengths, at, sizeof(lengths));
        at += sizeof(lengths);
        if (index-- == 0) {
            *name = (eio_slice){ at, lengths.name };
            *value = (eio_slice){ at + lengths.name, lengths.value };
            return true;
        }
        at += lengths.name + lengths.value;
    }
    return false;
}
