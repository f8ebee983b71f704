/* A text is refused, or is its type and data again; bytes never outgrow their text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len == 0 ? 1 : len);
    eio_packet packet;

    if (text == NULL)
        return 0;
    if (len > 0)
        memcpy(text, bytes, len);
    int rc = eio_packet_decode(&packet, text, len);
    assert(rc == EIO_OK || rc == EIO_E_PROTOCOL);
    if (rc == EIO_OK && packet.binary) {
        assert(bytes[0] == 'b' && packet.data.len <= (len - 1) / 4 * 3 + 2);
    } else if (rc == EIO_OK) {
        assert(bytes[0] == '0' + (int)packet.type && packet.data.len == len - 1);
        assert(len == 1 || memcmp(packet.data.base, bytes + 1, len - 1) == 0);
    }
    free(text);
    return 0;
}
