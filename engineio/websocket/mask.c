#include "engineio/websocket/mask.h"

#include <string.h>

void eio_unmask(char *to, const char *from, size_t len, const uint8_t mask[4])
{
    uint64_t pattern;
    size_t i = 0;

    memcpy(&pattern, mask, 4);
    memcpy((char *)&pattern + 4, mask, 4);
    for (; len - i >= 32; i += 32) {
        uint64_t words[4];
        memcpy(words, from + i, 32);
        words[0] ^= pattern;
        words[1] ^= pattern;
        words[2] ^= pattern;
        words[3] ^= pattern;
        memcpy(to + i, words, 32);
    }
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, 8);
        word ^= pattern;
        memcpy(to + i, &word, 8);
    }
    for (; i < len; i++)
        to[i] = (char)(from[i] ^ (char)mask[i & 3]);
}

void eio_mask_advance(uint8_t mask[4], size_t len)
{
    uint8_t old[4];

    memcpy(old, mask, 4);
    for (size_t i = 0; i < 4; i++)
        mask[i] = old[(i + len) & 3];
}
