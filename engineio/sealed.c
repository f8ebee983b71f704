#include "engineio/sealed.h"

#include <assert.h>

#include "engineio/websocket/seal.h"

void eio_packet_seal(eio_buffer *payload, char digit)
{
    eio_opcode opcode = digit == 0 ? EIO_OPCODE_BINARY : EIO_OPCODE_TEXT;

    if (eio_frame_is_sealed(payload, digit, opcode))
        return;
    int rc = eio_frame_seal(payload, digit, opcode);
    assert(rc == EIO_OK); /* sent as text and as binary: the application's mistake */
    (void)rc;
}

eio_packet eio_packet_of(const eio_buffer *sealed)
{
    char digit = eio_frame_prefix(sealed);

    return (eio_packet){
        .type = digit == 0 ? EIO_PACKET_MESSAGE : (eio_packet_type)(digit - '0'),
        .binary = digit == 0,
        .data = eio_buffer_slice(sealed),
    };
}
