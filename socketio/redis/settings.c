#include "socketio/redis/settings.h"

#include <stdlib.h>

/* "No limit" is not a setting: 0 means the default. */
static sio_redis_options complete(const sio_redis_options *given)
{
    sio_redis_options options, defaults;

    sio_redis_options_init(&defaults);
    options = defaults;
    /* The caller may have been compiled when the struct was shorter. */
    memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    if (options.connect_timeout_ms == 0)
        options.connect_timeout_ms = defaults.connect_timeout_ms;
    if (options.command_timeout_ms == 0)
        options.command_timeout_ms = defaults.command_timeout_ms;
    if (options.ping_interval_ms == 0)
        options.ping_interval_ms = defaults.ping_interval_ms;
    if (options.max_queued_bytes == 0)
        options.max_queued_bytes = defaults.max_queued_bytes;
    if (options.max_reply_bytes == 0)
        options.max_reply_bytes = defaults.max_reply_bytes;
    return options;
}

static int make_tls(sio_redis_settings *settings, const char *ca_file, eio_error *why)
{
    eio_tls_options options;

    eio_tls_options_init(&options);
    options.role = EIO_TLS_CLIENT;
    options.ca_file = ca_file;
    return eio_tls_new(&settings->tls, &options, why);
}

static int copy_options(sio_redis_settings *settings, const sio_redis_options *options,
                        eio_error *why)
{
    char address[2 * SIO_REDIS_MAX_URL_BYTES];

    int rc = sio_redis_url_parse(&settings->url, eio_slice_of(options->url), why);
    if (rc == EIO_OK && settings->url.tls)
        rc = make_tls(settings, options->tls_ca_file, why);
    if (rc != EIO_OK)
        return rc;
    sio_redis_url_describe(&settings->url, address, sizeof(address));
    settings->address = strdup(address);
    settings->name = options->name == NULL ? NULL : strdup(options->name);
    if (settings->address == NULL || (options->name != NULL && settings->name == NULL))
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    settings->connect_timeout_ms = options->connect_timeout_ms;
    settings->command_timeout_ms = options->command_timeout_ms;
    settings->ping_interval_ms = options->ping_interval_ms;
    settings->max_queued_bytes = options->max_queued_bytes;
    settings->max_reply_bytes = options->max_reply_bytes;
    return EIO_OK;
}

int sio_redis_settings_new(sio_redis_settings **out, const sio_redis_options *given, eio_error *why)
{
    const sio_redis_options options = complete(given);
    sio_redis_settings *settings = calloc(1, sizeof(*settings));

    if (settings == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    settings->refs = 1;
    int rc = copy_options(settings, &options, why);
    if (rc != EIO_OK) {
        sio_redis_settings_unref(settings);
        return rc;
    }
    *out = settings;
    return EIO_OK;
}

sio_redis_settings *sio_redis_settings_ref(sio_redis_settings *settings)
{
    settings->refs++;
    return settings;
}

void sio_redis_settings_unref(sio_redis_settings *settings)
{
    if (settings == NULL || --settings->refs > 0)
        return;
    sio_redis_url_fini(&settings->url);
    eio_tls_unref(settings->tls);
    free(settings->name);
    free(settings->address);
    free(settings);
}
