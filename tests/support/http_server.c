/*
 * The HTTP server that tests/interop/http.test.mjs drives: every kind of handler behind a path of its own. Options come
 * as NAME=VALUE arguments; the port is printed as one line; SIGTERM closes it, and it says whether all went.
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/http.h"

static uv_signal_t terminate;
static uv_timer_t timer;
static eio_http_request *waiting; /* of /wait: answered by /release */
static unsigned aborted;
static const char *folder = ".";

static void on_log(const char *line, void *data)
{
    (void)data;
    (void)fprintf(stderr, "%s\n", line);
}

static void on_response(const eio_http_request *request, int status, size_t bytes, void *data)
{
    eio_slice target = eio_http_target(request);

    (void)data;
    (void)fprintf(stderr, "answered %d %zu %.*s\n", status, bytes, (int)target.len,
                  target.base == NULL ? "" : target.base);
}

static void respond(eio_http_request *request, int status, const char *text)
{
    (void)eio_http_respond_text(request, status, "text/plain", eio_slice_of(text));
}

static void on_hello(eio_http_request *request, void *data)
{
    (void)data;
    respond(request, 200, "hello");
}

/* Everything that is known about the request, in the request's own words. */
static void on_show(eio_http_request *request, void *data)
{
    char text[16384];
    char address[64];
    size_t len = 0;
    eio_slice method = eio_http_method(request);
    eio_slice path = eio_http_path(request);
    eio_slice query = eio_http_query(request);
    eio_slice name;
    eio_slice value;

    (void)data;
    (void)eio_http_remote_address(request, address, sizeof(address));
    len += (size_t)snprintf(text, sizeof(text), "%.*s %.*s %.*s %s\n", (int)method.len, method.base,
                            (int)path.len, path.base, (int)query.len,
                            query.base == NULL ? "" : query.base, address);
    for (size_t i = 0; eio_http_header_at(request, i, &name, &value) && len < 15000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=[%.*s]\n", (int)name.len,
                                name.base, (int)value.len, value.base);
    respond(request, 200, text);
}

static void on_param(eio_http_request *request, void *data)
{
    eio_slice id = eio_http_param(request, "id");
    eio_slice rest = eio_http_param(request, "*");
    char text[512];

    (void)data;
    (void)snprintf(text, sizeof(text), "id=%.*s rest=%.*s", (int)id.len,
                   id.base == NULL ? "" : id.base, (int)rest.len,
                   rest.base == NULL ? "" : rest.base);
    respond(request, 200, text);
}

static void on_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    (void)data;
    if (status == EIO_OK)
        (void)eio_http_respond_text(request, 200, "text/plain", body);
    else
        respond(request, status == EIO_E_TOO_BIG ? 413 : 500, eio_strerror(status));
}

static void on_echo(eio_http_request *request, void *data)
{
    (void)data;
    eio_http_read_body(request, 1000, on_body, NULL);
}

/* Reads its body only when the loop comes round again. */
static void handle_later(uv_timer_t *handle)
{
    eio_http_request *request = handle->data;

    handle->data = NULL;
    if (request != NULL)
        on_echo(request, NULL);
}

static void on_late_abort(eio_http_request *request, void *data)
{
    (void)request;
    (void)data;
    timer.data = NULL;
}

static void on_echo_late(eio_http_request *request, void *data)
{
    (void)data;
    timer.data = request;
    eio_http_on_abort(request, on_late_abort, NULL);
    uv_timer_start(&timer, handle_later, 20, 0);
}

/* The pieces of a request are those of the response. */
static void on_piece(eio_http_request *request, int status, eio_slice piece, void *data)
{
    (void)data;
    if (status != EIO_OK) {
        eio_http_destroy(request);
        return;
    }
    if (piece.len == 0) {
        (void)eio_http_respond_end(request);
        return;
    }
    eio_buffer *copy = eio_buffer_copy(piece);
    assert(copy != NULL);
    (void)eio_http_respond_write(request, copy, eio_buffer_slice(copy));
    eio_buffer_unref(copy);
}

static void on_stream(eio_http_request *request, void *data)
{
    (void)data;
    (void)eio_http_add_header(request, EIO_STR("Content-Type"), EIO_STR("text/plain"));
    (void)eio_http_respond_start(request, 200);
    eio_http_stream_body(request, 10000000, on_piece, NULL);
}

static void on_wait_abort(eio_http_request *request, void *data)
{
    (void)data;
    aborted++;
    assert(eio_http_respond(request, 200, NULL) == EIO_E_STATE);
    eio_http_destroy(request);
    if (waiting == request)
        waiting = NULL;
}

static void on_wait(eio_http_request *request, void *data)
{
    (void)data;
    waiting = request;
    eio_http_on_abort(request, on_wait_abort, NULL);
}

static void on_release(eio_http_request *request, void *data)
{
    (void)data;
    if (waiting != NULL)
        respond(waiting, 200, "released");
    waiting = NULL;
    respond(request, 200, "done");
}

static void on_aborted(eio_http_request *request, void *data)
{
    char text[32];

    (void)data;
    (void)snprintf(text, sizeof(text), "%u", aborted);
    respond(request, 200, text);
}

static void on_destroy(eio_http_request *request, void *data)
{
    (void)data;
    eio_http_destroy(request);
}

static void on_empty(eio_http_request *request, void *data)
{
    (void)data;
    (void)eio_http_set_header(request, EIO_STR("X-Twice"), EIO_STR("one"));
    (void)eio_http_set_header(request, EIO_STR("x-twice"), EIO_STR("two"));
    assert(eio_http_add_header(request, EIO_STR("X-Bad"), EIO_STR("a\r\nb")) == EIO_E_INVALID);
    assert(eio_http_add_header(request, EIO_STR("X Bad"), EIO_STR("a")) == EIO_E_INVALID);
    assert(eio_http_add_header(request, EIO_STR("date"), EIO_STR("a")) == EIO_E_INVALID);
    (void)eio_http_respond(request, 204, NULL);
}

static void on_big(eio_http_request *request, void *data)
{
    eio_buffer *body = eio_buffer_new(1 << 20);

    (void)data;
    assert(body != NULL);
    char *bytes = eio_buffer_reserve(&body, 1 << 20);
    memset(bytes, 'x', 1 << 20);
    eio_buffer_commit(body, 1 << 20);
    (void)eio_http_respond(request, 200, body);
    eio_buffer_unref(body);
}

static void on_file(eio_http_request *request, void *data)
{
    (void)data;
    eio_slice path = eio_http_path(request);
    eio_http_serve_file(request, folder, (eio_slice){ path.base + 6, path.len - 6 }, NULL);
}

static const eio_http_mount file_mount = { .on_request = on_file };

/* /cors?any and so on: the answers of Node's package to its settings. */
static void on_cors(eio_http_request *request, void *data)
{
    static const char *const two[] = { "http://a.example", "http://b.example", NULL };
    static const char *const one[] = { "http://a.example", NULL };
    static const char *const star[] = { "*", NULL };
    eio_slice which = eio_http_query(request);
    eio_cors_options cors = { .max_age_s = -1 };

    (void)data;
    if (eio_slice_equal(which, EIO_STR("star")))
        cors = (eio_cors_options){ .origins = star, .credentials = true, .max_age_s = -1 };
    else if (eio_slice_equal(which, EIO_STR("reflect")))
        cors.reflect = true;
    else if (eio_slice_equal(which, EIO_STR("list")))
        cors.origins = two;
    else if (eio_slice_equal(which, EIO_STR("fixed")))
        cors = (eio_cors_options){ .origins = one,
                                   .methods = "GET",
                                   .allowed_headers = "x-a",
                                   .exposed_headers = "x-b",
                                   .max_age_s = 60,
                                   .success_status = 200 };
    if (!eio_http_cors(request, &cors))
        respond(request, 200, "cors");
}

static void on_closed(void *data)
{
    (void)data;
    uv_close((uv_handle_t *)&timer, NULL);
    (void)fprintf(stderr, "closed\n");
}

static void close_all(eio_http_server *server)
{
    eio_http_server_close(server, on_closed, NULL);
    eio_http_server_close(server, on_closed, NULL); /* does nothing */
    if (!uv_is_closing((uv_handle_t *)&terminate))
        uv_close((uv_handle_t *)&terminate, NULL);
}

static void on_close_inside(eio_http_request *request, void *data)
{
    (void)data;
    close_all(eio_http_request_server(request));
    respond(request, 200, "closing");
}

static void on_stop(eio_http_request *request, void *data)
{
    (void)data;
    eio_http_server_stop(eio_http_request_server(request));
    respond(request, 200, "stopped");
}

/* ---- an upgraded connection: it gives back what it gets ---- */

static void handle_echo_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    eio_buffer *copy = eio_buffer_copy((eio_slice){ bytes, len });

    (void)data;
    assert(copy != NULL);
    (void)eio_stream_write(stream, copy, eio_buffer_slice(copy));
    eio_buffer_unref(copy);
}

static void handle_echo_close(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    (void)reason;
    (void)data;
}

static const eio_stream_handler echo_handler = { .on_read = handle_echo_read,
                                                 .on_close = handle_echo_close };

static void on_upgrade(eio_http_request *request, void *data)
{
    if (eio_http_query(request).len > 0) {
        respond(request, 400, "no");
        return;
    }
    (void)eio_http_add_header(request, EIO_STR("X-Own"), EIO_STR("1"));
    eio_stream *stream = eio_http_upgrade(
        request, EIO_STR("Upgrade: echo\r\nConnection: Upgrade\r\n"), &echo_handler, data);
    eio_buffer *hello = eio_buffer_copy(EIO_STR("hello "));
    assert(stream != NULL && hello != NULL);
    (void)eio_stream_write(stream, hello, eio_buffer_slice(hello));
    eio_buffer_unref(hello);
}

static const eio_http_mount plain_mount = { .on_request = on_show };
static const eio_http_mount upgrade_mount = { .on_request = on_hello, .on_upgrade = on_upgrade };

static void handle_terminate(uv_signal_t *handle, int number)
{
    (void)number;
    close_all(handle->data);
}

static void read_option(eio_http_options *options, const char *text)
{
    static const struct {
        const char *name;
        size_t offset;
    } names[] = {
        { "max_head_bytes", offsetof(eio_http_options, max_head_bytes) },
        { "max_headers", offsetof(eio_http_options, max_headers) },
        { "max_target_bytes", offsetof(eio_http_options, max_target_bytes) },
        { "max_framing_bytes", offsetof(eio_http_options, max_framing_bytes) },
        { "head_timeout_ms", offsetof(eio_http_options, head_timeout_ms) },
        { "request_timeout_ms", offsetof(eio_http_options, request_timeout_ms) },
        { "idle_timeout_ms", offsetof(eio_http_options, idle_timeout_ms) },
        { "max_connections", offsetof(eio_http_options, max_connections) },
        { "max_connections_per_address", offsetof(eio_http_options, max_connections_per_address) },
        { "max_buffered_bytes", offsetof(eio_http_options, max_buffered_bytes) },
    };
    const char *equals = strchr(text, '=');

    assert(equals != NULL);
    if (strncmp(text, "folder", (size_t)(equals - text)) == 0) {
        folder = equals + 1;
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(text, names[i].name, (size_t)(equals - text)) != 0 ||
            names[i].name[equals - text] != '\0')
            continue;
        size_t value = (size_t)strtoull(equals + 1, NULL, 10);
        memcpy((char *)options + names[i].offset, &value, sizeof(value));
        return;
    }
    assert(false && "a known option");
}

static void add_routes(eio_http_server *server)
{
    static const struct {
        const char *method;
        const char *pattern;
        eio_http_handler *handler;
    } routes[] = {
        { "GET", "/hello", on_hello },     { NULL, "/show", on_show },
        { "GET", "/item/:id", on_param },  { "GET", "/rest/:id/*", on_param },
        { "POST", "/echo", on_echo },      { "POST", "/echo-late", on_echo_late },
        { "POST", "/stream", on_stream },  { NULL, "/wait", on_wait },
        { "GET", "/release", on_release }, { "GET", "/aborted", on_aborted },
        { NULL, "/destroy", on_destroy },  { NULL, "/empty", on_empty },
        { "GET", "/big", on_big },         { "GET", "/close", on_close_inside },
        { "GET", "/stop", on_stop },       { "GET", "/upgrade-route", on_upgrade },
        { "GET", "/stream", on_stream },   { NULL, "/cors", on_cors },
    };

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        assert(eio_http_server_route(server, routes[i].method, routes[i].pattern, routes[i].handler,
                                     NULL) == EIO_OK);
    assert(eio_http_server_mount(server, EIO_STR("/mount/"), &plain_mount, NULL) == EIO_OK);
    assert(eio_http_server_mount(server, EIO_STR("/files"), &file_mount, NULL) == EIO_OK);
    assert(eio_http_server_mount(server, EIO_STR("/mount/up"), &upgrade_mount, NULL) == EIO_OK);
    assert(eio_http_server_mount(server, EIO_STR("/mount/"), &plain_mount, NULL) == EIO_E_EXISTS);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    eio_http_server *server;
    eio_http_options options;
    eio_listen_options listen_options;
    eio_error why;

    eio_http_options_init(&options);
    options.on_log = on_log;
    options.on_response = on_response;
    for (int i = 1; i < argc; i++)
        read_option(&options, argv[i]);
    assert(eio_http_server_new(&server, loop, &options) == EIO_OK);
    add_routes(server);
    eio_listen_options_init(&listen_options);
    listen_options.host = "127.0.0.1";
    if (eio_http_server_listen(server, &listen_options, &why) != EIO_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    uv_timer_init(loop, &timer);
    uv_signal_init(loop, &terminate);
    terminate.data = server;
    uv_signal_start(&terminate, handle_terminate, SIGTERM);
    (void)printf("%d\n", eio_http_server_port(server));
    (void)fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    assert(uv_loop_close(loop) == 0);
    (void)fprintf(stderr, "all is gone\n");
    return 0;
}
