#include "chat/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/options_table.h"
#include "chat/profile.h"

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
    char argument[64];  /* where "--port" is kept */
    bool from_arguments;
    eio_error *why;
} option_reader;

/* ---- values ---- */

static int set_number(option_reader *reader, const chat_option_place *place, const char *text)
{
    const chat_option *rule = place->option;
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
    memcpy(place->value, &value, sizeof(value));
    return EIO_OK;
}

/* As an argument it has no value; in the environment it says whether. */
static int set_flag(option_reader *reader, const chat_option_place *place, const char *text)
{
    bool on = text[0] == '\0' || strcmp(text, "1") == 0 || strcmp(text, "true") == 0;

    if (!on && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
        return eio_error_set(reader->why, EIO_E_INVALID, "%s: \"%.100s\" is not 1 or 0",
                             reader->source, text);
    memcpy(place->value, &on, sizeof(on));
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

static int set_value(option_reader *reader, const chat_option_place *place, const char *text)
{
    switch (place->option->kind) {
    case CHAT_OPTION_NUMBER: return set_number(reader, place, text);
    case CHAT_OPTION_TEXT:
    case CHAT_OPTION_SECRET: memcpy(place->value, &text, sizeof(text)); return EIO_OK;
    case CHAT_OPTION_FLAG: return set_flag(reader, place, text);
    case CHAT_OPTION_STORE: reader->wish.store = text; return EIO_OK;
    case CHAT_OPTION_REDIS:
        reader->wish.redis = text;
        reader->wish.redis_is_argument = reader->from_arguments;
        return EIO_OK;
    case CHAT_OPTION_ORIGINS: return add_origins(reader, text);
    case CHAT_OPTION_WORKERS:
        return set_number(reader, place, strcmp(text, "auto") == 0 ? "0" : text);
    case CHAT_OPTION_LEVEL: return set_level(reader, text);
    case CHAT_OPTION_HELP: reader->out->show_help = true; return EIO_OK;
    case CHAT_OPTION_VERSION: reader->out->show_version = true; return EIO_OK;
    }
    return EIO_OK;
}

/* ---- the store ---- */

/* Without a URL, and --store redis: the tutorial's own default, or its refusal. */
static int find_redis(option_reader *reader)
{
    chat_options *out = reader->out;

    if (out->redis_url == NULL)
        out->redis_url = out->profile->default_redis;
    return out->redis_url != NULL
               ? EIO_OK
               : eio_error_set(reader->why, EIO_E_INVALID, "REDIS_URL env variable is not set");
}

static int decide_store(option_reader *reader)
{
    chat_options *out = reader->out;
    const store_wish *wish = &reader->wish;
    const char *store = wish->store;

    if (store == NULL && (out->profile->takes & CHAT_TAKES_STORE) == 0)
        store = out->redis_url != NULL ? "redis" : "memory";
    else if (store == NULL)
        store = out->redis_url != NULL ? "redis" : "sqlite";
    else if (wish->redis_is_argument && strcmp(store, "redis") != 0)
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "--redis and --store %.100s contradict each other", store);
    if (strncmp(store, "sqlite:", 7) == 0 && store[7] != '\0') {
        out->store = CHAT_STORE_SQLITE;
        out->file = store + 7;
    } else if (strcmp(store, "sqlite") == 0) {
        out->store = CHAT_STORE_SQLITE;
    } else if (strcmp(store, "memory") == 0) {
        out->store = CHAT_STORE_MEMORY;
    } else if (strcmp(store, "redis") == 0) {
        out->store = CHAT_STORE_REDIS;
        return find_redis(reader);
    } else {
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "--store: \"%.100s\" is not sqlite, sqlite:FILE, memory or redis",
                             store);
    }
    return EIO_OK;
}

/* What the profile makes of its own options may name a Redis; what was named by its URL wins. */
static int settle(option_reader *reader)
{
    chat_options *out = reader->out;

    out->redis_url = reader->wish.redis;
    if (out->redis_url != NULL && strstr(out->redis_url, "+cluster:") != NULL)
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "--redis: chatd keeps its data on one Redis, not in a Redis Cluster");
    int rc = out->profile->settle == NULL ? EIO_OK : out->profile->settle(out, reader->why);
    return rc == EIO_OK ? decide_store(reader) : rc;
}

/* A user's name or password in a URL. */
static size_t append_encoded(char *out, size_t at, size_t size, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *text != '\0' && at + 4 < size; text++)
        at += (size_t)snprintf(out + at, size - at, strchr(plain, *text) != NULL ? "%c" : "%%%02X",
                               (unsigned char)*text);
    return *text == '\0' ? at : size;
}

int chat_options_name_redis(chat_options *options, const char *host, long port,
                            const char *password, eio_error *why)
{
    char *out = options->redis_text;
    size_t size = sizeof(options->redis_text), at;

    if (options->redis_url != NULL)
        return EIO_OK;
    options->redis_url = out;
    if (strstr(host, "://") != NULL) {
        at = (size_t)snprintf(out, size, "%s", host);
    } else {
        at = (size_t)snprintf(out, size, "redis://%s", password == NULL ? "" : ":");
        if (password != NULL) {
            at = append_encoded(out, at, size, password);
            at += at < size ? (size_t)snprintf(out + at, size - at, "@") : 0;
        }
        at += at < size ? (size_t)snprintf(out + at, size - at, "%s", host) : 0;
        if (port > 0 && at < size)
            at += (size_t)snprintf(out + at, size - at, ":%ld", port);
    }
    return at < size ? EIO_OK
                     : eio_error_set(why, EIO_E_INVALID, "the address of Redis is too long");
}

/* ---- reading ---- */

static int set_defaults(option_reader *reader)
{
    chat_option_place place;
    int rc = EIO_OK;

    for (size_t i = 0; rc == EIO_OK && chat_options_at(reader->out, i, &place); i++) {
        reader->source = place.option->name;
        if (place.fallback != NULL)
            rc = set_value(reader, &place, place.fallback);
    }
    return rc;
}

/* An empty variable counts as none, as in the tutorials' own servers. */
static int read_environment(option_reader *reader, char *(*get_env)(const char *))
{
    chat_option_place place;
    int rc = EIO_OK;

    for (size_t i = 0; rc == EIO_OK && chat_options_at(reader->out, i, &place); i++) {
        const char *variable = place.option->environment;
        const char *value = variable == NULL ? NULL : get_env(variable);
        reader->source = variable;
        if (value != NULL && value[0] != '\0')
            rc = set_value(reader, &place, value);
    }
    return rc;
}

static bool find_place(const chat_options *options, const char *name, size_t len,
                       chat_option_place *out)
{
    for (size_t i = 0; chat_options_at(options, i, out); i++)
        if (out->option->name != NULL && strlen(out->option->name) == len &&
            memcmp(out->option->name, name, len) == 0)
            return true;
    return false;
}

/* One argument, and the next one if it is its value: *used says how many. */
static int read_argument(option_reader *reader, char *const argument[], int left, int *used)
{
    const char *text = argument[0];
    chat_option_place place;

    *used = 1;
    if (strcmp(text, "-h") == 0)
        text = "--help";
    if (text[0] != '-')
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "\"%.100s\" is one word too many (see --help)", text);
    size_t len = strncmp(text, "--", 2) == 0 ? strcspn(text + 2, "=") : 0;
    if (len == 0 || !find_place(reader->out, text + 2, len, &place))
        return eio_error_set(reader->why, EIO_E_INVALID,
                             "unknown option %.100s (see chatd %s --help)", text,
                             reader->out->profile->name);
    (void)snprintf(reader->argument, sizeof(reader->argument), "--%s", place.option->name);
    reader->source = reader->argument;
    const char *value = text[2 + len] == '=' ? text + 2 + len + 1 : NULL;
    if (place.option->argument == NULL)
        return value == NULL
                   ? set_value(reader, &place, "")
                   : eio_error_set(reader->why, EIO_E_INVALID, "%s takes no value", reader->source);
    if (value == NULL && left > 1) {
        value = argument[1];
        *used = 2;
    }
    if (value == NULL || value[0] == '\0')
        return eio_error_set(reader->why, EIO_E_INVALID, "%s needs a value: %s", reader->source,
                             place.option->argument);
    return set_value(reader, &place, value);
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
    for (int at = reader->out->names_profile ? 2 : 1, used;
         at < argc && rc == EIO_OK && !shows_only(reader->out); at += used)
        rc = read_argument(reader, argv + at, argc - at, &used);
    if (rc == EIO_OK && from_environment > 0 && reader->out->origin_count > from_environment) {
        reader->out->origin_count -= from_environment;
        memmove(reader->out->origins, reader->out->origins + from_environment,
                reader->out->origin_count * sizeof(reader->out->origins[0]));
    }
    reader->out->origins[reader->out->origin_count] = NULL;
    return rc;
}

/* Help is given even where the environment is wrong: it may say how to right it. */
static bool asks_for_help(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0)
            return true;
    return false;
}

/* The profile is the first word, or the first of all profiles. */
static int choose_profile(option_reader *reader, int argc, char *const argv[])
{
    chat_options *out = reader->out;
    char names[200] = "";
    size_t at = 0;

    out->profile = chat_profiles[0];
    out->names_profile = argc > 1 && argv[1][0] != '-';
    if (!out->names_profile)
        return EIO_OK;
    for (size_t i = 0; chat_profiles[i] != NULL; i++) {
        out->profile = chat_profiles[i];
        if (strcmp(out->profile->name, argv[1]) == 0)
            return EIO_OK;
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i == 0 ? "" : ", ",
                               out->profile->name);
    }
    return eio_error_set(reader->why, EIO_E_INVALID,
                         "there is no profile \"%.100s\"; chatd serves: %s", argv[1], names);
}

int chat_options_read(chat_options *out, int argc, char *const argv[],
                      char *(*get_env)(const char *), eio_error *why)
{
    option_reader reader = { .out = out, .why = why };

    *out = (chat_options){ .key_prefix = "" };
    int rc = choose_profile(&reader, argc, argv);
    if (rc != EIO_OK)
        return rc;
    out->own = calloc(1, out->profile->own_size + 1);
    if (out->own == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    rc = set_defaults(&reader);
    if (rc == EIO_OK && !asks_for_help(argc, argv))
        rc = read_environment(&reader, get_env);
    if (rc == EIO_OK)
        rc = read_arguments(&reader, argc, argv);
    if (rc == EIO_OK && !shows_only(out))
        rc = settle(&reader);
    return rc;
}

void chat_options_fini(chat_options *options)
{
    free(options->own);
    options->own = NULL;
}
