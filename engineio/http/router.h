/*
 * Which handler takes a request: patterns, and prefixes of whole protocols. Pure. Expected load: every request; some
 * twenty routes, a handful of mounts: lists that are walked.
 */
#ifndef ENGINEIO_HTTP_ROUTER_H
#define ENGINEIO_HTTP_ROUTER_H

#include <sys/queue.h>

#include "engineio/http/request.h"

typedef struct eio_route {
    STAILQ_ENTRY(eio_route) link;
    eio_http_handler *handler;
    void *data;
    char *method;  /* own; NULL: every one */
    char *pattern; /* own */
} eio_route;

typedef struct eio_mounted {
    SLIST_ENTRY(eio_mounted) link;
    eio_http_mount mount;
    void *data;
    size_t prefix_len;
    char prefix[];
} eio_mounted;

typedef struct eio_router {
    STAILQ_HEAD(, eio_route) routes;
    SLIST_HEAD(, eio_mounted) mounts; /* the longest prefix first */
} eio_router;

typedef struct eio_capture {
    eio_slice name;
    eio_slice value; /* as sent */
} eio_capture;

void eio_router_init(eio_router *router);
void eio_router_fini(eio_router *router);
/* As eio_http_server_route, _mount and _unmount. */
int eio_router_add(eio_router *router, const char *method, const char *pattern,
                   eio_http_handler *handler, void *data);
int eio_router_mount(eio_router *router, eio_slice prefix, const eio_http_mount *mount, void *data);
void eio_router_unmount(eio_router *router, eio_slice prefix);

/* Borrowed; NULL: none. */
const eio_mounted *eio_router_find_mount(const eio_router *router, eio_slice target);
/* The first route that takes it, and what its pattern captured. */
const eio_route *eio_router_find(const eio_router *router, eio_slice method, eio_slice path,
                                 eio_capture captures[EIO_HTTP_MAX_PARAMS], size_t *count);

/* Whether a pattern takes a path; the number of captures in count. */
bool eio_pattern_match(const char *pattern, eio_slice path,
                       eio_capture captures[EIO_HTTP_MAX_PARAMS], size_t *count);

#endif
