/* Base64: what is strictly right comes back as it was, and leniency only ever adds to that. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/net/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* len bytes, of its exact size, so that every byte beyond is seen. */
static char *room(size_t len)
{
    char *memory = malloc(len == 0 ? 1 : len);
    assert(memory != NULL);
    return memory;
}

static void check_encoding(eio_slice bytes)
{
    size_t text_len = eio_base64_encoded_len(bytes.len);
    char *text = room(text_len);
    char *back = room(eio_base64_decoded_max(text_len));
    size_t back_len;

    eio_base64_encode(text, bytes);
    int rc = eio_base64_decode(back, &back_len, (eio_slice){ text, text_len });
    assert(rc == EIO_OK && eio_slice_equal((eio_slice){ back, back_len }, bytes));
    free(text);
    free(back);
}

static void check_strict(eio_slice text, eio_slice lenient)
{
    char *out = room(eio_base64_decoded_max(text.len));
    size_t len;

    if (eio_base64_decode(out, &len, text) == EIO_OK) {
        char *again = room(eio_base64_encoded_len(len));
        assert(eio_slice_equal((eio_slice){ out, len }, lenient));
        eio_base64_encode(again, (eio_slice){ out, len });
        assert(eio_slice_equal((eio_slice){ again, eio_base64_encoded_len(len) }, text));
        free(again);
    }
    free(out);
}

/* The same, of the text without what does not count, and where it stands. */
static void check_lenient(eio_slice text, eio_slice lenient)
{
    char *kept = room(text.len);
    size_t len = 0;

    for (size_t i = 0; i < text.len && text.base[i] != '='; i++)
        if (eio_is_base64(text.base[i]) || text.base[i] == '-' || text.base[i] == '_')
            kept[len++] = text.base[i];
    assert(lenient.len == eio_base64_decoded_max(len));
    len = eio_base64_decode_lenient(kept, (eio_slice){ kept, len });
    assert(eio_slice_equal((eio_slice){ kept, len }, lenient));
    free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_slice text = { (const char *)bytes, len };
    char *out = room(eio_base64_decoded_max(len));
    eio_slice lenient = { out, eio_base64_decode_lenient(out, text) };

    check_encoding(text);
    check_strict(text, lenient);
    check_lenient(text, lenient);
    free(out);
    return 0;
}
