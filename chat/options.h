/* What chatd is told: by its arguments, else by the environment, else by defaults. Pure. */
#ifndef CHAT_OPTIONS_H
#define CHAT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "chat/log.h"
#include "engineio/error.h"

typedef enum chat_store_kind {
    CHAT_STORE_SQLITE,
    CHAT_STORE_MEMORY,
    CHAT_STORE_REDIS
} chat_store_kind;

enum { CHAT_MOST_ORIGINS = 32, CHAT_ORIGIN_BYTES = 4096 };

/* Texts are borrowed: from the arguments, the environment, or for ever. */
typedef struct chat_options {
    const char *profile;
    const char *host; /* NULL: all addresses */
    long port;
    chat_store_kind store;
    const char *file;                           /* of SQLite; NULL: the default place */
    const char *redis_url;                      /* NULL: none named */
    const char *redis_ca;                       /* of rediss://; NULL: the system's */
    const char *tls_cert, *tls_key;             /* NULL: plain */
    const char *origins[CHAT_MOST_ORIGINS + 1]; /* NULL-terminated; none: `*` */
    size_t origin_count;
    char origin_texts[CHAT_ORIGIN_BYTES]; /* what they point into */
    size_t origin_bytes;
    const char *web_dir, *client_dir;
    long max_payload_bytes, max_buffered_bytes, max_name_bytes, max_message_bytes;
    long max_rooms, max_connections, events_per_second, events_at_once;
    long name_grace_ms, stop_grace_ms, ping_interval_ms, ping_timeout_ms;
    chat_log_level log_level;
    bool show_help, show_version;
} chat_options;

/*
 * Read them. `get_env` is getenv. EIO_OK, or EIO_E_INVALID and one line in `why`. What stands after --help or
 * --version is not looked at.
 */
int chat_options_read(chat_options *out, int argc, char *const argv[],
                      char *(*get_env)(const char *), eio_error *why);

/* The text of --help, new; NULL when out of memory. */
char *chat_options_help(void);

/* Print what is in force, one line, without secrets. `store` says where rooms are kept. */
void chat_options_log(const chat_options *options, const char *store);

#endif
