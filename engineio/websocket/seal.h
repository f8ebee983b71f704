/*
 * Server frames: the header, and with it one byte of the layer above, written once into a buffer's head room. They are
 * not masked, so the sealed bytes are the same for every client. Pure.
 */
#ifndef ENGINEIO_WEBSOCKET_SEAL_H
#define ENGINEIO_WEBSOCKET_SEAL_H

#include "engineio/net/buffer_private.h"
#include "engineio/websocket/frame.h"

enum {
    EIO_FRAME_HEAD_MAX = 10,
    EIO_SEAL_HAS_PREFIX = 0x80, /* in a buffer's seal, next to the opcode */
};

/* Write the header of an unfragmented frame. Its length. RFC 6455 §5.2 */
size_t eio_frame_head(uint8_t out[EIO_FRAME_HEAD_MAX], eio_opcode opcode, uint64_t len);

/*
 * Make a buffer one frame; eio_buffer_sealed gives its bytes. Sealing again alike does nothing.
 *
 * buffer: complete, and not yet handed to another thread
 * prefix: a byte that belongs to the frame's payload and stands before the buffer's; 0: none
 * EIO_OK, or EIO_E_STATE if it was sealed otherwise before: that takes another buffer.
 */
EIO_PRIVATE int eio_frame_seal(eio_buffer *buffer, char prefix, eio_opcode opcode);

/* Whether it is sealed in this very way already: of a broadcast, for all but its first receiver. */
static inline bool eio_frame_is_sealed(const eio_buffer *buffer, char prefix, eio_opcode opcode)
{
    if (prefix == 0)
        return buffer->seal == opcode;
    return buffer->seal == (EIO_SEAL_HAS_PREFIX | opcode) &&
           buffer->room[EIO_HEAD_ROOM - 1] == prefix;
}

/*
 * Make a buffer one frame whose payload is compressed (RFC 7692 §6): it is all that the client inflates, a prefix
 * included. buffer: new, not sealed.
 */
void eio_frame_seal_compressed(eio_buffer *buffer, eio_opcode opcode);

/* Of a sealed buffer, the payload of the frame: the prefix and the bytes. */
eio_slice eio_frame_payload(const eio_buffer *buffer);
eio_opcode eio_frame_opcode(const eio_buffer *buffer);

/* The prefix that a buffer was sealed with; 0: none. */
char eio_frame_prefix(const eio_buffer *buffer);

#endif
