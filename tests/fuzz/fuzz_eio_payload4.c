/* The packets of a body, joined again, are the same; and repaired text is UTF-8. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/payload.h"
#include "engineio/websocket/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Join the packets of a body. */
static eio_buffer *join_again(char *body, size_t len)
{
    eio_buffer *joined = eio_buffer_new(0);
    eio_payload payload;
    eio_packet packet;
    int rc;

    eio_payload_init(&payload, body, len);
    while ((rc = eio_payload_next(&payload, &packet)) == 1) {
        rc = eio_payload_append(&joined, &packet);
        assert(rc == EIO_OK);
    }
    assert(rc == 0 || rc == EIO_E_PROTOCOL || rc == EIO_E_LIMIT);
    assert(eio_payload_next(&payload, &packet) == 0);
    return joined;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *body = malloc(len == 0 ? 1 : len);
    eio_buffer *repaired = NULL;

    if (body == NULL)
        return 0;
    if (len > 0)
        memcpy(body, bytes, len);
    if (eio_payload_repair(&repaired, (eio_slice){ body, len }) == EIO_OK && repaired != NULL) {
        assert(eio_buffer_slice(repaired).len <= 3 * len);
        assert(eio_utf8_is_valid(eio_buffer_slice(repaired)));
        eio_buffer_unref(repaired);
    }
    eio_buffer *once = join_again(body, len);
    size_t once_len = eio_buffer_slice(once).len;
    if (once_len > 0) { /* without packets it is no body */
        char *copy = malloc(once_len);
        assert(copy != NULL);
        memcpy(copy, eio_buffer_slice(once).base, once_len);
        eio_buffer *twice = join_again(copy, once_len);
        assert(eio_slice_equal(eio_buffer_slice(once), eio_buffer_slice(twice)));
        eio_buffer_unref(twice);
        free(copy);
    }
    eio_buffer_unref(once);
    free(body);
    return 0;
}
