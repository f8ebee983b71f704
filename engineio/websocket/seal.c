#include "engineio/websocket/seal.h"

#include <assert.h>

enum {
    FIN = 0x80,
    RSV1 = 0x40,
    OPCODE = 0x0f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

static_assert(EIO_FRAME_HEAD_MAX + 1 <= EIO_HEAD_ROOM, "header and prefix fit the head room");
static_assert(offsetof(eio_buffer, payload) == offsetof(eio_buffer, room) + EIO_HEAD_ROOM,
              "the payload follows the head room at once");

static void write_length(uint8_t *to, size_t count, uint64_t len)
{
    for (size_t i = count; i-- > 0; len >>= 8)
        to[i] = (uint8_t)len;
}

size_t eio_frame_head(uint8_t out[EIO_FRAME_HEAD_MAX], eio_opcode opcode, uint64_t len)
{
    out[0] = (uint8_t)(FIN | opcode);
    if (len < LENGTH_16) {
        out[1] = (uint8_t)len;
        return 2;
    }
    if (len <= UINT16_MAX) {
        out[1] = LENGTH_16;
        write_length(out + 2, 2, len);
        return 4;
    }
    out[1] = LENGTH_64;
    write_length(out + 2, 8, len);
    return 10;
}

int eio_frame_seal(eio_buffer *buffer, char prefix, eio_opcode opcode)
{
    char *end = buffer->room + EIO_HEAD_ROOM;
    size_t extra = prefix != 0 ? 1 : 0;
    size_t len = buffer->len + extra;
    size_t size = 2;

    if (buffer->seal != 0)
        return eio_frame_is_sealed(buffer, prefix, opcode) ? EIO_OK : EIO_E_STATE;
    if (prefix != 0)
        end[-1] = prefix;
    if (len < LENGTH_16) { /* most are so short: worth to be written in place */
        char *head = end - extra - 2;
        head[0] = (char)(FIN | opcode);
        head[1] = (char)len;
    } else {
        uint8_t head[EIO_FRAME_HEAD_MAX];
        size = eio_frame_head(head, opcode, len);
        memcpy(end - extra - size, head, size);
    }
    buffer->head = (uint8_t)(size + extra);
    buffer->seal = (uint8_t)(opcode | (prefix != 0 ? EIO_SEAL_HAS_PREFIX : 0));
    return EIO_OK;
}

void eio_frame_seal_compressed(eio_buffer *buffer, eio_opcode opcode)
{
    assert(buffer->seal == 0);
    (void)eio_frame_seal(buffer, 0, opcode); /* nothing is sealed otherwise */
    buffer->room[EIO_HEAD_ROOM - buffer->head] |= RSV1;
}

eio_slice eio_frame_payload(const eio_buffer *buffer)
{
    size_t prefix = (buffer->seal & EIO_SEAL_HAS_PREFIX) != 0 ? 1 : 0;

    return (eio_slice){ buffer->payload - prefix, prefix + buffer->len };
}

eio_opcode eio_frame_opcode(const eio_buffer *buffer)
{
    return (eio_opcode)(buffer->seal & OPCODE);
}

char eio_frame_prefix(const eio_buffer *buffer)
{
    if ((buffer->seal & EIO_SEAL_HAS_PREFIX) == 0)
        return 0;
    return buffer->room[EIO_HEAD_ROOM - 1];
}
