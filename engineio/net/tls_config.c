#include "engineio/net/tls_config.h"

#include <mbedtls/ssl_ticket.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engineio/limits.h"
#include "engineio/net/crypto.h"
#include "engineio/net/tls.h"
#include "engineio/net/tls_identity.h"
#include "engineio/net/tls_library.h"

/* Tickets are good for so long, their keys for twice that. */
enum { TICKET_SECONDS = 24 * 60 * 60 };

struct eio_tls_config {
    atomic_size_t refs;
    mbedtls_ssl_config ssl;
    mbedtls_x509_crt authorities;
    size_t count;
    eio_identity identities[]; /* the first is the default */
};

struct eio_tls {
    atomic_size_t refs;
    pthread_mutex_t lock;
    eio_tls_config *current; /* shared; under the lock */
    eio_tls_options options; /* its texts are own */
    eio_tls_identity *files; /* own, with their texts: the first and `more` */
    size_t file_count;
    const char *alpn[2]; /* as mbedTLS wants it: a list that ends with NULL */
    bool has_tickets;
    mbedtls_ssl_ticket_context tickets; /* for all sets: a reload ends no session */
};

int eio_tls_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    return eio_random(out, len) == EIO_OK ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

void eio_tls_options_init(eio_tls_options *options)
{
    *options = (eio_tls_options){ .size = sizeof(*options),
                                  .handshake_timeout_ms = EIO_TLS_HANDSHAKE_TIMEOUT_MS,
                                  .max_handshakes = EIO_TLS_MAX_HANDSHAKES,
                                  .alpn = "http/1.1",
                                  .tickets = true };
}

/* ---- one set ---- */

static void config_free(eio_tls_config *config)
{
    mbedtls_ssl_config_free(&config->ssl);
    mbedtls_x509_crt_free(&config->authorities);
    for (size_t i = 0; i < config->count; i++)
        eio_identity_fini(&config->identities[i]);
    free(config);
}

void eio_tls_config_unref(eio_tls_config *config)
{
    if (config != NULL && atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) == 1)
        config_free(config);
}

const mbedtls_ssl_config *eio_tls_config_get(const eio_tls_config *config)
{
    return &config->ssl;
}

/* The client says whom it wants to reach: it gets each certificate that is for that host, else the default. */
static int choose_identity(void *data, mbedtls_ssl_context *ssl, const unsigned char *name,
                           size_t len)
{
    eio_tls_config *config = data;
    int rc = 0;

    for (size_t i = 0; i < config->count && rc == 0; i++)
        if (eio_certificate_has_name(&config->identities[i].chain,
                                     (eio_slice){ (const char *)name, len }))
            rc = mbedtls_ssl_set_hs_own_cert(ssl, &config->identities[i].chain,
                                             &config->identities[i].key);
    return rc;
}

static int load_files(eio_tls_config *config, const eio_tls *tls, eio_error *why)
{
    const eio_tls_options *options = &tls->options;
    int rc = EIO_OK;

    for (size_t i = 0; i < tls->file_count && rc == EIO_OK; i++) {
        config->count++;
        rc = eio_identity_load(&config->identities[i], &tls->files[i], why);
    }
    if (rc == EIO_OK && options->role == EIO_TLS_CLIENT)
        rc = eio_tls_load_authorities(&config->authorities, options->ca_file, why);
    else if (rc == EIO_OK && options->client_ca_file != NULL)
        rc = eio_tls_load_authorities(&config->authorities, options->client_ca_file, why);
    return rc;
}

/* 0 or mbedTLS's code. */
static int set_up(eio_tls_config *config, eio_tls *tls)
{
    const eio_tls_options *options = &tls->options;
    bool is_server = options->role == EIO_TLS_SERVER;
    bool verifies = !is_server || options->client_ca_file != NULL;
    mbedtls_ssl_config *ssl = &config->ssl;

    int rc =
        mbedtls_ssl_config_defaults(ssl, is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc != 0)
        return rc;
    mbedtls_ssl_conf_rng(ssl, eio_tls_random, NULL);
    eio_tls_library_restrict(ssl, options->min_version);
    mbedtls_ssl_conf_authmode(ssl,
                              verifies ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (verifies)
        mbedtls_ssl_conf_ca_chain(ssl, &config->authorities, NULL);
    if (config->count > 0)
        rc = mbedtls_ssl_conf_own_cert(ssl, &config->identities[0].chain,
                                       &config->identities[0].key);
    if (rc == 0 && is_server && options->alpn != NULL)
        rc = mbedtls_ssl_conf_alpn_protocols(ssl, tls->alpn);
    if (config->count > 1)
        mbedtls_ssl_conf_sni(ssl, choose_identity, config);
    if (tls->has_tickets)
        mbedtls_ssl_conf_session_tickets_cb(ssl, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                            &tls->tickets);
    if (!is_server)
        mbedtls_ssl_conf_session_tickets(ssl, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    return rc;
}

static int config_new(eio_tls_config **out, eio_tls *tls, eio_error *why)
{
    eio_tls_config *config =
        calloc(1, sizeof(*config) + tls->file_count * sizeof(config->identities[0]));
    if (config == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "TLS: %s", eio_strerror(EIO_E_NOMEM));
    atomic_init(&config->refs, 1);
    mbedtls_ssl_config_init(&config->ssl);
    mbedtls_x509_crt_init(&config->authorities);
    int rc = load_files(config, tls, why);
    /* What is set cannot be wrong: it is memory that is missing. */
    if (rc == EIO_OK && set_up(config, tls) != 0)
        rc = eio_error_set(why, EIO_E_NOMEM, "TLS: %s", eio_strerror(EIO_E_NOMEM));
    if (rc != EIO_OK) {
        config_free(config);
        return rc;
    }
    *out = config;
    return EIO_OK;
}

/* ---- the handle ---- */

/* The texts are own, but those that read them shall not write. */
static void text_free(const char *text)
{
    free((void *)(uintptr_t)text);
}

static void tls_free(eio_tls *tls)
{
    eio_tls_config_unref(tls->current);
    for (size_t i = 0; i < tls->file_count; i++) {
        text_free(tls->files[i].cert_file);
        text_free(tls->files[i].key_file);
    }
    free(tls->files);
    text_free(tls->options.client_ca_file);
    text_free(tls->options.ca_file);
    text_free(tls->options.alpn);
    mbedtls_ssl_ticket_free(&tls->tickets);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

/* NULL stays NULL; *rc is EIO_E_NOMEM if there is no memory. */
static const char *copy_text(const char *text, int *rc)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL)
        *rc = EIO_E_NOMEM;
    return copy;
}

static int copy_options(eio_tls *tls, const eio_tls_options *options)
{
    size_t count = (options->cert_file != NULL ? 1 : 0) + options->more_count;
    int rc = EIO_OK;

    tls->options = *options;
    tls->options.cert_file = tls->options.key_file = NULL;
    tls->options.more = NULL;
    tls->options.client_ca_file = copy_text(options->client_ca_file, &rc);
    tls->options.ca_file = copy_text(options->ca_file, &rc);
    tls->options.alpn = copy_text(options->alpn, &rc);
    tls->alpn[0] = tls->options.alpn;
    tls->files = calloc(count + 1, sizeof(tls->files[0]));
    if (tls->files == NULL)
        return EIO_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        eio_tls_identity first = { options->cert_file, options->key_file };
        size_t at = options->cert_file != NULL ? i : i + 1;
        const eio_tls_identity *from = at == 0 ? &first : &options->more[at - 1];
        tls->files[tls->file_count++] =
            (eio_tls_identity){ copy_text(from->cert_file, &rc), copy_text(from->key_file, &rc) };
    }
    return rc;
}

static int refuse(eio_error *why, const char *what)
{
    return eio_error_set(why, EIO_E_INVALID, "TLS: %s", what);
}

static int check_options(const eio_tls_options *options, eio_error *why)
{
    if ((options->cert_file == NULL) != (options->key_file == NULL))
        return refuse(why, "a certificate file needs a key file, and the other way round");
    if (options->role == EIO_TLS_SERVER && options->cert_file == NULL)
        return refuse(why, "a server needs a certificate file");
    for (size_t i = 0; i < options->more_count; i++)
        if (options->more[i].cert_file == NULL || options->more[i].key_file == NULL)
            return refuse(why, "a certificate file needs a key file, and the other way round");
    if (options->handshake_timeout_ms == 0 || options->max_handshakes == 0)
        return refuse(why, "handshake_timeout_ms and max_handshakes are at least 1");
    if (!eio_tls_library_has(options->min_version))
        return eio_error_set(why, EIO_E_UNSUPPORTED, "TLS: this mbedTLS has no TLS 1.3");
    return EIO_OK;
}

/* Resumption would pass by the check of the client's certificate (CVE-2026-34873). */
static int set_up_tickets(eio_tls *tls)
{
    const eio_tls_options *options = &tls->options;

    if (options->role != EIO_TLS_SERVER || !options->tickets || options->client_ca_file != NULL)
        return EIO_OK;
    tls->has_tickets = true;
    return mbedtls_ssl_ticket_setup(&tls->tickets, eio_tls_random, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                    TICKET_SECONDS) == 0
               ? EIO_OK
               : EIO_E_NOMEM;
}

int eio_tls_new(eio_tls **out, const eio_tls_options *options, eio_error *why)
{
    int rc = check_options(options, why);
    if (rc != EIO_OK)
        return rc;
    eio_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "TLS: %s", eio_strerror(EIO_E_NOMEM));
    atomic_init(&tls->refs, 1);
    pthread_mutex_init(&tls->lock, NULL);
    mbedtls_ssl_ticket_init(&tls->tickets);
    rc = eio_tls_library_init() == 0 ? copy_options(tls, options) : EIO_E_NOMEM;
    if (rc == EIO_OK)
        rc = set_up_tickets(tls);
    if (rc != EIO_OK)
        eio_error_set(why, rc, "TLS: %s", eio_strerror(rc));
    else
        rc = config_new(&tls->current, tls, why);
    if (rc != EIO_OK) {
        tls_free(tls);
        return rc;
    }
    *out = tls;
    return EIO_OK;
}

int eio_tls_reload(eio_tls *tls, eio_error *why)
{
    eio_tls_config *config = NULL;

    int rc = config_new(&config, tls, why);
    if (rc != EIO_OK)
        return rc;
    pthread_mutex_lock(&tls->lock);
    eio_tls_config *old = tls->current;
    tls->current = config;
    pthread_mutex_unlock(&tls->lock);
    eio_tls_config_unref(old);
    return EIO_OK;
}

eio_tls_config *eio_tls_take_config(eio_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    eio_tls_config *config = tls->current;
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&tls->lock);
    return config;
}

const eio_tls_options *eio_tls_get_options(const eio_tls *tls)
{
    return &tls->options;
}

eio_tls *eio_tls_ref(eio_tls *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    return tls;
}

void eio_tls_unref(eio_tls *tls)
{
    if (tls != NULL && atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) == 1)
        tls_free(tls);
}
