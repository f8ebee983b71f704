/*
 * The negotiation of permessage-deflate (RFC 7692 §7): one pass over Sec-WebSocket-Extensions, with a fixed list of
 * names, judged as Node's `ws` judges it. Pure; nothing is kept of a header but small numbers. Expected load: one per
 * WebSocket.
 */
#ifndef ENGINEIO_WEBSOCKET_EXTENSION_H
#define ENGINEIO_WEBSOCKET_EXTENSION_H

#include <stdint.h>

#include "engineio/websocket.h"

enum {
    EIO_DEFLATE_ANSWER_MAX_BYTES = 160,
    EIO_WINDOW_BITS_MIN = 8,
    EIO_WINDOW_BITS_MAX = 15,
};

typedef enum eio_deflate_parameter {
    EIO_SERVER_NO_CONTEXT_TAKEOVER,
    EIO_CLIENT_NO_CONTEXT_TAKEOVER,
    EIO_SERVER_MAX_WINDOW_BITS,
    EIO_CLIENT_MAX_WINDOW_BITS,
    EIO_DEFLATE_PARAMETERS
} eio_deflate_parameter;

/* One offer, or the answer to it. */
typedef struct eio_deflate_terms {
    uint8_t order[EIO_DEFLATE_PARAMETERS]; /* eio_deflate_parameter, as they came */
    uint8_t count;
    uint8_t value[EIO_DEFLATE_PARAMETERS]; /* 0: absent; bits; 1: without a value */
} eio_deflate_terms;

/* All offers of a request, of which the first that suits is taken. Zeroed before its first use. */
typedef struct eio_extensions {
    bool is_offered; /* permessage-deflate is among them */
    bool is_agreed;  /* terms says on what */
    bool is_bad;     /* the request is to be refused */
    eio_deflate_terms terms;
} eio_extensions;

/* Read one header's value. */
void eio_extensions_feed(eio_extensions *extensions, eio_slice value,
                         const eio_deflate_options *options);

/* Whether the request may go on, when all headers are fed: nothing was wrong, and an offer that there is suits. */
bool eio_extensions_are_good(const eio_extensions *extensions);

/* The answer's value; its length, and 0 if nothing was agreed on. No NUL is written. */
size_t eio_extensions_answer(const eio_extensions *extensions,
                             char out[EIO_DEFLATE_ANSWER_MAX_BYTES]);

/* The window of a direction, in bits, once there is an agreement. */
unsigned eio_extensions_bits(const eio_extensions *extensions, eio_deflate_parameter direction);

#endif
