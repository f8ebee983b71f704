/*
 * UTF-8 as a stream (RFC 3629): text may be cut anywhere, and the first byte that cannot be right is reported at once.
 * Pure. Expected load: every byte of every text message, so runs of ASCII go by 8 and more at a time.
 */
#ifndef ENGINEIO_WEBSOCKET_UTF8_H
#define ENGINEIO_WEBSOCKET_UTF8_H

#include <stdint.h>

#include "engineio/buffer.h"

/* Where in a character the text stands. Zeroed: at a character's start. */
typedef struct eio_utf8 {
    uint8_t left;      /* bytes that the character still needs */
    uint8_t low, high; /* what the next of them may be; of no meaning when left is 0 */
} eio_utf8;

/* Check the next bytes. bytes.len if all may be right, else the index of the first bad one; then feed no more. */
EIO_PRIVATE size_t eio_utf8_feed(eio_utf8 *state, eio_slice bytes);

/* Whether the text may end here. */
static inline bool eio_utf8_is_whole(const eio_utf8 *state)
{
    return state->left == 0;
}

/* Check a text at once. */
static inline bool eio_utf8_is_valid(eio_slice text)
{
    eio_utf8 state = { 0 };

    return eio_utf8_feed(&state, text) == text.len && eio_utf8_is_whole(&state);
}

#endif
