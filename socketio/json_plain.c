#include "socketio/json_plain.h"

#include <stdbool.h>

#include "engineio/net/avx2.h"

enum { STEP_BYTES = 4 * SIO_JSON_BLOCK };

static bool is_plain_step(const char *at)
{
    sio_json_marks marks = 0;

    for (size_t i = 0; i < STEP_BYTES; i += SIO_JSON_BLOCK)
        marks |= sio_json_block_marks(at + i);
    return marks == 0;
}

#if EIO_HAS_AVX2_LOOPS

#include <immintrin.h>

enum { WIDE_STEP = 4 * sizeof(__m256i) };

/* As sio_json_block_marks; not zero: some byte is not plain. */
EIO_AVX2 static inline __m256i wide_marks(const char *at)
{
    __m256i bytes = _mm256_loadu_si256((const void *)at);
    __m256i backslashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i turned = _mm256_xor_si256(bytes, _mm256_set1_epi8(SIO_JSON_TURN));
    __m256i below = _mm256_cmpeq_epi8(_mm256_min_epu8(turned, _mm256_set1_epi8(' ')), turned);

    return _mm256_or_si256(backslashes, below);
}

/* Whole steps that are plain. */
EIO_AVX2 static const char *skip_wide_steps(const char *at, const char *end)
{
    for (; end - at >= (ptrdiff_t)WIDE_STEP; at += WIDE_STEP) {
        __m256i marks = wide_marks(at);
        for (size_t i = sizeof(marks); i < WIDE_STEP; i += sizeof(marks))
            marks = _mm256_or_si256(marks, wide_marks(at + i));
        if (!_mm256_testz_si256(marks, marks))
            break;
    }
    return at;
}

#endif

/* One test for four blocks takes a third off in long strings, blocks of twice the width half of the rest. */
const char *sio_json_skip_long_plain(const char *at, const char *end)
{
#if EIO_HAS_AVX2_LOOPS
    if (EIO_CPU_HAS_AVX2)
        at = skip_wide_steps(at, end);
#endif
    while (end - at >= STEP_BYTES && is_plain_step(at))
        at += STEP_BYTES;
    return sio_json_skip_short_plain(at, end);
}
