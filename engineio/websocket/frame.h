/*
 * Frames of WebSocket clients (RFC 6455 §5), turned into messages and control frames. Pure. A message that comes whole
 * in one frame and one read is unmasked where it stands and handed out as a slice; only what is split or fragmented
 * is gathered on the heap, which is given back with the next call. Expected load: a million messages a second, from
 * tens of thousands of clients that are mostly idle: those own the 16 bytes of their decoder and nothing else.
 */
#ifndef ENGINEIO_WEBSOCKET_FRAME_H
#define ENGINEIO_WEBSOCKET_FRAME_H

#include <stdint.h>

#include "engineio/buffer.h"

typedef enum eio_opcode {
    EIO_OPCODE_CONTINUATION = 0x0,
    EIO_OPCODE_TEXT = 0x1,
    EIO_OPCODE_BINARY = 0x2,
    EIO_OPCODE_CLOSE = 0x8,
    EIO_OPCODE_PING = 0x9,
    EIO_OPCODE_PONG = 0xa,
} eio_opcode;

/* What a client may send in one message. Both at least 1. */
typedef struct eio_frame_limits {
    size_t max_message_bytes; /* sum of the fragments; checked as soon as a header announces it */
    size_t max_fragments;     /* empty ones count */
} eio_frame_limits;

typedef enum eio_frame_result {
    EIO_FRAME_MORE, /* all input is used up */
    EIO_FRAME_MESSAGE, /* event: opcode TEXT (which is valid UTF-8, unless compressed) or BINARY, payload */
    EIO_FRAME_CONTROL, /* event: opcode PING, PONG or CLOSE, payload; of CLOSE the code (0: none) and the reason */
    EIO_FRAME_FAILED, /* event: code is EIO_E_PROTOCOL, _UTF8, _TOO_BIG, _LIMIT or _NOMEM, payload says why */
} eio_frame_result;

typedef struct eio_frame_event {
    eio_opcode opcode;
    bool compressed; /* of a message: the payload is to be inflated, and then to be checked */
    int code;
    eio_slice payload; /* borrowed until the next call, in memory that may be changed */
} eio_frame_event;

/* Zeroed before its first use, but for has_deflate. */
typedef struct eio_frame_decoder {
    struct eio_frame_partial *partial; /* own heap; NULL unless something is split or fragmented */
    uint8_t state;
    uint8_t frame;    /* first byte of the frame that is being read */
    uint8_t message;  /* opcode of the fragmented message that is open, or 0 */
    bool compressed;  /* so is that message */
    bool has_deflate; /* permessage-deflate was agreed on: RSV1 has a meaning */
} eio_frame_decoder;

/*
 * Decode the next thing from at to end. The input is changed in place, and at moves behind what was used; call again
 * until it says MORE. After a close frame, and after a failure, all further input is swallowed.
 */
eio_frame_result eio_frame_next(eio_frame_decoder *decoder, const eio_frame_limits *limits,
                                char **at, char *end, eio_frame_event *event);

/* Heap bytes that the decoder owns: 0 for an idle client. */
size_t eio_frame_heap_bytes(const eio_frame_decoder *decoder);

void eio_frame_fini(eio_frame_decoder *decoder);

#endif
