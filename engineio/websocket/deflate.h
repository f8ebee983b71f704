/*
 * Compressed messages (RFC 7692 §7.2), on zlib. We never refer to an earlier message, so what is compressed once serves
 * every client, and one compressor serves a loop (one for each window size that clients ask for, seven at most, of 5 to
 * 270 KB; an ordinary client takes the largest). One decompressor, of some 40 KB, serves a loop as well: of a client
 * whose messages do refer to earlier ones, only the text that they may refer to is kept, its last 2^bits bytes, so at
 * most 32 KB a client that has sent as much, nothing for one that has sent nothing compressed, and nothing where
 * client_no_context_takeover was agreed on. Expected load: every message above the threshold.
 */
#ifndef ENGINEIO_WEBSOCKET_DEFLATE_H
#define ENGINEIO_WEBSOCKET_DEFLATE_H

#include <stdint.h>

#include "engineio/websocket.h"

enum {
    EIO_COMPRESSOR_BITS_MIN = 9, /* zlib's own; it never reaches back more than 250 bytes then */
    EIO_COMPRESSORS = 15 - EIO_COMPRESSOR_BITS_MIN + 1,
};

struct z_stream_s;

/* What the WebSockets of a group share. */
typedef struct eio_deflate {
    bool is_on;
    eio_deflate_options options;                     /* complete */
    struct z_stream_s *compressors[EIO_COMPRESSORS]; /* made when first needed */
    struct z_stream_s *inflater;                     /* likewise */
} eio_deflate;

/* options: copied, in range, with 0 for any default; NULL: it is off. */
void eio_deflate_init(eio_deflate *deflate, const eio_deflate_options *options);
void eio_deflate_fini(eio_deflate *deflate);

/* The options with their defaults in the place of zeros. */
eio_deflate_options eio_deflate_complete(const eio_deflate_options *options);
/* What is wrong with options; NULL: nothing. */
const char *eio_deflate_fault(const eio_deflate_options *options);

/*
 * What to send in the place of a sealed message to a client with that window: its compressed form, which is made at the
 * first call and kept with it, or itself, where that is shorter or there is no memory. Borrowed for as long as buffer.
 */
eio_buffer *eio_deflate_frame(eio_deflate *deflate, eio_buffer *buffer, unsigned bits);

/* The end of what a client has said, which its next message may refer to. All but bits is zeroed at first. */
typedef struct eio_inflate_window {
    char *bytes; /* own heap */
    size_t len, capacity;
    unsigned bits; /* it is of 2^bits bytes */
} eio_inflate_window;

void eio_inflate_window_fini(eio_inflate_window *window);

/*
 * Inflate a message. As with Node's, what follows a block that calls itself the last is ignored.
 *
 * out:    new, to be freed; may be changed
 * window: of that client; NULL: its messages do not refer to earlier ones
 * EIO_OK, EIO_E_TOO_BIG (as soon as there is one byte above the limit), EIO_E_PROTOCOL (not compressed data; a
 * reference behind the window) or EIO_E_NOMEM
 */
int eio_inflate(char **out, size_t *len, eio_deflate *deflate, eio_slice message, size_t limit,
                eio_inflate_window *window);

#endif
