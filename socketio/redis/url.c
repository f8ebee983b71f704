#include "socketio/redis/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The text between two points of the URL, still percent-encoded. */
typedef struct url_parts {
    eio_slice scheme, user, password, places, path, query;
    bool has_user, has_password;
    const struct scheme *kind;
} url_parts;

typedef enum place_kind {
    PLACE_SERVER,
    PLACE_UNIX,
    PLACE_SENTINELS,
    PLACE_CLUSTER,
} place_kind;

typedef struct scheme {
    const char *name;
    place_kind kind;
    bool tls;
} scheme;

static const scheme schemes[] = {
    { "redis", PLACE_SERVER, false },
    { "rediss", PLACE_SERVER, true },
    { "unix", PLACE_UNIX, false },
    { "redis+unix", PLACE_UNIX, false },
    { "redis-socket", PLACE_UNIX, false },
    { "redis+socket", PLACE_UNIX, false },
    { "redis+sentinel", PLACE_SENTINELS, false },
    { "rediss+sentinel", PLACE_SENTINELS, true },
    { "redis+cluster", PLACE_CLUSTER, false },
    { "rediss+cluster", PLACE_CLUSTER, true },
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
        rest->len = 0;
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

static int find_scheme(url_parts *parts, eio_error *why)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strlen(schemes[i].name) != parts->scheme.len ||
            strncasecmp(schemes[i].name, parts->scheme.base, parts->scheme.len) != 0)
            continue;
        parts->kind = &schemes[i];
        return EIO_OK;
    }
    return refuse(why, "begins with none of redis://, rediss://, redis+unix://, unix://, "
                       "redis+sentinel://, redis+cluster://");
}

/* `authority` is user:password@places. The last '@' counts, so that one in a password is forgiven. */
static void split_authority(url_parts *parts, eio_slice authority)
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
    parts->places = authority;
}

static int split(url_parts *parts, eio_slice text, eio_error *why)
{
    static const scheme bare_path = { "", PLACE_UNIX, false };
    bool found;

    if (text.len > 0 && text.base[0] == '/') {
        parts->kind = &bare_path;
        parts->path = cut(&text, '?', &found);
        parts->query = text;
        return EIO_OK;
    }
    parts->scheme = cut(&text, ':', &found);
    int rc = find_scheme(parts, why);
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
    split_authority(parts, (eio_slice){ before_query.base, authority });
    return EIO_OK;
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

/* The database: the end of the path of a TCP URL, or db= of any. Parameters of other clients are passed over. */
static int parse_database(sio_redis_url *out, const url_parts *parts, eio_error *why)
{
    eio_slice query = parts->query;
    eio_slice path = parts->path;
    bool found = true;

    if (parts->kind->kind == PLACE_SENTINELS && path.len > 0) {
        path = trailing(path, 1);
        (void)cut(&path, '/', &found); /* the master's name */
    } else if (path.len > 0) {
        path = trailing(path, 1);
    }
    if (parts->kind->kind != PLACE_UNIX && path.len > 0 &&
        !parse_number(path, SIO_REDIS_MAX_DATABASE, &out->database))
        return refuse(why, "the path ends with the number of the database, 0 to 65535");
    while (query.len > 0) {
        eio_slice value = cut(&query, '&', &found);
        eio_slice name = cut(&value, '=', &found);
        if ((eio_slice_equal(name, EIO_STR("db")) ||
             eio_slice_equal(name, EIO_STR("virtual_host"))) &&
            !parse_number(value, SIO_REDIS_MAX_DATABASE, &out->database))
            return refuse(why, "db= is the number of the database, 0 to 65535");
    }
    if (parts->kind->kind == PLACE_CLUSTER && out->database != 0)
        return refuse(why, "a Redis Cluster has database 0 alone");
    return EIO_OK;
}

/* Reject what would end up in a log line or a look-up as something else than it looks like. */
bool sio_redis_is_host(const char *host)
{
    for (const char *at = host; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f ||
            strchr("/@?#[]\\,", *at) != NULL)
            return false;
    return *host != '\0' && strlen(host) <= 255;
}

/* host:port, [IPv6]:port, or parts of it. */
static int decode_place(sio_redis_place *out, eio_slice text, int default_port, char **memory,
                        eio_error *why)
{
    unsigned port = (unsigned)default_port;
    eio_slice host;
    bool found;

    if (text.len > 0 && text.base[0] == '[') {
        text = trailing(text, 1);
        host = cut(&text, ']', &found);
        if (!found || (text.len > 0 && text.base[0] != ':'))
            return refuse(why, "a '[' begins an IPv6 address that ends in ']'");
        if (text.len > 0)
            text = trailing(text, 1);
    } else {
        host = cut(&text, ':', &found);
    }
    if (text.len > 0 && (!parse_number(text, 65535, &port) || port == 0))
        return refuse(
            why,
            "the port is a number from 1 to 65535 (is a '/' in the password not written %2F?)");
    out->port = (int)port;
    out->host = decode(memory, host.len > 0 ? host : EIO_STR("localhost"));
    if (out->host == NULL || !sio_redis_is_host(out->host))
        return refuse(why, "not a host name or address");
    return EIO_OK;
}

static int decode_path(sio_redis_url *out, const url_parts *parts, char **memory, eio_error *why)
{
    if (parts->places.len > 0 || parts->path.len < 2)
        return refuse(why, "a unix socket needs an absolute path: redis+unix:///run/redis.sock");
    out->path = decode(memory, parts->path);
    return out->path == NULL ? refuse(why, "a bad % code in the path") : EIO_OK;
}

static int decode_places(sio_redis_url *out, const url_parts *parts, char **memory, eio_error *why)
{
    bool is_sentinel = parts->kind->kind == PLACE_SENTINELS;
    bool more = true;
    eio_slice rest = parts->places;

    while (more) {
        eio_slice one = rest;
        more = false;
        if (parts->kind->kind != PLACE_SERVER)
            one = cut(&rest, ',', &more);
        if (out->place_count == SIO_REDIS_MAX_PLACES)
            return refuse(why, "names more than 16 hosts");
        int rc = decode_place(&out->places[out->place_count++], one,
                              is_sentinel ? SIO_REDIS_SENTINEL_PORT : SIO_REDIS_DEFAULT_PORT,
                              memory, why);
        if (rc != EIO_OK)
            return rc;
    }
    return EIO_OK;
}

static const char *find_parameter(eio_slice query, const char *name, char **memory, bool *is_bad)
{
    bool found;

    while (query.len > 0) {
        eio_slice value = cut(&query, '&', &found);
        eio_slice this_name = cut(&value, '=', &found);
        if (eio_slice_equal(this_name, eio_slice_of(name))) {
            const char *text = decode(memory, value);
            *is_bad |= text == NULL;
            return text;
        }
    }
    return NULL;
}

static int decode_master(sio_redis_url *out, const url_parts *parts, char **memory, eio_error *why)
{
    eio_slice path = parts->path.len > 1 ? trailing(parts->path, 1) : (eio_slice){ NULL, 0 };
    bool found, is_bad = false;
    eio_slice name = cut(&path, '/', &found);

    if (name.len == 0)
        return refuse(why,
                      "sentinels need the master's name: redis+sentinel://host:26379/mymaster");
    out->master = decode(memory, name);
    if (out->master == NULL || !sio_redis_is_host(out->master))
        return refuse(why, "not the name of a master");
    out->sentinel_user = find_parameter(parts->query, "sentinel_user", memory, &is_bad);
    out->sentinel_password = find_parameter(parts->query, "sentinel_password", memory, &is_bad);
    return is_bad ? refuse(why, "a bad % code in a parameter (a plain % is written %25)") : EIO_OK;
}

static int decode_where(sio_redis_url *out, const url_parts *parts, char **memory, eio_error *why)
{
    if (parts->kind->kind == PLACE_UNIX)
        return decode_path(out, parts, memory, why);
    int rc = decode_places(out, parts, memory, why);
    if (rc == EIO_OK && parts->kind->kind == PLACE_SENTINELS)
        rc = decode_master(out, parts, memory, why);
    return rc;
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
    /* "localhost" for hosts that are not named, and the NUL of each text */
    enum { EXTRA_BYTES = 16 * (SIO_REDIS_MAX_PLACES + 1) };
    sio_redis_url url = { 0 };
    url_parts parts = { 0 };

    if (text.len == 0 || text.len > SIO_REDIS_MAX_URL_BYTES)
        return refuse(why, text.len == 0 ? "is empty" : "is longer than 4096 bytes");
    int rc = split(&parts, text, why);
    if (rc == EIO_OK)
        rc = parse_database(&url, &parts, why);
    if (rc != EIO_OK)
        return rc;
    url.tls = parts.kind->tls;
    url.is_cluster = parts.kind->kind == PLACE_CLUSTER;
    url.memory_bytes = text.len + EXTRA_BYTES;
    url.memory = calloc(1, url.memory_bytes);
    if (url.memory == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis URL: out of memory");
    char *memory = url.memory;
    rc = decode_where(&url, &parts, &memory, why);
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
    if (url->memory != NULL)
        explicit_bzero(url->memory, url->memory_bytes); /* passwords are in there */
    free(url->memory);
    *url = (sio_redis_url){ 0 };
}

static int append(char *out, size_t size, int at, const char *text)
{
    size_t used = (size_t)at < size ? (size_t)at : size;

    return at + snprintf(out + used, size - used, "%s", text);
}

static int append_place(char *out, size_t size, int at, const sio_redis_place *place)
{
    bool is_v6 = strchr(place->host, ':') != NULL;
    char port[16];

    at = append(out, size, at, is_v6 ? "[" : "");
    at = append(out, size, at, place->host);
    (void)snprintf(port, sizeof(port), "%s:%d", is_v6 ? "]" : "", place->port);
    return append(out, size, at, port);
}

int sio_redis_url_describe(const sio_redis_url *url, char *out, size_t size)
{
    char database[16];
    int at = 0;

    if (url->path != NULL)
        return snprintf(out, size, "redis+unix://%s?db=%u", url->path, url->database);
    at = append(out, size, at, url->tls ? "rediss" : "redis");
    at = append(out, size, at,
                url->is_cluster       ? "+cluster://"
                : url->master != NULL ? "+sentinel://"
                                      : "://");
    for (size_t i = 0; i < url->place_count; i++) {
        at = append(out, size, at, i == 0 ? "" : ",");
        at = append_place(out, size, at, &url->places[i]);
    }
    if (url->is_cluster)
        return at;
    if (url->master != NULL)
        at = append(out, size, append(out, size, at, "/"), url->master);
    (void)snprintf(database, sizeof(database), "/%u", url->database);
    return append(out, size, at, database);
}
