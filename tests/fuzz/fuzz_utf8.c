/* UTF-8, in pieces whose length the first byte gives: the verdict and the place of a slow reference. */
#include <assert.h>
#include <stdint.h>

#include "engineio/websocket/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Whether any scalar value from first to last is one that needs `size` bytes. */
static bool has_scalar(uint32_t first, uint32_t last, int size)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    static const uint32_t largest[] = { 0, 0x7f, 0x7ff, 0xffff, 0x10ffff };

    uint32_t low = first > smallest[size] ? first : smallest[size];
    uint32_t high = last < largest[size] ? last : largest[size];

    return low <= high && (low < 0xd800 || high > 0xdfff);
}

static int size_of(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if ((lead & 0xe0) == 0xc0)
        return 2;
    if ((lead & 0xf0) == 0xe0)
        return 3;
    return (lead & 0xf8) == 0xf0 ? 4 : 0;
}

/* The first byte after which no text can go on; len if there is none. *whole: whether it may end there. */
static size_t first_bad(const uint8_t *bytes, size_t len, bool *whole)
{
    size_t at = 0;

    while (at < len) {
        int size = size_of(bytes[at]);
        uint32_t value = size == 0 ? 0 : size == 1 ? bytes[at] : bytes[at] & (0x7fu >> size);
        int left = size - 1;
        *whole = false;
        if (size == 0)
            return at;
        while (true) {
            uint32_t first = value << (6 * left);
            if (!has_scalar(first, first + (1u << (6 * left)) - 1, size))
                return at;
            at++;
            if (left == 0)
                break;
            if (at == len)
                return len;
            if ((bytes[at] & 0xc0) != 0x80)
                return at;
            value = value << 6 | (bytes[at] & 0x3f);
            left--;
        }
        *whole = true;
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_utf8 state = { 0 };
    bool whole = true;
    size_t at = 0;
    size_t good;

    if (len == 0)
        return 0;
    size_t piece = bytes[0] == 0 ? len : bytes[0];
    bytes++;
    len--;
    size_t expected = first_bad(bytes, len, &whole);
    while (at < len) {
        size_t now = len - at < piece ? len - at : piece;
        good = eio_utf8_feed(&state, (eio_slice){ (const char *)bytes + at, now });
        at += good;
        if (good < now)
            break;
    }
    assert(at == expected);
    assert(at < len || eio_utf8_is_whole(&state) == whole);
    return 0;
}
