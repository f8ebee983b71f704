#include "engineio/http/router.h"

#include <stdlib.h>

void eio_router_init(eio_router *router)
{
    STAILQ_INIT(&router->routes);
    SLIST_INIT(&router->mounts);
}

static void free_route(eio_route *route)
{
    free(route->method);
    free(route->pattern);
    free(route);
}

void eio_router_fini(eio_router *router)
{
    while (!STAILQ_EMPTY(&router->routes)) {
        eio_route *route = STAILQ_FIRST(&router->routes);
        STAILQ_REMOVE_HEAD(&router->routes, link);
        free_route(route);
    }
    while (!SLIST_EMPTY(&router->mounts)) {
        eio_mounted *mounted = SLIST_FIRST(&router->mounts);
        SLIST_REMOVE_HEAD(&router->mounts, link);
        free(mounted);
    }
}

/* ---- routes ---- */

/* The segment that begins at *at, which moves behind it and its slash. */
static eio_slice next_segment(eio_slice path, size_t *at)
{
    const char *begin = path.base + *at;
    const char *slash = memchr(begin, '/', path.len - *at);
    size_t len = slash == NULL ? path.len - *at : (size_t)(slash - begin);

    *at += len + 1;
    return (eio_slice){ begin, len };
}

bool eio_pattern_match(const char *pattern, eio_slice path,
                       eio_capture captures[EIO_HTTP_MAX_PARAMS], size_t *count)
{
    eio_slice wanted = eio_slice_of(pattern);
    size_t at = 0;
    size_t wanted_at = 0;

    *count = 0;
    while (wanted_at <= wanted.len) {
        eio_slice segment = next_segment(wanted, &wanted_at);
        if (at > path.len)
            return false;
        if (segment.len == 1 && segment.base[0] == '*' && wanted_at > wanted.len) {
            captures[(*count)++] = (eio_capture){ segment, { path.base + at, path.len - at } };
            return true;
        }
        eio_slice given = next_segment(path, &at);
        if (segment.len > 1 && segment.base[0] == ':') {
            if (given.len == 0)
                return false;
            captures[(*count)++] = (eio_capture){ { segment.base + 1, segment.len - 1 }, given };
        } else if (!eio_slice_equal(segment, given)) {
            return false;
        }
    }
    return at > path.len;
}

static bool is_pattern(const char *pattern)
{
    size_t params = 0;

    if (pattern[0] != '/')
        return false;
    for (const char *c = pattern; *c != '\0'; c++)
        if (*c == '/' && (c[1] == ':' || c[1] == '*'))
            params++;
    return params <= EIO_HTTP_MAX_PARAMS;
}

int eio_router_add(eio_router *router, const char *method, const char *pattern,
                   eio_http_handler *handler, void *data)
{
    if (!is_pattern(pattern))
        return EIO_E_INVALID;
    eio_route *route = calloc(1, sizeof(*route));
    if (route == NULL)
        return EIO_E_NOMEM;
    route->handler = handler;
    route->data = data;
    route->pattern = strdup(pattern);
    route->method = method == NULL ? NULL : strdup(method);
    if (route->pattern == NULL || (method != NULL && route->method == NULL)) {
        free_route(route);
        return EIO_E_NOMEM;
    }
    STAILQ_INSERT_TAIL(&router->routes, route, link);
    return EIO_OK;
}

static bool takes_method(const eio_route *route, eio_slice method)
{
    if (route->method == NULL)
        return true;
    eio_slice wanted = eio_slice_of(route->method);
    return eio_slice_equal(wanted, method) ||
           (eio_slice_equal(wanted, EIO_STR("GET")) && eio_slice_equal(method, EIO_STR("HEAD")));
}

const eio_route *eio_router_find(const eio_router *router, eio_slice method, eio_slice path,
                                 eio_capture captures[EIO_HTTP_MAX_PARAMS], size_t *count)
{
    const eio_route *route;

    STAILQ_FOREACH(route, &router->routes, link) {
        if (takes_method(route, method) && eio_pattern_match(route->pattern, path, captures, count))
            return route;
    }
    return NULL;
}

/* ---- mounts ---- */

int eio_router_mount(eio_router *router, eio_slice prefix, const eio_http_mount *mount, void *data)
{
    eio_mounted *before = NULL;
    eio_mounted *other;

    SLIST_FOREACH(other, &router->mounts, link) {
        if (eio_slice_equal((eio_slice){ other->prefix, other->prefix_len }, prefix))
            return EIO_E_EXISTS;
        if (other->prefix_len >= prefix.len)
            before = other;
    }
    eio_mounted *mounted = malloc(sizeof(*mounted) + prefix.len);
    if (mounted == NULL)
        return EIO_E_NOMEM;
    mounted->mount = *mount;
    mounted->data = data;
    mounted->prefix_len = prefix.len;
    if (prefix.len > 0)
        memcpy(mounted->prefix, prefix.base, prefix.len);
    if (before == NULL)
        SLIST_INSERT_HEAD(&router->mounts, mounted, link);
    else
        SLIST_INSERT_AFTER(before, mounted, link);
    return EIO_OK;
}

void eio_router_unmount(eio_router *router, eio_slice prefix)
{
    eio_mounted *mounted;

    SLIST_FOREACH(mounted, &router->mounts, link) {
        if (eio_slice_equal((eio_slice){ mounted->prefix, mounted->prefix_len }, prefix))
            break;
    }
    if (mounted == NULL)
        return;
    SLIST_REMOVE(&router->mounts, mounted, eio_mounted, link);
    free(mounted);
}

const eio_mounted *eio_router_find_mount(const eio_router *router, eio_slice target)
{
    const eio_mounted *mounted;

    SLIST_FOREACH(mounted, &router->mounts, link) {
        if (target.len >= mounted->prefix_len &&
            memcmp(target.base, mounted->prefix, mounted->prefix_len) == 0)
            return mounted;
    }
    return NULL;
}
