#include "engineio/websocket/utf8.h"

#include <endian.h>

static const uint64_t high_bits = 0x8080808080808080;

static inline uint64_t load(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* The first byte that is not ASCII, or end. */
static inline const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 32) {
        if (((load(at) | load(at + 8) | load(at + 16) | load(at + 24)) & high_bits) != 0)
            break;
        at += 32;
    }
    while (end - at >= 8) {
        uint64_t found = le64toh(load(at)) & high_bits;
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
        at += 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

/* Begin a character of several bytes: RFC 3629 §4 has the ranges. False: no character begins so. */
static inline bool begin(eio_utf8 *state, unsigned char lead)
{
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    state->left = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    state->low = 0x80;
    state->high = 0xbf;
    switch (lead) {
    case 0xe0: state->low = 0xa0; break;  /* below: overlong */
    case 0xed: state->high = 0x9f; break; /* above: surrogates */
    case 0xf0: state->low = 0x90; break;
    case 0xf4: state->high = 0x8f; break; /* above: past U+10FFFF */
    default: break;
    }
    return true;
}

static inline bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/*
 * Skip characters of two and three bytes that are there as a whole: most text that is not ASCII consists of those. What
 * is rare or wrong is left to the slow way.
 */
static inline const unsigned char *skip_common(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 3) {
        if (at[0] >= 0xc2 && at[0] <= 0xdf && continues(at[1]))
            at += 2;
        else if (at[0] > 0xe0 && at[0] < 0xf0 && at[0] != 0xed && continues(at[1]) &&
                 continues(at[2]))
            at += 3;
        else
            break;
    }
    return at;
}

size_t eio_utf8_feed(eio_utf8 *state, eio_slice bytes)
{
    const unsigned char *start = (const unsigned char *)bytes.base;
    const unsigned char *at = start;
    const unsigned char *end = start + bytes.len;
    eio_utf8 now = *state;

    while (at < end) {
        if (now.left > 0) {
            if (*at < now.low || *at > now.high)
                break;
            now.left--;
            now.low = 0x80;
            now.high = 0xbf;
            at++;
            continue;
        }
        at = skip_common(skip_ascii(at, end), end);
        if (at == end)
            break;
        if (*at >= 0x80 && !begin(&now, *at))
            break;
        at++;
    }
    *state = now;
    return (size_t)(at - start);
}
