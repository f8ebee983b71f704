/*
 * The first byte says whether the rest is a binary payload. What is decoded, joined again, is the
 * same when decoded again; and so it is as the other kind of payload.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/payload3.h"
#include "engineio/websocket/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Join the packets of a body. */
static eio_buffer *join_again(char *body, size_t len, bool from_binary, bool to_binary)
{
    eio_buffer *joined = eio_buffer_new(0);
    eio_payload3 payload;
    eio_packet packet;
    int rc;

    eio_payload3_init(&payload, body, len, from_binary);
    while ((rc = eio_payload3_next(&payload, &packet)) == 1) {
        assert(packet.type <= EIO_PACKET_NOOP);
        assert(!packet.binary || packet.type == EIO_PACKET_MESSAGE);
        if (!eio_utf8_is_valid(packet.data) && !packet.binary)
            continue; /* a base64 pong, say: nobody sends those */
        size_t before = eio_buffer_slice(joined).len;
        assert(eio_payload3_append(&joined, &packet, to_binary) == EIO_OK);
        assert(eio_buffer_slice(joined).len - before <= eio_payload3_packet_len(&packet));
    }
    assert(rc == 0 || rc == EIO_E_PROTOCOL || rc == EIO_E_LIMIT);
    assert(eio_payload3_next(&payload, &packet) == 0);
    return joined;
}

static eio_buffer *join_copy(eio_buffer *from, bool from_binary, bool to_binary)
{
    eio_slice bytes = eio_buffer_slice(from);
    char *copy = malloc(bytes.len + 1);

    assert(copy != NULL);
    memcpy(copy, bytes.base, bytes.len);
    eio_buffer *joined = join_again(copy, bytes.len, from_binary, to_binary);
    free(copy);
    return joined;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    bool binary = (*bytes++ & 1) != 0;
    char *body = malloc(len);
    if (body == NULL)
        return 0;
    memcpy(body, bytes, --len);
    if (binary || eio_utf8_is_valid((eio_slice){ body, len })) {
        eio_buffer *once = join_again(body, len, binary, binary);
        eio_buffer *other = join_copy(once, binary, !binary);
        eio_buffer *back = join_copy(other, !binary, binary);
        assert(eio_slice_equal(eio_buffer_slice(once), eio_buffer_slice(back)));
        eio_buffer_unref(once);
        eio_buffer_unref(other);
        eio_buffer_unref(back);
    }
    free(body);
    return 0;
}
