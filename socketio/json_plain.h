/*
 * Runs of plain characters in JSON strings: no quote, backslash or control character. Pure.
 * Expected load: nearly all bytes of nearly all messages, so it goes by in blocks: of sixteen where
 * the processor makes a mask of bytes, of eight elsewhere.
 */
#ifndef SOCKETIO_JSON_PLAIN_H
#define SOCKETIO_JSON_PLAIN_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SIO_JSON_LONG = 256 }; /* bytes that are left: below, no run is worth a call */

/*
 * What is not plain is found by two looks: a backslash; and, with the lowest bit but one turned
 * over, what is at most a space, which is the control characters and now the quote.
 */
enum { SIO_JSON_TURN = 2 };
static_assert(('"' ^ SIO_JSON_TURN) == ' ' && (' ' ^ SIO_JSON_TURN) > ' ' &&
                  ('!' ^ SIO_JSON_TURN) > ' ',
              "the quote changes places with the space");

/*
 * Marks in the bytes of a word that are not plain; 0: all are. Borrows can mark a wrong byte, but
 * only above a right one.
 */
static inline uint64_t sio_json_word_marks(uint64_t word)
{
    const uint64_t every_byte = UINT64_C(0x0101010101010101);
    uint64_t backslash = (word ^ every_byte * '\\') - every_byte;
    uint64_t below = (word ^ every_byte * SIO_JSON_TURN) - every_byte * (' ' + 1);

    return (backslash | below) & ~word & every_byte * 0x80; /* what is not ASCII is plain */
}

#if defined(__SSE2__)

#include <emmintrin.h>

enum { SIO_JSON_BLOCK = 16 };
typedef unsigned sio_json_marks;

/* Marks for those bytes of a block that are not plain; 0: all are. */
static inline sio_json_marks sio_json_block_marks(const char *at)
{
    __m128i bytes;

    memcpy(&bytes, at, sizeof(bytes));
    __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8(SIO_JSON_TURN));
    __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(turned, _mm_set1_epi8(' ')), turned);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(backslashes, below));
}

/* How many bytes are plain before the first that is marked. */
static inline unsigned sio_json_plain_before(sio_json_marks marks)
{
    return (unsigned)__builtin_ctz(marks);
}

#else

enum { SIO_JSON_BLOCK = 8 };
typedef uint64_t sio_json_marks;

/* Marks for those bytes of a block that are not plain; 0: all are. */
static inline sio_json_marks sio_json_block_marks(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    /* The first one lowest, so that the lowest mark is the first. */
    return sio_json_word_marks((uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 |
                               (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 |
                               (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56);
}

/* How many bytes are plain before the first that is marked. */
static inline unsigned sio_json_plain_before(sio_json_marks marks)
{
    return (unsigned)__builtin_ctzll(marks) / 8;
}

#endif

/* Compilers do so with some of its callers, and not always with the same. */
#define SIO_JSON_INLINE __attribute__((always_inline)) static inline

/* As sio_json_skip_plain, for runs that may not go on. */
SIO_JSON_INLINE const char *sio_json_skip_short_plain(const char *at, const char *end)
{
    for (; end - at >= SIO_JSON_BLOCK; at += SIO_JSON_BLOCK) {
        const sio_json_marks marks = sio_json_block_marks(at);
        if (marks != 0)
            return at + sio_json_plain_before(marks);
    }
    while (at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* The same for runs that go on. */
const char *sio_json_skip_long_plain(const char *at, const char *end);

/* From `at` to the first character that is not plain, or the end. */
static inline const char *sio_json_skip_plain(const char *at, const char *end)
{
    if (end - at < SIO_JSON_LONG)
        return sio_json_skip_short_plain(at, end);
    const sio_json_marks marks = sio_json_block_marks(at);
    return marks != 0 ? at + sio_json_plain_before(marks)
                      : sio_json_skip_long_plain(at + SIO_JSON_BLOCK, end);
}

#endif
