#include "engineio/http/file_name.h"

#include <strings.h>

#include "engineio/http/query.h"

static bool is_plain(const char *segment, size_t len)
{
    if (len == 0 || segment[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)segment[i];
        if (c < ' ' || c == 0x7f || c == '/' || c == '\\')
            return false;
    }
    return true;
}

bool eio_file_segments(char *out, eio_slice path)
{
    if (path.len > 0 && path.base[0] == '/') {
        path.base++;
        path.len--;
    }
    while (path.len > 0) {
        const char *slash = memchr(path.base, '/', path.len);
        size_t len = slash == NULL ? path.len : (size_t)(slash - path.base);
        size_t decoded = eio_percent_decode((eio_slice){ path.base, len }, out);
        if (!is_plain(out, decoded))
            return false;
        out += decoded;
        *out++ = '\0';
        if (slash == NULL) {
            *out = '\0';
            return true;
        }
        path.base += len + 1;
        path.len -= len + 1;
    }
    memcpy(out, "index.html\0", sizeof("index.html\0"));
    return true;
}

const char *eio_file_type(const char *name)
{
    static const struct {
        const char *extension;
        const char *type;
    } types[] = {
        { "html", "text/html; charset=utf-8" },
        { "htm", "text/html; charset=utf-8" },
        { "css", "text/css; charset=utf-8" },
        { "js", "application/javascript; charset=utf-8" },
        { "mjs", "application/javascript; charset=utf-8" },
        { "json", "application/json; charset=utf-8" },
        { "map", "application/json; charset=utf-8" },
        { "webmanifest", "application/manifest+json; charset=utf-8" },
        { "txt", "text/plain; charset=utf-8" },
        { "xml", "application/xml" },
        { "svg", "image/svg+xml" },
        { "png", "image/png" },
        { "jpg", "image/jpeg" },
        { "jpeg", "image/jpeg" },
        { "gif", "image/gif" },
        { "webp", "image/webp" },
        { "avif", "image/avif" },
        { "ico", "image/x-icon" },
        { "woff", "font/woff" },
        { "woff2", "font/woff2" },
        { "ttf", "font/ttf" },
        { "otf", "font/otf" },
        { "mp3", "audio/mpeg" },
        { "mp4", "video/mp4" },
        { "webm", "video/webm" },
        { "pdf", "application/pdf" },
        { "wasm", "application/wasm" },
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}

bool eio_type_is_text(const char *type)
{
    static const char *const beginnings[] = {
        "text/",           "application/javascript",    "application/json",
        "application/xml", "application/manifest+json", "application/wasm",
        "image/svg+xml",
    };

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (strncmp(type, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}
