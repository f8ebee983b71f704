/*
 * Proxies that are trusted, and what they say of the clients behind them: X-Forwarded-For and
 * X-Forwarded-Proto. From anybody else these headers are a client's own words, and count for
 * nothing. Expected load: a few networks, looked through once or twice a request.
 */
#ifndef ENGINEIO_HTTP_PROXIES_H
#define ENGINEIO_HTTP_PROXIES_H

#include <stdbool.h>
#include <stdint.h>

#include "engineio/http.h"

/* A network; IPv4 as IPv6 has it, ::ffff:a.b.c.d. */
typedef struct eio_proxy_network {
    uint8_t address[16];
    unsigned bits; /* of the address that count */
} eio_proxy_network;

typedef struct eio_proxies {
    eio_proxy_network *networks; /* own; NULL: none */
    size_t count;
    bool trusts_unix; /* who comes over a unix socket */
} eio_proxies;

/*
 * Read a list with commas: addresses, networks (10.0.0.0/8), and `unix`. list: NULL is an empty one.
 * EIO_OK, EIO_E_INVALID, EIO_E_NOMEM; on failure *out is empty.
 */
int eio_proxies_parse(eio_proxies *out, const char *list);
void eio_proxies_fini(eio_proxies *proxies);

/* Whether it is one of them. address: its text; empty: over a unix socket. */
bool eio_proxies_trust(const eio_proxies *proxies, eio_slice address);

/*
 * Follow one X-Forwarded-For from its end. client: in and out, the best that is known; borrowed.
 * Whether it is to be asked who stands before that one.
 */
bool eio_proxies_follow(const eio_proxies *proxies, eio_slice list, eio_slice *client);

/*
 * Who sent a request, as far as trusted proxies tell: from the last entry of X-Forwarded-For to the
 * first, up to the first address that is no trusted proxy.
 *
 * peer: of the connection. out: the address's text, with a NUL. Its length.
 */
size_t eio_proxies_client(const eio_proxies *proxies, const eio_http_request *request,
                          eio_slice peer, char *out, size_t size);

/* Whether a trusted proxy got it over TLS: the last word of X-Forwarded-Proto is https. */
bool eio_proxies_say_https(const eio_http_request *request);

#endif
