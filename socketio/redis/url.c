#include "socketio/redis/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The text between two points of the URL, still percent-encoded. */
typedef struct url_parts {
    eio_slice scheme, user, password, host, port, path, query;
    bool has_user, has_password, is_unix;
} url_parts;

static const struct {
    const char *name;
    bool is_unix, tls;
} schemes[] = {
    { "redis", false, false },     { "rediss", false, true },       { "unix", true, false },
    { "redis+unix", true, false }, { "redis-socket", true, false }, { "redis+socket", true, false },
};

static int refuse(eio_error *why, const char *what)
{
    return eio_error_set(why, EIO_E_INVALID, "Redis URL: %s", what);
}

/* Split at the first `mark`: before it is returned, what follows stays; without one all is returned. */
static eio_slice cut(eio_slice *rest, char mark, bool *found)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->base, mark, rest->len);
    eio_slice before = *rest;

    *found = at != NULL;
    if (at == NULL) {
        *rest = (eio_slice){ rest->base + rest->len, 0 };
        return before;
    }
    before.len = (size_t)(at - rest->base);
    *rest = (eio_slice){ at + 1, rest->len - before.len - 1 };
    return before;
}

static eio_slice trailing(eio_slice text, size_t from)
{
    return (eio_slice){ text.base + from, text.len - from };
}

static int find_scheme(url_parts *parts, bool *tls, eio_error *why)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strlen(schemes[i].name) != parts->scheme.len ||
            strncasecmp(schemes[i].name, parts->scheme.base, parts->scheme.len) != 0)
            continue;
        parts->is_unix = schemes[i].is_unix;
        *tls = schemes[i].tls;
        return EIO_OK;
    }
    return refuse(why, "begins with none of redis://, rediss://, redis+unix://, unix://");
}

/* `authority` is user:password@host:port. The last '@' counts, so that one in a password is forgiven. */
static int split_authority(url_parts *parts, eio_slice authority, eio_error *why)
{
    const char *at = authority.len == 0 ? NULL : memrchr(authority.base, '@', authority.len);
    bool found;

    if (at != NULL) {
        eio_slice credentials = { authority.base, (size_t)(at - authority.base) };
        authority = trailing(authority, credentials.len + 1);
        parts->user = cut(&credentials, ':', &found);
        parts->password = credentials;
        parts->has_user = parts->user.len > 0;
        parts->has_password = parts->password.len > 0;
    }
    if (authority.len > 0 && authority.base[0] == '[') {
        authority = trailing(authority, 1);
        parts->host = cut(&authority, ']', &found);
        if (!found || (authority.len > 0 && authority.base[0] != ':'))
            return refuse(why, "a '[' begins an IPv6 address that ends in ']'");
        if (authority.len > 0)
            authority = trailing(authority, 1);
    } else {
        parts->host = cut(&authority, ':', &found);
    }
    parts->port = authority;
    return EIO_OK;
}

static int split(url_parts *parts, eio_slice text, bool *tls, eio_error *why)
{
    bool found;

    if (text.len > 0 && text.base[0] == '/') {
        parts->is_unix = true;
        parts->path = cut(&text, '?', &found);
        parts->query = text;
        return EIO_OK;
    }
    parts->scheme = cut(&text, ':', &found);
    int rc = find_scheme(parts, tls, why);
    if (rc != EIO_OK)
        return rc;
    if (text.len < 2 || memcmp(text.base, "//", 2) != 0)
        return refuse(why, "\"//\" has to follow the scheme");
    text = trailing(text, 2);
    eio_slice before_query = cut(&text, '?', &found);
    parts->query = text;
    const char *slash =
        before_query.len == 0 ? NULL : memchr(before_query.base, '/', before_query.len);
    size_t authority = slash == NULL ? before_query.len : (size_t)(slash - before_query.base);
    parts->path = trailing(before_query, authority);
    return split_authority(parts, (eio_slice){ before_query.base, authority }, why);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode into the memory of the URL, and end with NUL. NULL if it cannot be. */
static const char *decode(char **memory, eio_slice text)
{
    char *start = *memory;
    char *to = start;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.base[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(text.base[i + 2]);
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return NULL;
        *to++ = c;
    }
    *to++ = '\0';
    *memory = to;
    return start;
}

/* Decimal digits only. False when there are none, others, or more than `max`. */
static bool parse_number(eio_slice text, unsigned max, unsigned *out)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 6)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.base[i] - '0');
    }
    *out = value;
    return value <= max;
}

/* The database: the path of a TCP URL, or db= of any. Parameters of other clients are passed over. */
static int parse_database(sio_redis_url *out, const url_parts *parts, eio_error *why)
{
    eio_slice query = parts->query;
    bool found;

    if (!parts->is_unix && parts->path.len > 1 &&
        !parse_number(trailing(parts->path, 1), SIO_REDIS_MAX_DATABASE, &out->database))
        return refuse(why, "the path is the number of the database, 0 to 65535");
    while (query.len > 0) {
        eio_slice value = cut(&query, '&', &found);
        eio_slice name = cut(&value, '=', &found);
        if ((eio_slice_equal(name, EIO_STR("db")) ||
             eio_slice_equal(name, EIO_STR("virtual_host"))) &&
            !parse_number(value, SIO_REDIS_MAX_DATABASE, &out->database))
            return refuse(why, "db= is the number of the database, 0 to 65535");
    }
    return EIO_OK;
}

/* Reject what would end up in a log line or a look-up as something else than it looks like. */
static bool is_host(const char *host)
{
    for (const char *at = host; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f ||
            strchr("/@?#[]\\", *at) != NULL)
            return false;
    return strlen(host) <= 255;
}

static int decode_place(sio_redis_url *out, const url_parts *parts, char **memory, eio_error *why)
{
    unsigned port = SIO_REDIS_DEFAULT_PORT;

    if (parts->is_unix) {
        if (parts->host.len > 0 || parts->port.len > 0 || parts->path.len < 2)
            return refuse(why,
                          "a unix socket needs an absolute path: redis+unix:///run/redis.sock");
        out->path = decode(memory, parts->path);
        return out->path == NULL ? refuse(why, "a bad % code in the path") : EIO_OK;
    }
    if (parts->port.len > 0 && (!parse_number(parts->port, 65535, &port) || port == 0))
        return refuse(
            why,
            "the port is a number from 1 to 65535 (is a '/' in the password not written %2F?)");
    out->port = (int)port;
    out->host = decode(memory, parts->host.len > 0 ? parts->host : EIO_STR("localhost"));
    if (out->host == NULL || !is_host(out->host))
        return refuse(why, "not a host name or address");
    return EIO_OK;
}

static int decode_credentials(sio_redis_url *out, const url_parts *parts, char **memory,
                              eio_error *why)
{
    if (parts->has_user) {
        out->user = decode(memory, parts->user);
        if (out->user == NULL)
            return refuse(why, "a bad % code in the user name (a plain % is written %25)");
    }
    if (parts->has_password || parts->has_user) {
        out->password = decode(memory, parts->password);
        if (out->password == NULL)
            return refuse(why, "a bad % code in the password (a plain % is written %25)");
    }
    return EIO_OK;
}

int sio_redis_url_parse(sio_redis_url *out, eio_slice text, eio_error *why)
{
    enum { EXTRA_BYTES = 16 }; /* "localhost" and the NUL of each text */
    sio_redis_url url = { 0 };
    url_parts parts = { 0 };

    if (text.len == 0 || text.len > SIO_REDIS_MAX_URL_BYTES)
        return refuse(why, text.len == 0 ? "is empty" : "is longer than 4096 bytes");
    int rc = split(&parts, text, &url.tls, why);
    if (rc == EIO_OK)
        rc = parse_database(&url, &parts, why);
    if (rc != EIO_OK)
        return rc;
    url.memory = malloc(text.len + EXTRA_BYTES);
    if (url.memory == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis URL: out of memory");
    char *memory = url.memory;
    rc = decode_place(&url, &parts, &memory, why);
    if (rc == EIO_OK)
        rc = decode_credentials(&url, &parts, &memory, why);
    if (rc != EIO_OK) {
        free(url.memory);
        return rc;
    }
    *out = url;
    return EIO_OK;
}

void sio_redis_url_fini(sio_redis_url *url)
{
    if (url->memory != NULL && url->password != NULL)
        explicit_bzero(url->memory + (url->password - url->memory), strlen(url->password));
    free(url->memory);
    *url = (sio_redis_url){ 0 };
}

int sio_redis_url_describe(const sio_redis_url *url, char *out, size_t size)
{
    bool is_v6 = url->host != NULL && strchr(url->host, ':') != NULL;

    if (url->path != NULL)
        return snprintf(out, size, "redis+unix://%s?db=%u", url->path, url->database);
    return snprintf(out, size, "%s://%s%s%s:%d/%u", url->tls ? "rediss" : "redis", is_v6 ? "[" : "",
                    url->host, is_v6 ? "]" : "", url->port, url->database);
}
