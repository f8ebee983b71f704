/* The mask of client frames (RFC 6455 §5.3), a word at a time. Pure. Expected load: every byte that clients send. */
#ifndef ENGINEIO_WEBSOCKET_MASK_H
#define ENGINEIO_WEBSOCKET_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Unmask len bytes; to is either from itself or does not overlap it. The mask's first byte is for the first of them.
 * Whether all that came out is ASCII, which takes one instruction a word here and spares most texts the check.
 */
bool eio_unmask(char *to, const char *from, size_t len, const uint8_t mask[4]);

/* Turn the mask, so that it fits what comes behind len bytes. */
void eio_mask_advance(uint8_t mask[4], size_t len);

#endif
