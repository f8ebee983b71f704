/* Accept-Encoding: a list in two headers says what it says in one, and only what is named, or a star, is chosen. */
#include <assert.h>
#include <stdint.h>

#include "engineio/http/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool has(eio_slice text, char c)
{
    return text.len > 0 && memchr(text.base, c, text.len) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_slice text = { len == 0 ? "" : (const char *)bytes, len };
    eio_accepted whole = { .star_weight = 0 };
    eio_accepted cut = { .star_weight = 0 };

    eio_accepted_feed(&whole, text);
    for (size_t i = 0; i < EIO_ENCODINGS; i++)
        assert(whole.weight[i] >= 0 && whole.weight[i] <= 1000);
    assert(whole.star_weight >= 0 && whole.star_weight <= 1000);
    eio_encoding best = eio_accepted_best(&whole);
    if (best != EIO_ENCODING_IDENTITY && !whole.is_named[best])
        assert(has(text, '*'));
    const char *comma = len == 0 ? NULL : memchr(text.base, ',', len);
    if (comma == NULL)
        return 0;
    size_t first = (size_t)(comma - text.base);
    eio_accepted_feed(&cut, (eio_slice){ text.base, first });
    eio_accepted_feed(&cut, (eio_slice){ comma + 1, len - first - 1 });
    assert(eio_accepted_best(&cut) == best);
    return 0;
}
