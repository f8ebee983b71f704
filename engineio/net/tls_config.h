/*
 * The inside of eio_tls: one loaded set of certificates and settings after the other. A connection holds the set that
 * it began with until it ends, so that a reload disturbs nobody. Any thread; the lock is taken once a connection.
 */
#ifndef ENGINEIO_NET_TLS_CONFIG_H
#define ENGINEIO_NET_TLS_CONFIG_H

#include <mbedtls/ssl.h>

#include "engineio/stream.h"

/* Immutable once loaded, counted. */
typedef struct eio_tls_config eio_tls_config;

/* The set for a new connection: new. Its eio_tls has to outlive it. */
eio_tls_config *eio_tls_take_config(eio_tls *tls);
void eio_tls_config_unref(eio_tls_config *config);
const mbedtls_ssl_config *eio_tls_config_get(const eio_tls_config *config);

#endif
