/* Sec-WebSocket-Extensions, with options from the first bytes: what is answered was offered, or is ours to add. */
#include <assert.h>
#include <stdint.h>

#include "engineio/websocket/extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PREFIX = 2 };

static int bits_of(unsigned byte)
{
    if (byte % 16 == 1)
        return EIO_DEFLATE_NEVER;
    return byte % 16 < EIO_WINDOW_BITS_MIN ? 0 : (int)(byte % 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char answer[EIO_DEFLATE_ANSWER_MAX_BYTES];
    eio_extensions asked = { .is_bad = false };
    eio_extensions again = { .is_bad = false };

    if (len < PREFIX)
        return 0;
    const eio_deflate_options options = {
        .server_max_window_bits = bits_of(bytes[0]),
        .client_max_window_bits = bits_of(bytes[1]),
        .server_no_context_takeover = bytes[0] > 127,
        .client_no_context_takeover = bytes[1] > 127,
        .refuse_server_no_context_takeover = bytes[0] % 128 > 63,
    };
    eio_slice value = { (const char *)bytes + PREFIX, len - PREFIX };
    eio_extensions_feed(&asked, value, &options);
    size_t answer_len = eio_extensions_answer(&asked, answer);
    assert(answer_len <= sizeof(answer) && (answer_len > 0) == asked.is_agreed);
    assert(!asked.is_agreed || asked.is_offered);
    if (!asked.is_agreed)
        return 0;
    assert(memmem(value.base, value.len, "permessage-deflate", 18) != NULL);
    unsigned server_bits = eio_extensions_bits(&asked, EIO_SERVER_MAX_WINDOW_BITS);
    unsigned client_bits = eio_extensions_bits(&asked, EIO_CLIENT_MAX_WINDOW_BITS);
    assert(server_bits >= 8 && server_bits <= 15 && client_bits >= 8 && client_bits <= 15);
    /* An answer is itself an offer that can be taken, and says the same. */
    const eio_deflate_options none = { .threshold = 0 };
    eio_extensions_feed(&again, (eio_slice){ answer, answer_len }, &none);
    assert(eio_extensions_are_good(&again) && again.is_agreed);
    assert(eio_extensions_bits(&again, EIO_SERVER_MAX_WINDOW_BITS) == server_bits);
    assert(eio_extensions_bits(&again, EIO_CLIENT_MAX_WINDOW_BITS) == client_bits);
    return 0;
}
