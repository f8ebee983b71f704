/* What mbedTLS's results mean to the owner of a stream: a code of ours, and a line for the log. */
#ifndef ENGINEIO_NET_TLS_FAILURE_H
#define ENGINEIO_NET_TLS_FAILURE_H

#include <stddef.h>
#include <stdint.h>

/* EIO_E_CERTIFICATE, EIO_E_NOMEM or EIO_E_TLS. */
int eio_tls_failure_reason(int rc);
/*
 * One line without an end. flags: mbedTLS's findings about the peer's certificate; name: whom it has to be for, may be
 * NULL. Returns the length.
 */
size_t eio_tls_failure_text(char *out, size_t size, int rc, uint32_t flags, const char *name);

#endif
