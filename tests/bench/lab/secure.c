#include "secure.h"

#include <errno.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { RECORD = 16 * 1024, INPUT = 256 * 1024 };

struct secure {
    mbedtls_ssl_context ssl;
    int fd;
    bool dry; /* the kernel had no more */
    void *owner;
    void (*send)(void *owner, const char *bytes, size_t len);
};

static mbedtls_ssl_config config;
static char input[INPUT];
static size_t at, end;

static int random_bytes(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        out += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The suites that every server here has, so that all encrypt alike. */
static bool configure(void)
{
    static const int suites[] = { MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0 };
    static bool done;

    if (done)
        return true;
    mbedtls_ssl_config_init(&config);
    if (psa_crypto_init() != PSA_SUCCESS ||
        mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_rng(&config, random_bytes, NULL);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ciphersuites(&config, suites);
    return done = true;
}

static int receive(void *data, unsigned char *out, size_t len)
{
    secure *s = data;

    if (at == end) {
        if (s->dry)
            return MBEDTLS_ERR_SSL_WANT_READ;
        ssize_t n = recv(s->fd, input, sizeof(input), 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
                                                     : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        if (n == 0)
            return 0;
        at = 0;
        end = (size_t)n;
        s->dry = end < sizeof(input);
    }
    if (len > end - at)
        len = end - at;
    memcpy(out, input + at, len);
    at += len;
    return (int)len;
}

static int transmit(void *data, const unsigned char *bytes, size_t len)
{
    secure *s = data;

    s->send(s->owner, (const char *)bytes, len);
    return (int)len;
}

secure *secure_new(int fd, void *owner, void (*send)(void *owner, const char *bytes, size_t len))
{
    secure *s = calloc(1, sizeof(*s));

    if (s == NULL || !configure() || mbedtls_ssl_setup(&s->ssl, &config) != 0) {
        free(s);
        return NULL;
    }
    s->fd = fd;
    s->owner = owner;
    s->send = send;
    mbedtls_ssl_set_bio(&s->ssl, s, transmit, receive, NULL);
    return s;
}

void secure_free(secure *s)
{
    if (s == NULL)
        return;
    mbedtls_ssl_free(&s->ssl);
    free(s);
}

int secure_shake(secure *s)
{
    s->dry = false;
    int rc = mbedtls_ssl_handshake(&s->ssl);
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return 0;
    return rc == 0 ? 1 : -1;
}

long secure_read(secure *s, char *out, size_t size)
{
    int rc = mbedtls_ssl_read(&s->ssl, (unsigned char *)out, size);

    if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
        s->dry = false; /* for the next time */
        return 0;
    }
    return rc > 0 ? rc : -1;
}

int secure_write(secure *s, const char *bytes, size_t len)
{
    while (len > 0) {
        int rc =
            mbedtls_ssl_write(&s->ssl, (const unsigned char *)bytes, len < RECORD ? len : RECORD);
        if (rc < 0)
            return -1;
        bytes += rc;
        len -= (size_t)rc;
    }
    return 0;
}
