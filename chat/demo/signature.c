#include "chat/demo/signature.h"

#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <uv.h>

enum {
    SID_RANDOM_BYTES = 24,
    HMAC_BYTES = 32,
    SIGNATURE_BYTES = 43, /* 32 bytes in base64, without the padding */
};

int chat_sid_new(char out[CHAT_SID_BYTES + 1])
{
    unsigned char bytes[SID_RANDOM_BYTES];
    unsigned char text[CHAT_SID_BYTES + 1];
    size_t len = 0;

    if (uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL) != 0 ||
        mbedtls_base64_encode(text, sizeof(text), &len, bytes, sizeof(bytes)) != 0)
        return EIO_E_RANDOM;
    for (size_t i = 0; i < CHAT_SID_BYTES; i++)
        out[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    out[CHAT_SID_BYTES] = '\0';
    return EIO_OK;
}

static bool sign(char out[SIGNATURE_BYTES], eio_slice sid, eio_slice secret)
{
    unsigned char hmac[HMAC_BYTES], text[SIGNATURE_BYTES + 2];
    size_t len = 0;

    if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                        (const unsigned char *)secret.base, secret.len,
                        (const unsigned char *)sid.base, sid.len, hmac) != 0 ||
        mbedtls_base64_encode(text, sizeof(text), &len, hmac, sizeof(hmac)) != 0)
        return false;
    memcpy(out, text, SIGNATURE_BYTES);
    return true;
}

/* As encodeURIComponent: what may stand in a sid or in base64 and is not plain is escaped. */
static size_t escape(char *out, eio_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.base[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '_' || byte == '.';
        if (plain) {
            out[len++] = (char)byte;
        } else {
            out[len++] = '%';
            out[len++] = digits[byte >> 4];
            out[len++] = digits[byte & 15];
        }
    }
    return len;
}

size_t chat_cookie_seal(char out[CHAT_COOKIE_BYTES], eio_slice sid, eio_slice secret)
{
    char signature[SIGNATURE_BYTES];

    if (sid.len > CHAT_MOST_SID_BYTES / 2 || !sign(signature, sid, secret))
        return 0;
    size_t len = escape(out, EIO_STR("s:"));
    len += escape(out + len, sid);
    out[len++] = '.';
    return len + escape(out + len, (eio_slice){ signature, sizeof(signature) });
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding. False for a broken escape, or more than fits. */
static bool unescape(char *out, size_t size, size_t *len, eio_slice text)
{
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        if (c == '%') {
            if (text.len - i < 3)
                return false;
            int high = digit_of(text.base[i + 1]), low = digit_of(text.base[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (*len == size)
            return false;
        out[(*len)++] = c;
    }
    return true;
}

/* Takes as long whatever the difference is. */
static bool is_same(const char *a, const char *b, size_t len)
{
    unsigned difference = 0;

    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

static bool is_sid(eio_slice sid)
{
    if (sid.len == 0 || sid.len > CHAT_MOST_SID_BYTES)
        return false;
    for (size_t i = 0; i < sid.len; i++)
        if (sid.base[i] <= ' ' || sid.base[i] > '~')
            return false;
    return true;
}

bool chat_cookie_open(char out[CHAT_MOST_SID_BYTES + 1], eio_slice value, eio_slice secret)
{
    char plain[CHAT_COOKIE_BYTES], signature[SIGNATURE_BYTES];
    size_t len;

    if (!unescape(plain, sizeof(plain), &len, value) || len < 2 + 1 + SIGNATURE_BYTES ||
        memcmp(plain, "s:", 2) != 0)
        return false;
    const char *given = plain + len - SIGNATURE_BYTES;
    eio_slice sid = { plain + 2, len - 2 - 1 - SIGNATURE_BYTES };
    if (given[-1] != '.' || !is_sid(sid) || !sign(signature, sid, secret) ||
        !is_same(given, signature, sizeof(signature)))
        return false;
    memcpy(out, sid.base, sid.len);
    out[sid.len] = '\0';
    return true;
}
