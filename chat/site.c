#include "chat/site.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

/* An upgrade, or a preflight: it has been answered. */
static bool answer_first(const chat_site *site, eio_http_request *request)
{
    if (site->on_upgrade != NULL && eio_http_is_upgrade(request) &&
        site->on_upgrade(request, site->upgrade_data))
        return true;
    return site->cors != NULL && eio_http_cors(request, site->cors);
}

static void respond_plain(eio_http_request *request, int status, const char *text)
{
    (void)eio_http_set_header(request, EIO_STR("Cache-Control"), EIO_STR("no-store"));
    (void)eio_http_respond_text(request, status, "text/plain; charset=utf-8", eio_slice_of(text));
}

static void serve_health(eio_http_request *request, void *data)
{
    if (!answer_first(data, request))
        respond_plain(request, 200, "ok\n");
}

static void serve_readiness(eio_http_request *request, void *data)
{
    const chat_site *site = data;

    if (answer_first(site, request))
        return;
    if (site->is_ready(site->data))
        respond_plain(request, 200, "ready\n");
    else
        respond_plain(request, 503, "not ready\n");
}

static void serve_metrics(eio_http_request *request, void *data)
{
    const chat_site *site = data;

    if (answer_first(site, request))
        return;
    if (site->metrics != NULL)
        sio_metrics_respond(site->metrics, request);
    else
        respond_plain(request, 503, "stopping\n");
}

static void serve_file(eio_http_request *request, void *data)
{
    const chat_site *site = data;

    if (answer_first(site, request))
        return;
    (void)eio_http_set_header(request, EIO_STR("X-Content-Type-Options"), EIO_STR("nosniff"));
    (void)eio_http_set_header(
        request, EIO_STR("Content-Security-Policy"),
        EIO_STR("frame-ancestors 'none'")); /* the page cannot say this one itself */
    eio_http_serve_file(request, site->folder, eio_http_path(request), NULL);
}

static void serve_nothing(eio_http_request *request, void *data)
{
    static const char page[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
                               "charset=\"utf-8\"><title>Not found</title></head>\n"
                               "<body><h1>Not found</h1><p>There is nothing here.</p></body>\n"
                               "</html>\n";

    if (answer_first(data, request))
        return;
    (void)eio_http_set_header(request, EIO_STR("X-Content-Type-Options"), EIO_STR("nosniff"));
    (void)eio_http_respond_text(request, 404, "text/html; charset=utf-8",
                                (eio_slice){ page, sizeof(page) - 1 });
}

/* Data for callbacks that only read it. */
static void *lend(const chat_site *site)
{
    return (void *)(uintptr_t)site;
}

/* Each file has a route of its own, so that any other path gets the one page that says so. */
static int route_file(const chat_site *site, eio_http_server *http, const char *name)
{
    char pattern[300];

    (void)snprintf(pattern, sizeof(pattern), "/%s", name);
    return eio_http_server_route(http, "GET", pattern, serve_file, lend(site));
}

int chat_site_serve_page(chat_site *site, eio_http_server *http, const char *folder_path,
                         eio_error *why)
{
    struct dirent *entry;
    DIR *folder = opendir(folder_path);
    int rc;

    site->folder = folder_path;
    if (folder == NULL)
        return eio_error_set(why, uv_translate_sys_error(errno),
                             "cannot read the folder of the page %s: %s", site->folder,
                             eio_strerror(uv_translate_sys_error(errno)));
    rc = route_file(site, http, "");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): of a folder that nobody else reads */
    while (rc == EIO_OK && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' && strpbrk(entry->d_name, ":*%") == NULL)
            rc = route_file(site, http, entry->d_name);
    closedir(folder);
    return rc == EIO_OK ? rc
                        : eio_error_set(why, rc, "cannot serve the page: %s", eio_strerror(rc));
}

int chat_site_mount(const chat_site *site, eio_http_server *http, eio_error *why)
{
    int rc = eio_http_server_route(http, "GET", "/healthz", serve_health, lend(site));

    if (rc == EIO_OK)
        rc = eio_http_server_route(http, "GET", "/readyz", serve_readiness, lend(site));
    if (rc == EIO_OK)
        rc = eio_http_server_route(http, "GET", "/metrics", serve_metrics, lend(site));
    if (rc != EIO_OK)
        return eio_error_set(why, rc, "cannot serve: %s", eio_strerror(rc));
    eio_http_server_set_fallback(http, serve_nothing, lend(site));
    return EIO_OK;
}
