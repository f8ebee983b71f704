#include "engineio/net/tls_identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engineio/net/tls_library.h"

enum {
    MAX_FILE_BYTES = 4 * 1024 * 1024, /* the CAs of a system are a quarter of a million */
    TAG_NUMBER = 0x1f,
    SAN_NAME = 2, /* RFC 5280 §4.2.1.6, GeneralName */
    SAN_ADDRESS = 7,
};

/* A whole file, and a NUL behind it, which mbedTLS wants to see with PEM. */
typedef struct pem_file {
    unsigned char *bytes; /* own */
    size_t len;           /* with the NUL */
} pem_file;

/* ---- files ---- */

static int report(eio_error *why, int code, const char *what, const char *file, const char *reason)
{
    return eio_error_set(why, code, "TLS: %s %s: %s", what, file, reason);
}

static int report_library(eio_error *why, int rc, const char *what, const char *file)
{
    char reason[128];

    mbedtls_strerror(rc, reason, sizeof(reason));
    return report(why, EIO_E_CERTIFICATE, what, file, reason);
}

static void pem_fini(pem_file *pem)
{
    if (pem->bytes != NULL)
        explicit_bzero(pem->bytes, pem->len);
    free(pem->bytes);
}

/* EIO_OK or a negative errno; `size` as fstat has it. */
static int read_all(int fd, unsigned char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : UV_EIO; /* it shrank meanwhile */
        done += (size_t)got;
    }
    return EIO_OK;
}

static int read_open_file(pem_file *out, int fd)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return -errno;
    if (!S_ISREG(about.st_mode))
        return S_ISDIR(about.st_mode) ? UV_EISDIR : UV_EINVAL;
    if (about.st_size > MAX_FILE_BYTES)
        return UV_EFBIG;
    size_t size = (size_t)about.st_size;
    out->bytes = calloc(1, size + 1);
    if (out->bytes == NULL)
        return EIO_E_NOMEM;
    out->len = size + 1;
    return read_all(fd, out->bytes, size);
}

static int read_file(pem_file *out, const char *what, const char *file, eio_error *why)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_open_file(out, fd);

    if (fd >= 0)
        close(fd);
    return rc == EIO_OK ? EIO_OK : report(why, rc, what, file, eio_strerror(rc));
}

/* most_bad: how many certificates of the file may be unreadable, as mbedTLS's result tells it. */
static int add_certificates(mbedtls_x509_crt *list, const char *what, const char *file,
                            int most_bad, eio_error *why)
{
    pem_file pem = { NULL, 0 };

    int rc = read_file(&pem, what, file, why);
    if (rc == EIO_OK) {
        int parsed = mbedtls_x509_crt_parse(list, pem.bytes, pem.len);
        if (parsed > most_bad)
            rc = report(why, EIO_E_CERTIFICATE, what, file, "holds an unreadable certificate");
        else if (parsed < 0)
            rc = report_library(why, parsed, what, file);
    }
    pem_fini(&pem);
    return rc;
}

static int load_key(mbedtls_pk_context *key, const char *file, eio_error *why)
{
    pem_file pem = { NULL, 0 };

    int rc = read_file(&pem, "key", file, why);
    if (rc == EIO_OK) {
        int parsed = eio_tls_library_parse_key(key, pem.bytes, pem.len);
        if (parsed != 0)
            rc = report_library(why, parsed, "key", file);
    }
    pem_fini(&pem);
    return rc;
}

int eio_identity_load(eio_identity *identity, const eio_tls_identity *files, eio_error *why)
{
    static const unsigned char hash[32] = { 0 };

    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    int rc = add_certificates(&identity->chain, "certificate", files->cert_file, 0, why);
    if (rc == EIO_OK)
        rc = load_key(&identity->key, files->key_file, why);
    if (rc != EIO_OK)
        return rc;
    if (eio_tls_library_check_pair(&identity->chain.pk, &identity->key) != 0)
        return eio_error_set(why, EIO_E_CERTIFICATE,
                             "TLS: key %s does not belong to certificate %s", files->key_file,
                             files->cert_file);
    /* mbedTLS 2.28 fills a table of the key's curve with the first signature, which threads must not do at one time. */
    int signed_once = eio_tls_library_sign(&identity->key, hash);
    return signed_once == 0 ? EIO_OK : report_library(why, signed_once, "key", files->key_file);
}

void eio_identity_fini(eio_identity *identity)
{
    mbedtls_x509_crt_free(&identity->chain);
    mbedtls_pk_free(&identity->key);
}

/* Where Debian, Fedora, SUSE and Alpine have them. */
static const char *find_system_file(void)
{
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (access(files[i], R_OK) == 0)
            return files[i];
    return files[0];
}

int eio_tls_load_authorities(mbedtls_x509_crt *authorities, const char *file, eio_error *why)
{
    if (file != NULL)
        return add_certificates(authorities, "CA file", file, 0, why);
    /* Some CAs of a system may have what mbedTLS does not know; the others count. */
    return add_certificates(authorities, "CA file", find_system_file(), INT32_MAX, why);
}

/* ---- names ---- */

static bool same_name(eio_slice a, eio_slice b)
{
    return a.len == b.len && strncasecmp(a.base, b.base, a.len) == 0;
}

/* A wildcard stands for the whole first label, and for nothing else. */
static bool matches(eio_slice pattern, eio_slice name)
{
    if (pattern.len > 2 && pattern.base[0] == '*' && pattern.base[1] == '.') {
        const char *dot = memchr(name.base, '.', name.len);
        if (dot == NULL || dot == name.base)
            return false;
        size_t label = (size_t)(dot - name.base);
        return same_name((eio_slice){ pattern.base + 1, pattern.len - 1 },
                         (eio_slice){ dot, name.len - label });
    }
    return pattern.len > 0 && same_name(pattern, name);
}

static eio_slice slice_of(const mbedtls_asn1_buf *buf)
{
    return (eio_slice){ (const char *)buf->p, buf->len };
}

static bool has_common_name(const mbedtls_x509_crt *certificate, eio_slice name)
{
    for (const mbedtls_x509_name *part = &certificate->subject; part != NULL; part = part->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0 &&
            matches(slice_of(&part->val), name))
            return true;
    return false;
}

bool eio_certificate_has_name(const mbedtls_x509_crt *certificate, eio_slice name)
{
    bool lists_names = false;

    for (const mbedtls_x509_sequence *entry = &certificate->subject_alt_names; entry != NULL;
         entry = entry->next) {
        if ((entry->buf.tag & TAG_NUMBER) != SAN_NAME || entry->buf.p == NULL)
            continue;
        lists_names = true;
        if (matches(slice_of(&entry->buf), name))
            return true;
    }
    return !lists_names && has_common_name(certificate, name);
}

bool eio_certificate_has_address(const mbedtls_x509_crt *certificate, const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t len = 0;

    if (inet_pton(AF_INET, address, bytes) == 1)
        len = sizeof(struct in_addr);
    else if (inet_pton(AF_INET6, address, bytes) == 1)
        len = sizeof(struct in6_addr);
    for (const mbedtls_x509_sequence *entry = &certificate->subject_alt_names;
         entry != NULL && len > 0; entry = entry->next)
        if ((entry->buf.tag & TAG_NUMBER) == SAN_ADDRESS && entry->buf.len == len &&
            memcmp(entry->buf.p, bytes, len) == 0)
            return true;
    return false;
}
