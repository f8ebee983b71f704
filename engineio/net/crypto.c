#include "engineio/net/crypto.h"

#include <errno.h>
#include <mbedtls/md.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/random.h>

#include "engineio/net/base64.h"

enum {
    ID_BYTES = 15,
    POOL_BYTES = ID_BYTES *
                 16, /* below 256, getrandom gives all at once, whatever signals come (random(7)) */
};

/* Unused random bytes stand at the start, `left` of them; the rest is zero. */
typedef struct id_pool {
    size_t left;
    unsigned char bytes[POOL_BYTES];
} id_pool;

static _Thread_local id_pool pool;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

int eio_random(void *out, size_t len)
{
    unsigned char *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return EIO_E_RANDOM;
        at += got;
        len -= (size_t)got;
    }
    return EIO_OK;
}

/* Runs in the only thread that a forked child has: parent and child must not give out the same ids. */
static void forget_pool(void)
{
    memset(&pool, 0, sizeof(pool));
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_pool);
}

int eio_random_id(char out[EIO_RANDOM_ID_LEN])
{
    if (pool.left == 0) {
        pthread_once(&fork_once, watch_forks);
        int rc = eio_random(pool.bytes, sizeof(pool.bytes));
        if (rc != EIO_OK)
            return rc;
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= ID_BYTES;
    eio_base64url_encode(out, (eio_slice){ (const char *)pool.bytes + pool.left, ID_BYTES });
    memset(pool.bytes + pool.left, 0, ID_BYTES);
    return EIO_OK;
}

int eio_sha1(unsigned char out[EIO_SHA1_BYTES], eio_slice bytes)
{
    const mbedtls_md_info_t *sha1 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);

    if (mbedtls_md(sha1, (const unsigned char *)bytes.base, bytes.len, out) != 0)
        return EIO_E_NOMEM;
    return EIO_OK;
}

int eio_hmac_sha256(unsigned char out[EIO_SHA256_BYTES], eio_slice key, eio_slice bytes)
{
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

    if (mbedtls_md_hmac(sha256, (const unsigned char *)key.base, key.len,
                        (const unsigned char *)bytes.base, bytes.len, out) != 0)
        return EIO_E_NOMEM;
    return EIO_OK;
}
