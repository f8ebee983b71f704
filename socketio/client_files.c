#include "socketio/client_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/server.h"

enum { MAX_FILE_BYTES = 16 * 1024 * 1024, MAX_PATH_BYTES = 4096 };

static const char *const names[SIO_CLIENT_FILES] = {
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
};

/* ---- files ---- */

static eio_buffer *read_stream(FILE *stream)
{
    enum { PIECE_BYTES = 64 * 1024 };
    eio_buffer *buffer = eio_buffer_new(PIECE_BYTES);
    size_t got = 1;

    while (buffer != NULL && got > 0 && eio_buffer_slice(buffer).len < MAX_FILE_BYTES) {
        char *to = eio_buffer_reserve(&buffer, PIECE_BYTES);
        if (to == NULL)
            break;
        got = fread(to, 1, PIECE_BYTES, stream);
        eio_buffer_commit(buffer, got);
    }
    if (buffer != NULL && (got > 0 || ferror(stream))) {
        eio_buffer_unref(buffer);
        return NULL;
    }
    return buffer;
}

/* New, or NULL. It blocks: these files are few, local, and read once. */
static eio_buffer *read_file(const char *dir, const char *name)
{
    char path[MAX_PATH_BYTES];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (len < 0 || (size_t)len >= sizeof(path))
        return NULL;
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return NULL;
    eio_buffer *buffer = read_stream(stream);
    (void)fclose(stream);
    return buffer;
}

static size_t skip_string(eio_slice json, size_t at)
{
    for (at++; at < json.len && json.base[at] != '"'; at++) {
        if (json.base[at] == '\\')
            at++;
    }
    return at + 1;
}

/* Where the value of a key of the outermost object begins; json.len if there is none. */
static size_t find_value(eio_slice json, eio_slice quoted_key)
{
    int depth = 0;
    size_t at = 0;

    while (at < json.len) {
        char c = json.base[at];
        size_t end = c == '"' ? skip_string(json, at) : at + 1;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth == 1 && c == '"' && end <= json.len &&
            eio_slice_equal((eio_slice){ json.base + at, end - at }, quoted_key)) {
            while (end < json.len &&
                   (json.base[end] == ':' || isspace((unsigned char)json.base[end])))
                end++;
            return end;
        }
        at = end;
    }
    return json.len;
}

static bool is_version_character(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '+';
}

/* The ETag is the quoted version, so it is the JSON string as it stands. */
static bool copy_version(char *etag, eio_slice package)
{
    size_t start = find_value(package, SIO_STR("\"version\""));
    size_t end = start + 1;

    while (end < package.len && is_version_character(package.base[end]))
        end++;
    if (end >= package.len || package.base[start] != '"' || package.base[end] != '"' ||
        end - start - 1 > SIO_CLIENT_VERSION_MAX_BYTES || end - start < 2)
        return false;
    memcpy(etag, package.base + start, end - start + 1);
    etag[end - start + 1] = '\0';
    return true;
}

static bool read_version(sio_client_files *files)
{
    eio_buffer *package = read_file(files->dir, "../package.json");
    bool found = package != NULL && copy_version(files->etag, eio_buffer_slice(package));

    eio_buffer_unref(package);
    return found;
}

/* ---- requests ---- */

static bool is_current(const sio_client_files *files, const eio_http_request *request)
{
    eio_slice known = eio_http_header(request, "if-none-match");

    if (known.len > 2 && memcmp(known.base, "W/", 2) == 0)
        known = (eio_slice){ known.base + 2, known.len - 2 };
    return eio_slice_equal(known, eio_slice_of(files->etag));
}

static bool is_map(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".map") == 0;
}

/* In the coding that the request likes best; as it is, if that cannot be made. Compressing blocks, but only once. */
static eio_buffer *choose_body(sio_client_file *file, eio_http_request *request)
{
    eio_encoding encoding = eio_http_choose_encoding(request);
    eio_compressor compressor = { { NULL } };

    if (encoding == EIO_ENCODING_IDENTITY)
        return file->body;
    eio_buffer **compressed = &file->compressed[encoding];
    if (*compressed == NULL)
        *compressed = eio_compress(&compressor, encoding, eio_buffer_slice(file->body));
    eio_compressor_fini(&compressor);
    if (*compressed == NULL)
        return file->body;
    (void)eio_http_set_header(request, SIO_STR("Content-Encoding"), eio_encoding_name(encoding));
    return *compressed;
}

static void send_file(sio_client_file *file, eio_http_request *request)
{
    eio_buffer *body = choose_body(file, request);

    (void)eio_http_set_header(request, SIO_STR("Cache-Control"), SIO_STR("public, max-age=0"));
    (void)eio_http_set_header(request, SIO_STR("Content-Type"),
                              is_map(file->name)
                                  ? SIO_STR("application/json; charset=utf-8")
                                  : SIO_STR("application/javascript; charset=utf-8"));
    (void)eio_http_set_header(request, SIO_STR("ETag"), eio_slice_of(file->files->etag));
    /* CORS may have said that the origin matters, too. */
    (void)eio_http_add_header(request, SIO_STR("Vary"), SIO_STR("Accept-Encoding"));
    (void)eio_http_respond(request, 200, body);
}

static void handle_request(eio_http_request *request, void *data)
{
    sio_client_file *file = data;
    sio_client_files *files = file->files;

    if (files->cors != NULL && eio_http_cors(request, files->cors))
        return;
    if (!eio_slice_equal(eio_http_path(request), eio_slice_of(file->target))) {
        /* A longer name: what the engine says to a request without a transport. */
        (void)eio_http_respond_text(request, 400, "application/json",
                                    SIO_STR("{\"code\":0,\"message\":\"Transport unknown\"}"));
        return;
    }
    if (is_current(files, request)) {
        (void)eio_http_respond(request, 304, NULL);
        return;
    }
    if (file->body == NULL)
        file->body = read_file(files->dir, file->name);
    if (file->body != NULL) {
        send_file(file, request);
        return;
    }
    sio_server_log(files->server, 'w', "client file cannot be read: %s/%s", files->dir, file->name);
    (void)eio_http_respond(request, 404, NULL);
}

/* ---- mounts ---- */

static int mount_file(sio_client_file *file, const char *path)
{
    static const eio_http_mount mount = { .on_request = handle_request };
    size_t path_len = strlen(path);
    size_t size = path_len + 1 + strlen(file->name) + 1;

    if (path_len > 0 && path[path_len - 1] == '/')
        path_len--;
    file->target = malloc(size);
    if (file->target == NULL)
        return EIO_E_NOMEM;
    (void)snprintf(file->target, size, "%.*s/%s", (int)path_len, path, file->name);
    int rc = eio_http_server_mount(file->files->http, eio_slice_of(file->target), &mount, file);
    if (rc != EIO_OK) {
        free(file->target);
        file->target = NULL;
    }
    return rc;
}

static int mount_all(sio_client_files *files, const char *path, eio_error *why)
{
    for (size_t i = 0; i < SIO_CLIENT_FILES; i++) {
        sio_client_file *file = &files->items[i];
        *file = (sio_client_file){ .files = files, .name = names[i] };
        int rc = mount_file(file, path);
        if (rc != EIO_OK)
            return eio_error_set(why, rc, "%s/%s: %s", path, file->name, eio_strerror(rc));
    }
    return EIO_OK;
}

int sio_client_files_open(sio_client_files *files, sio_server *server, const sio_options *options,
                          eio_error *why)
{
    if (options->no_serve_client)
        return EIO_OK;
    if (options->client_dir == NULL) {
        sio_server_log(server, 'i', "the browser client is not served: no client_dir");
        return EIO_OK;
    }
    files->server = server;
    files->http = server->http;
    files->cors = server->hooks.cors;
    files->dir = strdup(options->client_dir);
    if (files->dir == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    if (!read_version(files)) {
        sio_server_log(server, 'w',
                       "the browser client is not served: no version in %s/../package.json",
                       files->dir);
        sio_client_files_close(files);
        return EIO_OK;
    }
    return mount_all(files, server->hooks.path, why);
}

void sio_client_files_close(sio_client_files *files)
{
    for (size_t i = 0; i < SIO_CLIENT_FILES; i++) {
        sio_client_file *file = &files->items[i];
        if (file->target != NULL)
            eio_http_server_unmount(files->http, eio_slice_of(file->target));
        free(file->target);
        eio_buffer_unref(file->body);
        for (size_t encoding = 0; encoding < EIO_ENCODINGS; encoding++)
            eio_buffer_unref(file->compressed[encoding]);
        *file = (sio_client_file){ .files = files };
    }
    free(files->dir);
    files->dir = NULL;
}
