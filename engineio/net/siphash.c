#include "engineio/net/siphash.h"

#include <endian.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#include "engineio/net/crypto.h"

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static inline uint64_t rotate(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static inline void mix(sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void absorb(sip *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s);
    s->v0 ^= word;
}

/* The last 0 to 7 bytes, below the length's low byte. Two loads that overlap are quicker than a loop. */
static inline uint64_t last_word(const unsigned char *tail, size_t len)
{
    uint64_t word = (uint64_t)(len & 0xff) << 56;
    size_t left = len & 7;

    if (left >= 4) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, tail, sizeof(low));
        memcpy(&high, tail + left - sizeof(high), sizeof(high));
        return word | le32toh(low) | (uint64_t)le32toh(high) << (left * 8 - 32);
    }
    if (left > 0)
        word |= tail[0] | (uint64_t)tail[left / 2] << (left / 2 * 8) |
                (uint64_t)tail[left - 1] << (left * 8 - 8);
    return word;
}

uint64_t eio_siphash_with(const uint64_t key[2], const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    sip s = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
              key[1] ^ 0x7465646279746573 };

    for (size_t words = len / 8; words > 0; words--, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        absorb(&s, le64toh(word));
    }
    absorb(&s, last_word(at, len));
    s.v2 ^= 0xff;
    mix(&s);
    mix(&s);
    mix(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static atomic_bool has_key;
static uint64_t process_key[2];

static void draw_key(void)
{
    /* A hash cannot fail; the kernel gave every process 16 random bytes at its start, should it give no more now. */
    if (eio_random(process_key, sizeof(process_key)) != EIO_OK) {
        const char *at_start = (const char *)(uintptr_t)getauxval(AT_RANDOM);
        if (at_start != NULL)
            memcpy(process_key, at_start, sizeof(process_key));
    }
    atomic_store_explicit(&has_key, true, memory_order_release);
}

uint64_t eio_siphash(const void *bytes, size_t len)
{
    if (!atomic_load_explicit(&has_key, memory_order_acquire))
        pthread_once(&key_once, draw_key);
    return eio_siphash_with(process_key, bytes, len);
}
