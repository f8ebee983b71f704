/*
 * Base64 (RFC 4648). Pure. Strict where we are the judge; lenient as Node's Buffer.from(text, "base64") where a peer's
 * `b` packets are decoded. Expected load: every binary packet on polling.
 */
#ifndef ENGINEIO_NET_BASE64_H
#define ENGINEIO_NET_BASE64_H

#include <stddef.h>

#include "engineio/buffer.h"

/* Characters that eio_base64_encode writes, padding included. len at most SIZE_MAX / 4 * 3 - 2: so is all memory. */
static inline size_t eio_base64_encoded_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* An upper bound of what both decoders write. */
static inline size_t eio_base64_decoded_max(size_t len)
{
    return len / 4 * 3 + len % 4 * 3 / 4;
}

/* Write eio_base64_encoded_len(bytes.len) characters, padded. */
EIO_PRIVATE void eio_base64_encode(char *out, eio_slice bytes);

/* Write the URL's alphabet, without padding: ceil(bytes.len * 4 / 3) characters. */
EIO_PRIVATE void eio_base64url_encode(char *out, eio_slice bytes);

/* Whether it is one of the 64 characters of the standard alphabet. */
EIO_PRIVATE bool eio_is_base64(char c);

/*
 * Strict: the standard alphabet, with its padding, no unused bits set; so there is one text for any bytes.
 *
 * out: eio_base64_decoded_max(text.len) bytes; may be where the text stands. Of no use after a failure.
 * len: bytes decoded, set on success only. EIO_OK or EIO_E_INVALID.
 */
EIO_PRIVATE int eio_base64_decode(char *out, size_t *len, eio_slice text);

/*
 * Lenient: both alphabets; other characters are skipped, `=` ends the text, padding may be missing; one character that
 * is left over counts for nothing. out as above. The number of bytes decoded.
 */
EIO_PRIVATE size_t eio_base64_decode_lenient(char *out, eio_slice text);

#endif
