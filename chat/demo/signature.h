/*
 * The session cookie of Node's express-session: `s:SID.SIGNATURE`, percent-encoded, where the signature is the
 * HMAC-SHA256 of SID in base64 without padding. Pure but for the random source. Expected load: one a request.
 */
#ifndef CHAT_DEMO_SIGNATURE_H
#define CHAT_DEMO_SIGNATURE_H

#include "engineio/buffer.h"

enum {
    CHAT_SID_BYTES = 32,      /* 24 random bytes in base64url */
    CHAT_MOST_SID_BYTES = 64, /* of a session that a server of another make has begun */
    CHAT_COOKIE_BYTES = 256,  /* a cookie's value fits */
};

/* A new sid, NUL-terminated. EIO_OK or EIO_E_RANDOM. */
int chat_sid_new(char out[CHAT_SID_BYTES + 1]);

/* The cookie's value. Its length, or 0 if the sid is too long. */
size_t chat_cookie_seal(char out[CHAT_COOKIE_BYTES], eio_slice sid, eio_slice secret);

/* The sid inside a cookie's value as it came; false unless its signature is right. */
bool chat_cookie_open(char out[CHAT_MOST_SID_BYTES + 1], eio_slice value, eio_slice secret);

#endif
