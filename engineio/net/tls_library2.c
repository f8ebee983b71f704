#include "engineio/net/tls_library.h"

#include <mbedtls/ssl_ciphersuites.h>

int eio_tls_library_init(void)
{
    return 0;
}

bool eio_tls_library_has(eio_tls_version version)
{
    return version == EIO_TLS_1_2;
}

void eio_tls_library_restrict(mbedtls_ssl_config *config, eio_tls_version lowest)
{
    static const int suites[] = {
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        0,
    };
    static const mbedtls_ecp_group_id curves[] = {
        MBEDTLS_ECP_DP_CURVE25519,
        MBEDTLS_ECP_DP_SECP256R1,
        MBEDTLS_ECP_DP_SECP384R1,
        MBEDTLS_ECP_DP_NONE,
    };
    static const int hashes[] = {
        MBEDTLS_MD_SHA256,
        MBEDTLS_MD_SHA384,
        MBEDTLS_MD_SHA512,
        MBEDTLS_MD_NONE,
    };

    (void)lowest; /* there is but one */
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_curves(config, curves);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
}

int eio_tls_library_parse_key(mbedtls_pk_context *key, const unsigned char *pem, size_t len)
{
    return mbedtls_pk_parse_key(key, pem, len, NULL, 0);
}

int eio_tls_library_check_pair(const mbedtls_pk_context *public, mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(public, key);
}

int eio_tls_library_sign(mbedtls_pk_context *key, const unsigned char hash[32])
{
    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len;

    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, signature, &len, eio_tls_random, NULL);
}

bool eio_tls_library_is_notice(int rc)
{
    (void)rc;
    return false;
}
