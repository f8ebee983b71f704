/*
 * Random bytes, ids and digests. Random bytes come from the kernel, digests from mbedTLS (2.28 and 3.6 alike).
 * Expected load: an id per session and per namespace a client joins, a SHA-1 per WebSocket handshake.
 */
#ifndef ENGINEIO_NET_CRYPTO_H
#define ENGINEIO_NET_CRYPTO_H

#include <stddef.h>

#include "engineio/buffer.h"

enum {
    EIO_RANDOM_ID_LEN = 20, /* characters: 15 bytes in base64url */
    EIO_SHA1_BYTES = 20,
    EIO_SHA256_BYTES = 32,
};

/* Fill with random bytes. EIO_OK or EIO_E_RANDOM. Any thread. */
EIO_PRIVATE int eio_random(void *out, size_t len);

/*
 * Write a new id: no NUL behind it, nobody can guess it. The bytes come from a pool of the thread's own, one system
 * call for some 16 ids; used ones are wiped. EIO_OK or EIO_E_RANDOM. Any thread.
 */
EIO_PRIVATE int eio_random_id(char out[EIO_RANDOM_ID_LEN]);

/* EIO_OK, or EIO_E_NOMEM when mbedTLS got no memory. Any thread. */
EIO_PRIVATE int eio_sha1(unsigned char out[EIO_SHA1_BYTES], eio_slice bytes);
EIO_PRIVATE int eio_hmac_sha256(unsigned char out[EIO_SHA256_BYTES], eio_slice key,
                                eio_slice bytes);

#endif
