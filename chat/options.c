#include "chat/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/paths.h"
#include "chat/rooms/validation.h"

/* What follows the name of an option, and where its value goes. */
typedef enum option_kind {
    OPTION_NUMBER, /* long, from least to most */
    OPTION_TEXT,   /* const char * */
    OPTION_STORE,
    OPTION_REDIS,
    OPTION_ORIGINS,
    OPTION_LEVEL,
    OPTION_HELP,
    OPTION_VERSION,
} option_kind;

typedef struct option_rule {
    const char *name;        /* without the dashes */
    const char *environment; /* NULL: none */
    const char *argument;    /* as help shows it; NULL: takes none */
    option_kind kind;
    size_t at;            /* offset in chat_options */
    long least, most;     /* of a number */
    const char *text;     /* what help says */
    const char *fallback; /* the default, as it would be written; NULL: none */
} option_rule;

#define AT(field) offsetof(chat_options, field)

/* clang-format off */
static const option_rule rules[] = {
    { "port", "PORT", "N", OPTION_NUMBER, AT(port), 0, 65535,
      "port to listen on; 0: any free one", "3000" },
    { "host", "HOST", "ADDRESS", OPTION_TEXT, AT(host), 0, 0,
      "address to listen on (default: all, IPv6 and IPv4)", NULL },
    { "store", "STORE", "KIND", OPTION_STORE, 0, 0, 0,
      "where rooms are kept: sqlite, sqlite:FILE, memory, or redis\n"
      "(default: redis if a URL is named, else sqlite)", NULL },
    { "redis", "REDIS_URL", "URL", OPTION_REDIS, 0, 0, 0,
      "redis://[user:password@]host[:port][/db], rediss:// with TLS, or\n"
      "redis+unix:///path?db=N; implies --store redis", NULL },
    { "redis-ca", "REDIS_CA", "FILE", OPTION_TEXT, AT(redis_ca), 0, 0,
      "of rediss://: trust the CAs in this file, not the system's", NULL },
    { "tls-cert", "TLS_CERT", "FILE", OPTION_TEXT, AT(tls_cert), 0, 0,
      "serve https: and wss: with this certificate, and those between\n"
      "it and its CA, in PEM; SIGHUP loads it again", NULL },
    { "tls-key", "TLS_KEY", "FILE", OPTION_TEXT, AT(tls_key), 0, 0,
      "the key of the certificate, in PEM", NULL },
    { "cors-origin", "CORS_ORIGIN", "ORIGIN", OPTION_ORIGINS, 0, 0, 0,
      "an origin whose pages may connect with credentials; may be given\n"
      "again, or as a list with commas (default: any, as `*`)", NULL },
    { "web", "WEB_DIR", "FOLDER", OPTION_TEXT, AT(web_dir), 0, 0,
      "the page that is served at /\n(default: " CHAT_WEB_DIR ")", NULL },
    { "client", "CLIENT_DIR", "FOLDER", OPTION_TEXT, AT(client_dir), 0, 0,
      "the browser client that is served at /socket.io/socket.io.js\n(default: " CHAT_CLIENT_DIR ")", NULL },
    { "max-payload", "MAX_PAYLOAD", "BYTES", OPTION_NUMBER, AT(max_payload_bytes), 1000, 100 * 1024 * 1024,
      "of one message or polling request from a client", "1000000" },
    { "max-buffered", "MAX_BUFFERED", "BYTES", OPTION_NUMBER, AT(max_buffered_bytes), 64 * 1024, 1024 * 1024 * 1024,
      "waiting for one client; one that reads too slowly is closed", "8388608" },
    { "max-name", "MAX_NAME", "BYTES", OPTION_NUMBER, AT(max_name_bytes), 1, CHAT_MOST_NAME_BYTES,
      "in a room id or user name", "256" },
    { "max-message", "MAX_MESSAGE", "BYTES", OPTION_NUMBER, AT(max_message_bytes), 1, 1024 * 1024,
      "in the text of a chat message", "65536" },
    { "max-rooms", "MAX_ROOMS", "N", OPTION_NUMBER, AT(max_rooms), 1, 100000,
      "that one connection may be in", "1000" },
    { "max-connections", "MAX_CONNECTIONS", "N", OPTION_NUMBER, AT(max_connections), 0, 10000000,
      "in all; 0: as many as there are descriptors", "0" },
    { "rate", "RATE", "N", OPTION_NUMBER, AT(events_per_second), 1, 1000000,
      "events a second from one connection in the long run", "100" },
    { "burst", "BURST", "N", OPTION_NUMBER, AT(events_at_once), 1, 5000,
      "events at once from one connection", "3000" },
    { "name-grace", "NAME_GRACE", "MS", OPTION_NUMBER, AT(name_grace_ms), 0, 10000,
      "how long a name stays after its connection has ended", "5000" },
    { "stop-grace", "STOP_GRACE", "MS", OPTION_NUMBER, AT(stop_grace_ms), 100, 60000,
      "how long stopping may take", "7500" },
    { "ping-interval", "PING_INTERVAL", "MS", OPTION_NUMBER, AT(ping_interval_ms), 100, 3600000,
      "between two heartbeats", "25000" },
    { "ping-timeout", "PING_TIMEOUT", "MS", OPTION_NUMBER, AT(ping_timeout_ms), 100, 3600000,
      "for the answer to one", "20000" },
    { "log-level", "LOG_LEVEL", "LEVEL", OPTION_LEVEL, 0, 0, 0,
      "debug, info, warn or error", "info" },
    { "help", NULL, NULL, OPTION_HELP, 0, 0, 0, "show this and end", NULL },
    { "version", NULL, NULL, OPTION_VERSION, 0, 0, 0, "show the version and end", NULL },
};
/* clang-format on */

enum { N_RULES = sizeof(rules) / sizeof(rules[0]) };

/* What was said about the store, before it is decided. */
typedef struct store_wish {
    const char *store; /* --store or STORE */
    const char *redis; /* --redis or REDIS_URL */
    bool redis_is_argument;
} store_wish;

typedef struct option_reader {
    chat_options *out;
    store_wish wish;
    const char *source; /* "--port" or "PORT", for the refusal */
    bool from_arguments;
    eio_error *why;
} option_reader;

/* ---- values ---- */

static int set_number(option_reader *reader, const option_rule *rule, const char *text)
{
    long value = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 12 || text[digits] != '\0')
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "%s: \"%.100s\" is not a number from %ld to %ld", reader->source, text,
                             rule->least, rule->most);
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    if (value < rule->least || value > rule->most)
        return eio_error_set(reader->why, EIO_E_INVALID, "%s: %s is not from %ld to %ld",
                             reader->source, text, rule->least, rule->most);
    memcpy((char *)reader->out + rule->at, &value, sizeof(value));
    return EIO_OK;
}

static int add_origin(option_reader *reader, const char *text, size_t len)
{
    chat_options *out = reader->out;
    char *copy = out->origin_texts + out->origin_bytes;

    if (out->origin_count >= CHAT_MOST_ORIGINS || len >= CHAT_ORIGIN_BYTES - out->origin_bytes)
        return eio_error_set(reader->why, EIO_E_INVALID, "%s: too many origins", reader->source);
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strstr(copy, "://") == NULL || strpbrk(copy, " \t\r\n") != NULL)
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "%s: \"%.100s\" is not an origin such as https://example.org",
                             reader->source, copy);
    out->origins[out->origin_count++] = copy;
    out->origin_bytes += len + 1;
    return EIO_OK;
}

/* A list with commas. */
static int add_origins(option_reader *reader, const char *text)
{
    int rc = EIO_OK;

    do {
        text += strspn(text, " ,");
        size_t len = strcspn(text, ",");
        rc = add_origin(reader, text, len);
        text += len;
    } while (rc == EIO_OK && *text != '\0');
    return rc;
}

static int set_level(option_reader *reader, const char *text)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], text) == 0) {
            reader->out->log_level = (chat_log_level)i;
            return EIO_OK;
        }
    return eio_error_set(reader->why, EIO_E_INVALID,
                         "%s: \"%.100s\" is not debug, info, warn or error", reader->source, text);
}

static int set_value(option_reader *reader, const option_rule *rule, const char *text)
{
    switch (rule->kind) {
    case OPTION_NUMBER: return set_number(reader, rule, text);
    case OPTION_TEXT: memcpy((char *)reader->out + rule->at, &text, sizeof(text)); return EIO_OK;
    case OPTION_STORE: reader->wish.store = text; return EIO_OK;
    case OPTION_REDIS:
        reader->wish.redis = text;
        reader->wish.redis_is_argument = reader->from_arguments;
        return EIO_OK;
    case OPTION_ORIGINS: return add_origins(reader, text);
    case OPTION_LEVEL: return set_level(reader, text);
    case OPTION_HELP: reader->out->show_help = true; return EIO_OK;
    case OPTION_VERSION: reader->out->show_version = true; return EIO_OK;
    }
    return EIO_OK;
}

/* ---- the store ---- */

static int decide_store(option_reader *reader)
{
    chat_options *out = reader->out;
    const store_wish *wish = &reader->wish;
    const char *store = wish->store;

    if (store == NULL)
        store = wish->redis != NULL ? "redis" : "sqlite";
    else if (wish->redis_is_argument && strcmp(store, "redis") != 0)
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "--redis and --store %.100s contradict each other", store);
    out->redis_url = wish->redis;
    if (strncmp(store, "sqlite:", 7) == 0 && store[7] != '\0') {
        out->store = CHAT_STORE_SQLITE;
        out->file = store + 7;
    } else if (strcmp(store, "sqlite") == 0) {
        out->store = CHAT_STORE_SQLITE;
    } else if (strcmp(store, "memory") == 0) {
        out->store = CHAT_STORE_MEMORY;
    } else if (strcmp(store, "redis") != 0) {
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "--store: \"%.100s\" is not sqlite, sqlite:FILE, memory or redis",
                             store);
    } else {
        out->store = CHAT_STORE_REDIS;
        if (wish->redis == NULL)
            return eio_error_set(reader->why, EIO_E_INVALID, "REDIS_URL env variable is not set");
    }
    return EIO_OK;
}

/* ---- reading ---- */

static int set_defaults(option_reader *reader)
{
    int rc = EIO_OK;

    *reader->out = (chat_options){ .profile = "rooms" };
    for (size_t i = 0; i < N_RULES && rc == EIO_OK; i++) {
        reader->source = rules[i].name;
        if (rules[i].fallback != NULL)
            rc = set_value(reader, &rules[i], rules[i].fallback);
    }
    return rc;
}

/* An empty variable counts as none, as in the tutorials' own servers. */
static int read_environment(option_reader *reader, char *(*get_env)(const char *))
{
    int rc = EIO_OK;

    for (size_t i = 0; i < N_RULES && rc == EIO_OK; i++) {
        const char *value = rules[i].environment == NULL ? NULL : get_env(rules[i].environment);
        reader->source = rules[i].environment;
        if (value != NULL && value[0] != '\0')
            rc = set_value(reader, &rules[i], value);
    }
    return rc;
}

static const option_rule *find_rule(const char *name, size_t len)
{
    for (size_t i = 0; i < N_RULES; i++)
        if (strlen(rules[i].name) == len && memcmp(rules[i].name, name, len) == 0)
            return &rules[i];
    return NULL;
}

static int set_profile(option_reader *reader, const char *name)
{
    if (strcmp(name, "rooms") == 0)
        return EIO_OK;
    return eio_error_set(reader->why, EIO_E_INVALID,
                         "there is no profile \"%.100s\": rooms is what chatd serves", name);
}

/* One argument, and the next one if it is its value: *used says how many. */
static int read_argument(option_reader *reader, char *const argument[], int left, int *used)
{
    const char *text = argument[0];
    char source[64];

    *used = 1;
    if (strcmp(text, "-h") == 0)
        text = "--help";
    if (strncmp(text, "--", 2) != 0)
        return text[0] == '-' ? eio_error_set(reader->why, EIO_E_INVALID,
                                              "unknown option %.100s (see --help)", text)
                              : set_profile(reader, text);
    size_t len = strcspn(text + 2, "=");
    const option_rule *rule = find_rule(text + 2, len);
    if (rule == NULL)
        return eio_error_set(reader->why, EIO_E_INVALID, "unknown option %.100s (see --help)",
                             text);
    snprintf(source, sizeof(source), "--%s", rule->name);
    reader->source = source;
    const char *value = text[2 + len] == '=' ? text + 2 + len + 1 : NULL;
    if (rule->argument == NULL)
        return value == NULL
                   ? set_value(reader, rule, "")
                   : eio_error_set(reader->why, EIO_E_INVALID, "%s takes no value", source);
    if (value == NULL && left > 1) {
        value = argument[1];
        *used = 2;
    }
    if (value == NULL || value[0] == '\0')
        return eio_error_set(reader->why, EIO_E_INVALID, "%s needs a value: %s", source,
                             rule->argument);
    return set_value(reader, rule, value);
}

static bool shows_only(const chat_options *options)
{
    return options->show_help || options->show_version;
}

/* Arguments replace what the environment said, origins as a whole. */
static int read_arguments(option_reader *reader, int argc, char *const argv[])
{
    size_t from_environment = reader->out->origin_count;
    int rc = EIO_OK;

    reader->from_arguments = true;
    for (int at = 1, used; at < argc && rc == EIO_OK && !shows_only(reader->out); at += used)
        rc = read_argument(reader, argv + at, argc - at, &used);
    if (rc == EIO_OK && from_environment > 0 && reader->out->origin_count > from_environment) {
        reader->out->origin_count -= from_environment;
        memmove(reader->out->origins, reader->out->origins + from_environment,
                reader->out->origin_count * sizeof(reader->out->origins[0]));
    }
    reader->out->origins[reader->out->origin_count] = NULL;
    return rc;
}

static bool asks_for_help(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0)
            return true;
    return false;
}

int chat_options_read(chat_options *out, int argc, char *const argv[],
                      char *(*get_env)(const char *), eio_error *why)
{
    option_reader reader = { .out = out, .why = why };

    int rc = set_defaults(&reader);
    /* Help is given even where the environment is wrong: it may say how to right it. */
    if (rc == EIO_OK && !asks_for_help(argc, argv))
        rc = read_environment(&reader, get_env);
    if (rc == EIO_OK)
        rc = read_arguments(&reader, argc, argv);
    if (rc == EIO_OK && !shows_only(out))
        rc = decide_store(&reader);
    return rc;
}

/* ---- help ---- */

static const char usage[] =
    "Usage: chatd [rooms] [options]\n"
    "\n"
    "A chat server for Socket.IO clients: rooms, members, messages. It serves its own page at /,\n"
    "the browser client at /socket.io/socket.io.js, and /healthz and /readyz for whoever watches "
    "it.\n"
    "\n"
    "Options, each with its environment variable; an option wins over the environment:\n";

static const char examples[] =
    "\n"
    "Examples:\n"
    "  chatd                                     on port 3000, rooms in a file of one's own\n"
    "  chatd --port 8080 --store memory          nothing is kept after the end\n"
    "  REDIS_URL=redis://localhost:6379 chatd    rooms in Redis, where other programs find them\n"
    "  chatd --cors-origin https://example.org   for the pages of one site\n"
    "\n"
    "Rooms are kept in rooms.db in $STATE_DIRECTORY, else in "
    "${XDG_STATE_HOME:-~/.local/state}/chatd.\n"
    "In a URL a password is percent-encoded: @ is %40, : is %3A, / is %2F.\n"
    "SIGTERM and SIGINT end it in order; a second signal ends it at once; SIGHUP loads the TLS\n"
    "certificate and key again, and disturbs no connection. Sockets that systemd\n"
    "passes (LISTEN_FDS) are listened on in place of --host and --port.\n";

/* The text of a rule, its further lines under the first. */
static void print_rule(FILE *out, const option_rule *rule)
{
    char name[40];

    snprintf(name, sizeof(name), "--%s%s%s", rule->name, rule->argument == NULL ? "" : " ",
             rule->argument == NULL ? "" : rule->argument);
    fprintf(out, "  %-24s ", name);
    for (const char *at = rule->text; *at != '\0'; at++) {
        fputc(*at, out);
        if (*at == '\n')
            fprintf(out, "%27s", "");
    }
    if (rule->fallback != NULL)
        fprintf(out, " (default: %s)", rule->fallback);
    if (rule->environment != NULL)
        fprintf(out, " [%s]", rule->environment);
    fputc('\n', out);
}

char *chat_options_help(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    fputs(usage, out);
    for (size_t i = 0; i < N_RULES; i++)
        print_rule(out, &rules[i]);
    fputs(examples, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void chat_options_log(const chat_options *options, const char *store)
{
    char host[CHAT_LOG_VALUE_BYTES], where[CHAT_LOG_VALUE_BYTES];

    chat_log(CHAT_LOG_INFO, "config",
             "profile=%s host=%s port=%ld store=%s origins=%zu max_payload=%ld max_buffered=%ld "
             "max_name=%ld "
             "max_message=%ld max_rooms=%ld max_connections=%ld rate=%ld burst=%ld "
             "name_grace_ms=%ld stop_grace_ms=%ld",
             options->profile,
             chat_log_value(host, eio_slice_of(options->host == NULL ? "*" : options->host)),
             options->port, chat_log_value(where, eio_slice_of(store)), options->origin_count,
             options->max_payload_bytes, options->max_buffered_bytes, options->max_name_bytes,
             options->max_message_bytes, options->max_rooms, options->max_connections,
             options->events_per_second, options->events_at_once, options->name_grace_ms,
             options->stop_grace_ms);
}
