/*
 * Runs of plain characters in JSON strings: no quote, backslash or control character. Pure.
 * Expected load: nearly all bytes of nearly all messages, so it goes by eight at a time.
 */
#ifndef SOCKETIO_JSON_PLAIN_H
#define SOCKETIO_JSON_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Eight bytes at once, the first one lowest: so the lowest mark is the first. */
static inline uint64_t sio_json_load_8(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/*
 * The high bit of each byte that ends a run of plain characters: a quote, a backslash, a control
 * character. Borrows can mark a wrong byte, but only above a right one.
 */
static inline uint64_t sio_json_mark_special(uint64_t eight)
{
    const uint64_t every_byte = UINT64_C(0x0101010101010101);
    uint64_t quote = eight ^ every_byte * '"';
    uint64_t backslash = eight ^ every_byte * '\\';
    uint64_t below = (quote - every_byte) | (backslash - every_byte) | (eight - every_byte * ' ');

    return below & ~eight & every_byte * 0x80; /* what is not ASCII is plain */
}

static inline bool sio_json_is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

/* From `at` to the first character that is not plain, or the end. */
static inline const char *sio_json_skip_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t special = sio_json_mark_special(sio_json_load_8(at));
        if (special != 0)
            return at + (__builtin_ctzll(special) >> 3);
    }
    while (at < end && sio_json_is_plain(*at))
        at++;
    return at;
}

#endif
