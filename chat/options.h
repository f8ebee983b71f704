/* What chatd is told: by its arguments, else by the environment, else by defaults. Pure. */
#ifndef CHAT_OPTIONS_H
#define CHAT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "chat/log.h"
#include "engineio/error.h"

typedef struct chat_profile chat_profile;

/* What follows the name of an option, and where its value goes. */
typedef enum chat_option_kind {
    CHAT_OPTION_NUMBER, /* long, from least to most */
    CHAT_OPTION_TEXT,   /* const char * */
    CHAT_OPTION_SECRET, /* the same, and never shown */
    CHAT_OPTION_FLAG,   /* bool; by the environment: 1 or true */
    CHAT_OPTION_STORE,
    CHAT_OPTION_REDIS,
    CHAT_OPTION_ORIGINS,
    CHAT_OPTION_LEVEL,
    CHAT_OPTION_WORKERS, /* a number, or `auto`: 0 */
    CHAT_OPTION_HELP,
    CHAT_OPTION_VERSION,
} chat_option_kind;

/* Which of the common options a profile takes; the rest all of them take. */
enum {
    CHAT_TAKES_STORE = 1,     /* keeps something: --store */
    CHAT_TAKES_REDIS = 2,     /* --redis, --redis-ca */
    CHAT_TAKES_PAGE = 4,      /* --web */
    CHAT_TAKES_SOCKETIO = 8,  /* --client, heartbeats */
    CHAT_TAKES_ROOMS = 16,    /* limits of rooms, rates */
    CHAT_TAKES_LEASE = 32,    /* several servers share its Redis: --lease */
    CHAT_TAKES_NAMES = 64,    /* the limit of names */
    CHAT_TAKES_PREFIX = 128,  /* --key-prefix */
    CHAT_TAKES_PINGS = 256,   /* plain WebSocket: --ping-interval */
    CHAT_TAKES_FORWARD = 512, /* its servers hear each other: --forward */
};

typedef struct chat_option {
    const char *name;        /* without the dashes; NULL: by the environment only */
    const char *environment; /* NULL: none */
    const char *argument;    /* as help shows it; NULL: takes none */
    chat_option_kind kind;
    unsigned
        taken_with; /* CHAT_TAKES_* that a profile has one of; 0: any profile. Common options only */
    size_t at;      /* offset in chat_options, or in the profile's own struct */
    long least, most;     /* of a number */
    const char *text;     /* what help says */
    const char *fallback; /* the default, as it would be written; NULL: none */
} chat_option;

typedef enum chat_store_kind {
    CHAT_STORE_SQLITE,
    CHAT_STORE_MEMORY,
    CHAT_STORE_REDIS
} chat_store_kind;

enum { CHAT_MOST_ORIGINS = 32, CHAT_ORIGIN_BYTES = 4096, CHAT_REDIS_URL_BYTES = 2048 };

/* Texts are borrowed: from the arguments, the environment, or for ever. */
typedef struct chat_options {
    const chat_profile *profile;
    void *own;        /* the profile's own struct */
    const char *host; /* NULL: all addresses */
    long port;
    chat_store_kind store;
    const char *file;                           /* of SQLite; NULL: the default place */
    const char *redis_url;                      /* NULL: none named */
    char redis_text[CHAT_REDIS_URL_BYTES];      /* what it points to if it was put together */
    const char *key_prefix;                     /* of what stands in Redis; "" */
    const char *redis_ca;                       /* of rediss://; NULL: the system's */
    const char *tls_cert, *tls_key;             /* NULL: plain */
    const char *trusted_proxies;                /* NULL: none */
    const char *origins[CHAT_MOST_ORIGINS + 1]; /* NULL-terminated; none: `*` */
    size_t origin_count;
    char origin_texts[CHAT_ORIGIN_BYTES]; /* what they point into */
    size_t origin_bytes;
    const char *web_dir, *client_dir;
    long max_payload_bytes, max_buffered_bytes, max_name_bytes;
    long max_rooms, max_connections, events_per_second, events_at_once;
    long workers; /* 0: one for each processor */
    long lease_ms, stop_grace_ms, ping_interval_ms, ping_timeout_ms;
    chat_log_level log_level;
    bool compress; /* WebSocket messages */
    bool forward;  /* what reaches the wrong server */
    bool show_help, show_version;
    bool names_profile; /* help: of this profile, not of all */
} chat_options;

/*
 * Read them; chat_options_fini them in either case. `get_env` is getenv. EIO_OK, or EIO_E_NOMEM, or EIO_E_INVALID and
 * one line in `why`. What stands after --help or --version is not looked at.
 */
int chat_options_read(chat_options *out, int argc, char *const argv[],
                      char *(*get_env)(const char *), eio_error *why);
void chat_options_fini(chat_options *options);

/*
 * For a profile's `settle`: a Redis by host ("name" or "name:port", or a whole URL, which is taken as it is), port (0:
 * 6379, or the host's) and password (may be NULL), unless --redis or REDIS_URL names one. EIO_E_INVALID if too long.
 */
int chat_options_name_redis(chat_options *options, const char *host, long port,
                            const char *password, eio_error *why);

/* The text of --help, of all profiles or of the one that was named; new; NULL when out of memory. */
char *chat_options_help(const chat_options *options);

/* Print what is in force, one line, without secrets. `store` says where things are kept; may be NULL. */
void chat_options_log(const chat_options *options, const char *store);

#endif
