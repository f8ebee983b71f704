#include "engineio/http/cors.h"

#include <stdio.h>

#include "engineio/http/response.h"

/* Exactly the same, byte by byte: no suffix may pass for a domain (CVE-2020-28481). */
static bool is_listed(const eio_cors_options *options, eio_slice origin)
{
    for (const char *const *listed = options->origins; *listed != NULL; listed++)
        if (eio_slice_equal(eio_slice_of(*listed), origin))
            return true;
    return false;
}

eio_slice eio_cors_allowed_origin(const eio_cors_options *options, eio_slice origin, bool *varies)
{
    const char *const *origins = options->origins;

    *varies = true;
    if (origins == NULL && options->reflect)
        return origin;
    if (origins == NULL || (!options->reflect && origins[0] != NULL && origins[1] == NULL &&
                            strcmp(origins[0], "*") == 0)) {
        *varies = false;
        return EIO_STR("*");
    }
    if (!options->reflect && origins[0] != NULL && origins[1] == NULL)
        return eio_slice_of(origins[0]);
    if (origin.base != NULL && is_listed(options, origin))
        return origin;
    return (eio_slice){ NULL, 0 };
}

/* What a caller sent is sent back only if it may stand in a header at all. */
static void add(eio_http_request *request, const char *name, eio_slice value)
{
    if (value.base != NULL)
        (void)eio_http_add_header(request, eio_slice_of(name), value);
}

static void add_vary(eio_http_request *request, bool origin, bool headers)
{
    if (origin && headers)
        add(request, "Vary", EIO_STR("Origin, Access-Control-Request-Headers"));
    else if (origin)
        add(request, "Vary", EIO_STR("Origin"));
    else if (headers)
        add(request, "Vary", EIO_STR("Access-Control-Request-Headers"));
}

static void add_max_age(eio_http_request *request, int seconds)
{
    char text[16];

    if (seconds < 0)
        return;
    int len = snprintf(text, sizeof(text), "%d", seconds);
    add(request, "Access-Control-Max-Age", (eio_slice){ text, (size_t)len });
}

static void add_preflight(eio_http_request *request, const eio_cors_options *options)
{
    const char *methods =
        options->methods != NULL ? options->methods : "GET,HEAD,PUT,PATCH,POST,DELETE";
    eio_slice headers = options->allowed_headers != NULL
                            ? eio_slice_of(options->allowed_headers)
                            : eio_http_header(request, "Access-Control-Request-Headers");

    add(request, "Access-Control-Allow-Methods", eio_slice_of(methods));
    if (headers.len > 0)
        add(request, "Access-Control-Allow-Headers", headers);
    add_max_age(request, options->max_age_s);
}

bool eio_http_cors(eio_http_request *request, const eio_cors_options *options)
{
    bool preflight = eio_slice_equal(eio_http_method(request), EIO_STR("OPTIONS"));
    bool varies = true;
    eio_slice origin = eio_http_header(request, "Origin");

    if (options->on_origin == NULL)
        origin = eio_cors_allowed_origin(options, origin, &varies);
    else if (!options->on_origin(request, origin, options->data))
        return false;
    add(request, "Access-Control-Allow-Origin", origin);
    add_vary(request, varies, preflight && options->allowed_headers == NULL);
    if (options->credentials)
        add(request, "Access-Control-Allow-Credentials", EIO_STR("true"));
    if (preflight)
        add_preflight(request, options);
    add(request, "Access-Control-Expose-Headers", eio_slice_of(options->exposed_headers));
    if (!preflight)
        return false;
    int status = options->success_status == 0 ? 204 : options->success_status;
    if (status == 204) /* needless there, but browsers were seen to wait for a body without it */
        (void)eio_http_add_line(request, EIO_STR("Content-Length"), EIO_STR("0"));
    (void)eio_http_respond(request, status, NULL);
    return true;
}
