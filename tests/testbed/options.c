#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/testbed/testbed.h"

typedef enum kind { NUMBER, TEXT, CONTRACT, TRANSPORTS, PARSER, ADAPTER, FLAG } kind;

typedef struct option_row {
    const char *name;
    kind kind;
    size_t offset; /* in testbed_options */
} option_row;

#define ROW(text, type, member)                                                                    \
    {                                                                                              \
        text, type, offsetof(testbed_options, member)                                              \
    }

static const option_row rows[] = {
    { "contract", CONTRACT, 0 },
    ROW("port", NUMBER, port),
    ROW("host", TEXT, host),
    ROW("path", TEXT, path),
    ROW("workers", NUMBER, workers),
    ROW("ping-interval", NUMBER, ping_interval_ms),
    ROW("ping-timeout", NUMBER, ping_timeout_ms),
    ROW("connect-timeout", NUMBER, connect_timeout_ms),
    ROW("upgrade-timeout", NUMBER, upgrade_timeout_ms),
    ROW("headers-timeout", NUMBER, headers_timeout_ms),
    ROW("request-timeout", NUMBER, request_timeout_ms),
    ROW("grace", NUMBER, grace_ms),
    ROW("max-payload", NUMBER, max_payload_bytes),
    ROW("max-buffered", NUMBER, max_buffered_bytes),
    ROW("max-connections", NUMBER, max_connections),
    { "transports", TRANSPORTS, 0 },
    { "parser", PARSER, 0 },
    ROW("cors", TEXT, cors),
    ROW("trusted-proxies", TEXT, trusted_proxies),
    ROW("client-dir", TEXT, client_dir),
    ROW("allow-eio3", FLAG, allow_eio3),
    ROW("recovery", NUMBER, recovery_ms),
    ROW("deflate", FLAG, deflate),
    ROW("tls-cert", TEXT, tls_cert),
    ROW("tls-key", TEXT, tls_key),
    ROW("tls-client-ca", TEXT, tls_client_ca),
    ROW("tls-more-cert", TEXT, tls_more_cert),
    ROW("tls-more-key", TEXT, tls_more_key),
    ROW("tls-min", TEXT, tls_min),
    ROW("tls-timeout", NUMBER, tls_timeout_ms),
    ROW("redis", TEXT, redis),
    { "adapter", ADAPTER, 0 },
    ROW("redis-key", TEXT, redis_key),
    ROW("private-answers", FLAG, private_answers),
    ROW("forward", FLAG, forward),
    ROW("stream-count", NUMBER, stream_count),
};

enum { N_ROWS = sizeof(rows) / sizeof(*rows), MAX_DIGITS = 15 };

static bool read_number(uint64_t *out, const char *text)
{
    uint64_t value = 0;
    size_t len = strlen(text);

    if (len == 0 || len > MAX_DIGITS)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

static bool read_contract(testbed_options *options, const char *name)
{
    static const testbed_contract *const all[] = { &contract_protocol, &contract_load,
                                                   &contract_client, &contract_engine_client,
                                                   &contract_api };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            options->contract = all[i];
            return true;
        }
    }
    return false;
}

static bool read_transports(testbed_options *options, const char *list)
{
    if (strcmp(list, "polling") == 0)
        options->transports = EIO_TRANSPORT_POLLING;
    else if (strcmp(list, "websocket") == 0)
        options->transports = EIO_TRANSPORT_WEBSOCKET;
    else if (strcmp(list, "polling,websocket") == 0 || strcmp(list, "websocket,polling") == 0)
        options->transports = EIO_TRANSPORT_POLLING | EIO_TRANSPORT_WEBSOCKET;
    else
        return false;
    return true;
}

static bool read_parser(testbed_options *options, const char *name)
{
    options->msgpack = strcmp(name, "msgpack") == 0;
    return options->msgpack || strcmp(name, "json") == 0;
}

static bool read_adapter(testbed_options *options, const char *name)
{
    static const char *const names[] = { "redis", "redis-sharded", "redis-streams" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(names[i], name) == 0)
            options->adapter = names[i];
    }
    return options->adapter != NULL;
}

/* Whether the value is one that this server can do. */
static bool read_value(testbed_options *options, const option_row *row, const char *value)
{
    char *member = (char *)options + row->offset;

    switch (row->kind) {
    case NUMBER: return read_number((uint64_t *)(void *)member, value);
    case TEXT: memcpy(member, &value, sizeof(value)); return true;
    case CONTRACT: return read_contract(options, value);
    case TRANSPORTS: return read_transports(options, value);
    case FLAG: *(bool *)member = true; return true;
    case PARSER: return read_parser(options, value);
    case ADAPTER: return read_adapter(options, value);
    }
    return false;
}

static bool fail(const char *name, const char *why)
{
    fprintf(stderr, "testbed: --%s: %s\n", name, why);
    return false;
}

static void fill_defaults(testbed_options *options)
{
    const testbed_options *defaults = &options->contract->defaults;

    for (size_t i = 0; i < N_ROWS; i++) {
        uint64_t *value = (uint64_t *)(void *)((char *)options + rows[i].offset);
        const void *other = (const char *)defaults + rows[i].offset;
        if (rows[i].kind == NUMBER && *value == 0)
            memcpy(value, other, sizeof(*value));
    }
    if (options->cors == NULL)
        options->cors = defaults->cors;
}

static bool check(const testbed_options *options)
{
    if (options->contract == NULL)
        return fail("contract", "protocol, load, api, client or engine-client");
    if (options->workers > SIO_WORKERS_MAX)
        return fail("workers", "at most 64");
    if (options->adapter != NULL && options->redis == NULL)
        return fail("adapter", "needs --redis");
    if (options->forward && options->redis == NULL)
        return fail("forward", "needs --redis");
    if (options->port > 65535)
        return fail("port", "at most 65535");
    return true;
}

bool testbed_options_parse(testbed_options *options, int argc, char **argv)
{
    struct option list[N_ROWS + 1] = { 0 };
    bool has_port = false;
    int chosen;
    int at = 0;

    for (size_t i = 0; i < N_ROWS; i++) {
        list[i].name = rows[i].name;
        list[i].has_arg = rows[i].kind == FLAG ? no_argument : required_argument;
    }
    *options = (testbed_options){ .host = "0.0.0.0", .path = "/socket.io/" };
    while ((chosen = getopt_long(argc, argv, "", list, &at)) != -1) {
        if (chosen != 0)
            return false; /* getopt has said it */
        if (!read_value(options, &rows[at], optarg))
            return fail(rows[at].name, "not a value that can be served");
        has_port = has_port || strcmp(rows[at].name, "port") == 0;
    }
    if (optind < argc) {
        fprintf(stderr, "testbed: unexpected argument: %s\n", argv[optind]);
        return false;
    }
    if (!check(options))
        return false;
    const uint64_t port = options->port;
    fill_defaults(options);
    if (has_port)
        options->port = port; /* 0 is any port, not the default */
    if (!has_port && options->port == 0)
        options->port = 3000;
    return true;
}
