#include "engineio/http/proxies.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "engineio/http/request.h"
#include "engineio/http/text.h"

enum { ADDRESS_BYTES = 64, V4_BITS = 32, V6_BITS = 128 };

/* ---- addresses ---- */

/* Copy a text that is to get a NUL; false if it is too long for an address. */
static bool copy_text(char out[ADDRESS_BYTES], eio_slice text)
{
    if (text.len >= ADDRESS_BYTES)
        return false;
    if (text.len > 0)
        memcpy(out, text.base, text.len);
    out[text.len] = '\0';
    return strlen(out) == text.len;
}

/* bits: how many an address of its kind has. */
static bool read_address(uint8_t out[16], unsigned *bits, eio_slice text)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    char copy[ADDRESS_BYTES];

    if (!copy_text(copy, text))
        return false;
    *bits = V6_BITS;
    if (uv_inet_pton(AF_INET6, copy, out) == 0)
        return true;
    *bits = V4_BITS;
    memcpy(out, mapped, sizeof(mapped));
    return uv_inet_pton(AF_INET, copy, out + sizeof(mapped)) == 0;
}

static bool is_in(const eio_proxy_network *network, const uint8_t address[16])
{
    const unsigned whole = network->bits / 8;
    const unsigned rest = network->bits % 8;

    if (memcmp(network->address, address, whole) != 0)
        return false;
    return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* ---- the list ---- */

/* A whole number of at most three digits; false if it is none. */
static bool read_bits(unsigned *out, eio_slice text)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text.base[i] - '0');
    }
    return text.len > 0 && text.len <= 3;
}

static bool read_network(eio_proxy_network *out, eio_slice text)
{
    const char *slash = memchr(text.base, '/', text.len);
    eio_slice address = { text.base, slash == NULL ? text.len : (size_t)(slash - text.base) };
    unsigned most;
    unsigned bits;

    if (!read_address(out->address, &most, address))
        return false;
    bits = most;
    if (slash != NULL &&
        (!read_bits(&bits, (eio_slice){ slash + 1, text.len - address.len - 1 }) || bits > most))
        return false;
    out->bits = V6_BITS - most + bits;
    return true;
}

static int add(eio_proxies *proxies, eio_slice item)
{
    if (eio_slice_equal(item, EIO_STR("unix"))) {
        proxies->trusts_unix = true;
        return EIO_OK;
    }
    eio_proxy_network *grown =
        realloc(proxies->networks, (proxies->count + 1) * sizeof(*proxies->networks));
    if (grown == NULL)
        return EIO_E_NOMEM;
    proxies->networks = grown;
    if (!read_network(&grown[proxies->count], item))
        return EIO_E_INVALID;
    proxies->count++;
    return EIO_OK;
}

int eio_proxies_parse(eio_proxies *out, const char *list)
{
    eio_slice rest = list == NULL ? EIO_STR("") : eio_slice_of(list);
    bool goes_on = rest.len > 0;
    int rc = EIO_OK;

    *out = (eio_proxies){ NULL, 0, false };
    while (goes_on && rc == EIO_OK) {
        const char *comma = memchr(rest.base, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.base);
        eio_slice item = eio_trim((eio_slice){ rest.base, len });
        rc = item.len == 0 ? EIO_E_INVALID : add(out, item);
        goes_on = comma != NULL;
        len += goes_on;
        rest = (eio_slice){ rest.base + len, rest.len - len };
    }
    if (rc != EIO_OK)
        eio_proxies_fini(out);
    return rc;
}

void eio_proxies_fini(eio_proxies *proxies)
{
    free(proxies->networks);
    *proxies = (eio_proxies){ NULL, 0, false };
}

bool eio_proxies_trust(const eio_proxies *proxies, eio_slice address)
{
    uint8_t bytes[16];
    unsigned bits;

    if (address.len == 0)
        return proxies->trusts_unix;
    if (proxies->count == 0 || !read_address(bytes, &bits, address))
        return false;
    for (size_t i = 0; i < proxies->count; i++) {
        if (is_in(&proxies->networks[i], bytes))
            return true;
    }
    return false;
}

/* ---- what they say ---- */

/* Take the last entry of a list off it. */
static eio_slice take_last(eio_slice *list)
{
    size_t at = list->len;

    while (at > 0 && list->base[at - 1] != ',')
        at--;
    eio_slice last = eio_trim((eio_slice){ list->base + at, list->len - at });
    list->len = at == 0 ? 0 : at - 1;
    return last;
}

/* Some proxies write a port: `1.2.3.4:5` and `[::1]:5`. */
static eio_slice without_port(eio_slice entry)
{
    const char *colon = entry.len == 0 ? NULL : memchr(entry.base, ':', entry.len);
    const char *bracket = entry.len == 0 ? NULL : memchr(entry.base, ']', entry.len);

    if (bracket != NULL && entry.base[0] == '[')
        return (eio_slice){ entry.base + 1, (size_t)(bracket - entry.base - 1) };
    if (colon != NULL &&
        memchr(colon + 1, ':', entry.len - (size_t)(colon - entry.base) - 1) == NULL)
        return (eio_slice){ entry.base, (size_t)(colon - entry.base) };
    return entry;
}

bool eio_proxies_follow(const eio_proxies *proxies, eio_slice list, eio_slice *client)
{
    uint8_t bytes[16];
    unsigned bits;

    while (list.len > 0) {
        eio_slice entry = without_port(take_last(&list));
        if (!read_address(bytes, &bits, entry))
            return false;
        *client = entry;
        if (!eio_proxies_trust(proxies, entry))
            return false;
    }
    return true;
}

static size_t count_headers(const eio_http_request *request)
{
    eio_slice name;
    eio_slice value;
    size_t count = 0;

    while (eio_http_header_at(request, count, &name, &value))
        count++;
    return count;
}

size_t eio_proxies_client(const eio_proxies *proxies, const eio_http_request *request,
                          eio_slice peer, char *out, size_t size)
{
    eio_slice client = peer;
    eio_slice name;
    eio_slice value;
    bool goes_on = true;

    for (size_t i = count_headers(request); i > 0 && goes_on; i--) {
        (void)eio_http_header_at(request, i - 1, &name, &value);
        if (eio_http_same_name(name, EIO_STR("x-forwarded-for")))
            goes_on = eio_proxies_follow(proxies, value, &client);
    }
    if (client.len >= size)
        client.len = 0;
    memmove(out, client.base, client.len);
    out[client.len] = '\0';
    return client.len;
}

bool eio_proxies_say_https(const eio_http_request *request)
{
    eio_slice list = eio_http_header(request, "x-forwarded-proto");
    eio_slice last = list.base == NULL ? list : take_last(&list);

    return eio_http_same_name(last, EIO_STR("https"));
}
