/*
 * Where mbedTLS 2.28 and 3 differ: tls_library2.c and tls_library3.c, of which meson.build picks one. What is the same
 * in both stands in the files that need it. The results are mbedTLS's codes.
 */
#ifndef ENGINEIO_NET_TLS_LIBRARY_H
#define ENGINEIO_NET_TLS_LIBRARY_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <stdbool.h>

#include "engineio/stream.h"

/* mbedTLS's callback for random bytes; they come from the kernel, so that threads and forks need no care. */
int eio_tls_random(void *unused, unsigned char *out, size_t len);

/* Any number of times, on any thread. */
int eio_tls_library_init(void);
bool eio_tls_library_has(eio_tls_version version);
/* Versions, suites, curves and signatures. */
void eio_tls_library_restrict(mbedtls_ssl_config *config, eio_tls_version lowest);
/* pem ends with a NUL that `len` counts. */
int eio_tls_library_parse_key(mbedtls_pk_context *key, const unsigned char *pem, size_t len);
int eio_tls_library_check_pair(const mbedtls_pk_context *public, mbedtls_pk_context *key);
int eio_tls_library_sign(mbedtls_pk_context *key, const unsigned char hash[32]);
/* Whether this result of a read only tells of something that does not matter here. */
bool eio_tls_library_is_notice(int rc);

#endif
