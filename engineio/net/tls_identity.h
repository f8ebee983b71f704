/*
 * Certificates and keys: loading them from PEM files, with errors that name the file, and for whom they are. Expected
 * load: a few files a start and a reload; one look at the names a handshake.
 */
#ifndef ENGINEIO_NET_TLS_IDENTITY_H
#define ENGINEIO_NET_TLS_IDENTITY_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "engineio/stream.h"

typedef struct eio_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
} eio_identity;

/* Initialised also if it fails: fini it. EIO_OK, EIO_E_CERTIFICATE, EIO_E_NOMEM, or libuv's code. */
int eio_identity_load(eio_identity *identity, const eio_tls_identity *files, eio_error *why);
void eio_identity_fini(eio_identity *identity);

/* Add the certificates of CAs to an initialised list. NULL: the system's file. As eio_identity_load. */
int eio_tls_load_authorities(mbedtls_x509_crt *authorities, const char *file, eio_error *why);

/* Whether a certificate is for a host's name (RFC 6125). */
bool eio_certificate_has_name(const mbedtls_x509_crt *certificate, eio_slice name);
/* The same for an address; false for any other text. */
bool eio_certificate_has_address(const mbedtls_x509_crt *certificate, const char *address);

#endif
