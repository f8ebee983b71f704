#include "engineio/net/tls_library.h"

#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>
#include <pthread.h>

#ifdef MBEDTLS_SSL_PROTO_TLS1_3
enum { HAS_TLS_1_3 = true };
#else
enum { HAS_TLS_1_3 = false };
#endif

static pthread_once_t psa_once = PTHREAD_ONCE_INIT;
static psa_status_t psa_outcome;

/* Its own guard against threads is an option of its build. */
static void init_psa(void)
{
    psa_outcome = psa_crypto_init();
}

int eio_tls_library_init(void)
{
    pthread_once(&psa_once, init_psa);
    return psa_outcome == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

bool eio_tls_library_has(eio_tls_version version)
{
    return version == EIO_TLS_1_2 || HAS_TLS_1_3;
}

void eio_tls_library_restrict(mbedtls_ssl_config *config, eio_tls_version lowest)
{
    static const int suites[] = {
        MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
        MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
        MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        0,
    };
    static const uint16_t groups[] = {
        MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
    };

    mbedtls_ssl_conf_min_tls_version(config, lowest == EIO_TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                                   : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_groups(config, groups);
    /* The signatures that version 3 takes by itself are without SHA-1. A ticket alone gives no forward secrecy. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
}

int eio_tls_library_parse_key(mbedtls_pk_context *key, const unsigned char *pem, size_t len)
{
    return mbedtls_pk_parse_key(key, pem, len, NULL, 0, eio_tls_random, NULL);
}

int eio_tls_library_check_pair(const mbedtls_pk_context *public, mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(public, key, eio_tls_random, NULL);
}

int eio_tls_library_sign(mbedtls_pk_context *key, const unsigned char hash[32])
{
    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len;

    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, signature, sizeof(signature), &len,
                           eio_tls_random, NULL);
}

bool eio_tls_library_is_notice(int rc)
{
    return rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}
