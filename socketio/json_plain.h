/*
 * Runs of plain characters in JSON strings: no quote, backslash or control character. Pure.
 * Expected load: nearly all bytes of nearly all messages, so it goes by in blocks: of sixteen where
 * the processor makes a mask of bytes, of eight elsewhere.
 */
#ifndef SOCKETIO_JSON_PLAIN_H
#define SOCKETIO_JSON_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)

#include <emmintrin.h>

enum { SIO_JSON_BLOCK = 16 };

/* How many of the bytes of a block are plain before the first that is not. */
static inline size_t sio_json_plain_in_block(const char *at)
{
    __m128i bytes;

    memcpy(&bytes, at, sizeof(bytes));
    __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i all = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(all) | 1u << SIO_JSON_BLOCK);
}

#else

enum { SIO_JSON_BLOCK = 8 };

/* The first one lowest, so that the lowest mark is the first. */
static inline uint64_t sio_json_load_block(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/* How many of the bytes of a block are plain before the first that is not. */
static inline size_t sio_json_plain_in_block(const char *at)
{
    const uint64_t every_byte = UINT64_C(0x0101010101010101);
    uint64_t block = sio_json_load_block(at);
    uint64_t quote = block ^ every_byte * '"';
    uint64_t backslash = block ^ every_byte * '\\';
    uint64_t below = (quote - every_byte) | (backslash - every_byte) | (block - every_byte * ' ');
    uint64_t marks = below & ~block & every_byte * 0x80; /* what is not ASCII is plain */

    /* Borrows can mark a wrong byte, but only above a right one. */
    return marks == 0 ? SIO_JSON_BLOCK : (unsigned)__builtin_ctzll(marks) / 8;
}

#endif

/* As sio_json_skip_plain, for runs that go on. */
const char *sio_json_skip_long_plain(const char *at, const char *end);

/* From `at` to the first character that is not plain, or the end. */
static inline const char *sio_json_skip_plain(const char *at, const char *end)
{
    if (end - at >= SIO_JSON_BLOCK) {
        size_t plain = sio_json_plain_in_block(at);
        at += plain;
        if (plain < SIO_JSON_BLOCK)
            return at;
    }
    return sio_json_skip_long_plain(at, end);
}

#endif
