#include "engineio/options.h"

#include <stdlib.h>

#include "engineio/limits.h"
#include "engineio/websocket/deflate.h"

void eio_options_init(eio_options *options)
{
    *options = (eio_options){
        .size = sizeof(*options),
        .path = "/engine.io",
        .ping_interval_ms = EIO_PING_INTERVAL_MS,
        .ping_timeout_ms = EIO_PING_TIMEOUT_MS,
        .upgrade_timeout_ms = EIO_UPGRADE_TIMEOUT_MS,
        .close_timeout_ms = EIO_CLOSE_TIMEOUT_MS,
        .max_payload_bytes = EIO_MAX_PAYLOAD_BYTES,
        .max_buffered_bytes = EIO_MAX_BUFFERED_BYTES,
        .transports = EIO_TRANSPORT_POLLING | EIO_TRANSPORT_WEBSOCKET,
        .http_compression_threshold = EIO_HTTP_COMPRESSION_THRESHOLD_BYTES,
    };
}

/* ---- copies ---- */

static bool copy_text(const char **text)
{
    if (*text != NULL)
        *text = strdup(*text);
    return *text != NULL;
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

static eio_cookie_options *copy_cookie(const eio_cookie_options *from)
{
    eio_cookie_options *cookie = malloc(sizeof(*cookie));
    if (cookie == NULL)
        return NULL;
    *cookie = *from;
    const char **texts[] = { &cookie->name, &cookie->path, &cookie->domain, &cookie->same_site,
                             &cookie->priority };
    bool complete = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        bool wanted = *texts[i] != NULL;
        complete = copy_text(texts[i]) == wanted && complete;
    }
    if (complete)
        return cookie;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free_text(*texts[i]);
    free(cookie);
    return NULL;
}

static void free_cookie(const eio_cookie_options *cookie)
{
    if (cookie == NULL)
        return;
    free_text(cookie->name);
    free_text(cookie->path);
    free_text(cookie->domain);
    free_text(cookie->same_site);
    free_text(cookie->priority);
    free((eio_cookie_options *)(uintptr_t)cookie);
}

static void free_origins(const char *const *origins)
{
    for (size_t i = 0; origins != NULL && origins[i] != NULL; i++)
        free_text(origins[i]);
    free((char **)(uintptr_t)origins);
}

static void free_cors(const eio_cors_options *cors)
{
    if (cors == NULL)
        return;
    free_origins(cors->origins);
    free_text(cors->methods);
    free_text(cors->allowed_headers);
    free_text(cors->exposed_headers);
    free((eio_cors_options *)(uintptr_t)cors);
}

static const char *const *copy_origins(const char *const *from)
{
    size_t count = 0;

    while (from[count] != NULL)
        count++;
    const char **origins = calloc(count + 1, sizeof(*origins));
    for (size_t i = 0; origins != NULL && i < count; i++) {
        origins[i] = strdup(from[i]);
        if (origins[i] == NULL) {
            free_origins(origins);
            return NULL;
        }
    }
    return origins;
}

static eio_cors_options *copy_cors(const eio_cors_options *from)
{
    eio_cors_options *cors = malloc(sizeof(*cors));
    if (cors == NULL)
        return NULL;
    *cors = *from;
    bool complete = true;
    if (from->origins != NULL) {
        cors->origins = copy_origins(from->origins);
        complete = cors->origins != NULL;
    }
    const char **texts[] = { &cors->methods, &cors->allowed_headers, &cors->exposed_headers };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        bool wanted = *texts[i] != NULL;
        complete = copy_text(texts[i]) == wanted && complete;
    }
    if (complete)
        return cors;
    free_cors(cors);
    return NULL;
}

static const eio_deflate_options *copy_deflate(const eio_deflate_options *from)
{
    eio_deflate_options *deflate = malloc(sizeof(*deflate));

    if (deflate != NULL)
        *deflate = *from;
    return deflate;
}

static void free_deflate(const eio_deflate_options *deflate)
{
    free((eio_deflate_options *)(uintptr_t)deflate);
}

/* ---- checks ---- */

static int check(const eio_options *options, eio_error *why)
{
    const char *fault = options->per_message_deflate == NULL
                            ? NULL
                            : eio_deflate_fault(options->per_message_deflate);

    if (fault != NULL)
        return eio_error_set(why, EIO_E_INVALID, "per_message_deflate: %s", fault);
    if (options->path == NULL || options->path[0] == '\0')
        return eio_error_set(why, EIO_E_INVALID, "path is empty");
    if ((options->transports & ~(unsigned)(EIO_TRANSPORT_POLLING | EIO_TRANSPORT_WEBSOCKET)) != 0)
        return eio_error_set(why, EIO_E_INVALID, "transports is %u: 1 polling, 2 websocket, 3 both",
                             options->transports);
    return EIO_OK;
}

static void fill_zeros(eio_options *options)
{
    eio_options defaults;

    eio_options_init(&defaults);
    if (options->ping_interval_ms == 0)
        options->ping_interval_ms = defaults.ping_interval_ms;
    if (options->ping_timeout_ms == 0)
        options->ping_timeout_ms = defaults.ping_timeout_ms;
    if (options->upgrade_timeout_ms == 0)
        options->upgrade_timeout_ms = defaults.upgrade_timeout_ms;
    if (options->close_timeout_ms == 0)
        options->close_timeout_ms = defaults.close_timeout_ms;
    if (options->max_payload_bytes == 0)
        options->max_payload_bytes = defaults.max_payload_bytes;
    if (options->max_buffered_bytes == 0)
        options->max_buffered_bytes = defaults.max_buffered_bytes;
    if (options->http_compression_threshold == 0)
        options->http_compression_threshold = defaults.http_compression_threshold;
    if (options->transports == 0)
        options->transports = defaults.transports;
}

int eio_options_copy(eio_options *out, const eio_options *options, eio_error *why)
{
    int rc = check(options, why);
    if (rc != EIO_OK)
        return rc;
    eio_options_init(out);
    memcpy(out, options,
           options->size < sizeof(*out) ? options->size
                                        : sizeof(*out)); /* an older, shorter struct */
    fill_zeros(out);
    out->path = strdup(options->path);
    out->cookie = options->cookie == NULL ? NULL : copy_cookie(options->cookie);
    out->cors = options->cors == NULL ? NULL : copy_cors(options->cors);
    out->per_message_deflate =
        options->per_message_deflate == NULL ? NULL : copy_deflate(options->per_message_deflate);
    if (out->path != NULL && (out->cookie != NULL) == (options->cookie != NULL) &&
        (out->cors != NULL) == (options->cors != NULL) &&
        (out->per_message_deflate != NULL) == (options->per_message_deflate != NULL))
        return EIO_OK;
    eio_options_fini(out);
    return eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
}

void eio_options_fini(eio_options *options)
{
    free_text(options->path);
    free_cookie(options->cookie);
    free_cors(options->cors);
    free_deflate(options->per_message_deflate);
}
