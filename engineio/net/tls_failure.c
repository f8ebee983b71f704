#include "engineio/net/tls_failure.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <string.h>

#include "engineio/error.h"

static const struct {
    uint32_t flag;
    const char *text;
} findings[] = {
    { MBEDTLS_X509_BADCERT_EXPIRED, "it has expired" },
    { MBEDTLS_X509_BADCERT_FUTURE, "it is not valid yet" },
    { MBEDTLS_X509_BADCERT_REVOKED, "it has been revoked" },
    { MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no CA that is trusted has signed it" },
    { MBEDTLS_X509_BADCERT_MISSING, "there is none" },
    { MBEDTLS_X509_BADCERT_BAD_MD, "its signature uses a weak hash" },
    { MBEDTLS_X509_BADCERT_BAD_PK, "its signature uses a weak algorithm" },
    { MBEDTLS_X509_BADCERT_BAD_KEY, "its key is too weak" },
    { MBEDTLS_X509_BADCERT_KEY_USAGE, "its key is not meant for this" },
    { MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "its key is not meant for this" },
};

int eio_tls_failure_reason(int rc)
{
    switch (rc) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return EIO_E_CERTIFICATE;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED: return EIO_E_NOMEM;
    default: return EIO_E_TLS;
    }
}

static size_t limit(int len, size_t size)
{
    return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

static size_t describe_certificate(char *out, size_t size, uint32_t flags, const char *name)
{
    const char *text = "it does not pass the checks";

    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0 && name != NULL)
        return limit(
            snprintf(out, size, "the peer's certificate is refused: it is not for %s", name), size);
    for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
        if ((flags & findings[i].flag) != 0) {
            text = findings[i].text;
            break;
        }
    }
    return limit(snprintf(out, size, "the peer's certificate is refused: %s", text), size);
}

size_t eio_tls_failure_text(char *out, size_t size, int rc, uint32_t flags, const char *name)
{
    if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return describe_certificate(out, size, flags, name);
    mbedtls_strerror(rc, out, size);
    return strlen(out);
}
