#include "chat/demo/front.h"

#include <jansson.h>
#include <stdlib.h>

#include "chat/paths.h"

static bool begins_with(eio_slice text, eio_slice start)
{
    return text.len >= start.len && memcmp(text.base, start.base, start.len) == 0;
}

static void serve_file(eio_http_request *request, void *data)
{
    const chat_demo *demo = data;
    const char *folder = demo->own->static_dir;
    eio_slice method = eio_http_method(request), path = eio_http_path(request);
    /* What the build puts there has a hash in its name. */
    bool hashed = begins_with(path, EIO_STR("/static/"));

    if (!eio_slice_equal(method, EIO_STR("GET")) && !eio_slice_equal(method, EIO_STR("HEAD"))) {
        (void)eio_http_respond_text(request, 404, "text/plain; charset=utf-8",
                                    EIO_STR("Not Found"));
        return;
    }
    (void)eio_http_set_header(request, EIO_STR("X-Content-Type-Options"), EIO_STR("nosniff"));
    (void)eio_http_set_header(request, EIO_STR("Content-Security-Policy"),
                              EIO_STR("frame-ancestors 'none'"));
    eio_http_serve_file(
        request, folder != NULL ? folder : chat_paths_choose(CHAT_DEMO_DIR, CHAT_DEMO_SOURCE), path,
        hashed ? "public, max-age=31536000, immutable" : NULL);
}

void chat_demo_front_open(chat_demo *demo)
{
    eio_http_server_set_fallback(demo->host->http, serve_file, demo);
}

int chat_demo_links_open(chat_demo *demo, eio_error *why)
{
    const char *file = demo->own->links_file;
    json_error_t error;
    json_t *json = file == NULL ? json_object() : json_load_file(file, 0, &error);

    if (json == NULL && file != NULL)
        return eio_error_set(why, EIO_E_INVALID, "--links %s: %s", file, error.text);
    if (json_is_object(json))
        demo->links = json_dumps(json, JSON_COMPACT);
    else if (json != NULL)
        eio_error_set(why, EIO_E_INVALID, "--links %s: not a JSON object", file);
    bool wrong = json != NULL && !json_is_object(json);
    json_decref(json);
    if (wrong)
        return EIO_E_INVALID;
    return demo->links != NULL ? EIO_OK : eio_error_set(why, EIO_E_NOMEM, "out of memory");
}
