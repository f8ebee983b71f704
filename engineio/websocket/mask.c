#include "engineio/websocket/mask.h"

#include <endian.h>
#include <string.h>

#include "engineio/net/avx2.h"

/* As wide as the common processors are; others take it in parts. */
typedef uint32_t block __attribute__((vector_size(16)));

static inline block load(const char *at)
{
    block bytes;

    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

static inline void store(char *at, block bytes)
{
    memcpy(at, &bytes, sizeof(bytes));
}

/* A block of masks, whose first byte is for the byte at `from` of the payload. */
static inline block pattern_of(const uint8_t mask[4], size_t from)
{
    const unsigned turn = (unsigned)(from & 3) * 8;
    uint32_t once;

    memcpy(&once, mask, sizeof(once));
    once = le32toh(once);
    once = htole32(once >> turn | once << (-turn & 31));
    return (block){ once, once, once, once };
}

static inline bool is_ascii(block seen)
{
    uint64_t halves[2];

    memcpy(halves, &seen, sizeof(halves));
    return ((halves[0] | halves[1]) & 0x8080808080808080) == 0;
}

static bool unmask_bytes(char *to, const char *from, size_t len, const uint8_t mask[4])
{
    uint8_t seen = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)from[i] ^ mask[i & 3];
        to[i] = (char)byte;
        seen |= byte;
    }
    return seen < 0x80;
}

__attribute__((always_inline)) static inline bool unmask_blocks(char *to, const char *from,
                                                                size_t len, const uint8_t mask[4])
{
    if (len < sizeof(block))
        return unmask_bytes(to, from, len, mask);

    /* The last block overlaps the one before: it is read before that is written, which may be in the same place. */
    const size_t rest = len - sizeof(block);
    const block pattern = pattern_of(mask, 0);
    const block last = load(from + rest) ^ pattern_of(mask, rest);
    block seen = last;
    size_t i = 0;
    for (; i + sizeof(block) < rest; i += 2 * sizeof(block)) {
        const block one = load(from + i) ^ pattern;
        const block two = load(from + i + sizeof(block)) ^ pattern;
        store(to + i, one);
        store(to + i + sizeof(block), two);
        seen |= one | two;
    }
    if (i < rest) {
        const block one = load(from + i) ^ pattern;
        store(to + i, one);
        seen |= one;
    }
    store(to + rest, last);
    return is_ascii(seen);
}

#if EIO_HAS_AVX2_LOOPS

enum { WIDE_STEP = 64, LONG = 4 * WIDE_STEP };

/* len: a multiple of WIDE_STEP. */
EIO_AVX2 static bool unmask_wide(char *to, const char *from, size_t len, const uint8_t mask[4])
{
    typedef uint32_t wide __attribute__((vector_size(32)));
    wide seen = { 0 };
    wide pattern;
    uint64_t parts[4];

    for (size_t i = 0; i < sizeof(pattern); i += 4)
        memcpy((char *)&pattern + i, mask, 4);
    for (size_t i = 0; i < len; i += WIDE_STEP) {
        wide one;
        wide two;
        memcpy(&one, from + i, sizeof(one));
        memcpy(&two, from + i + sizeof(one), sizeof(two));
        one ^= pattern;
        two ^= pattern;
        memcpy(to + i, &one, sizeof(one));
        memcpy(to + i + sizeof(one), &two, sizeof(two));
        seen |= one | two;
    }
    memcpy(parts, &seen, sizeof(parts));
    return ((parts[0] | parts[1] | parts[2] | parts[3]) & 0x8080808080808080) == 0;
}

/* Kept out of the short way. */
EIO_AVX2 __attribute__((noinline)) static bool unmask_long(char *to, const char *from, size_t len,
                                                           const uint8_t mask[4])
{
    size_t count = len - len % WIDE_STEP;
    bool is_ascii = unmask_wide(to, from, count, mask);

    return unmask_blocks(to + count, from + count, len - count, mask) && is_ascii;
}

#endif

bool eio_unmask(char *to, const char *from, size_t len, const uint8_t mask[4])
{
#if EIO_HAS_AVX2_LOOPS
    if (len >= LONG && EIO_CPU_HAS_AVX2)
        return unmask_long(to, from, len, mask);
#endif
    return unmask_blocks(to, from, len, mask);
}

void eio_mask_advance(uint8_t mask[4], size_t len)
{
    uint8_t old[4];

    memcpy(old, mask, 4);
    for (size_t i = 0; i < 4; i++)
        mask[i] = old[(i + len) & 3];
}
