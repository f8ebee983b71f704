/*
 * A profile: one chat system, that `chatd PROFILE` serves. The common server (server.c) has the listeners, HTTP, TLS,
 * the health pages, signals and the log; a profile has its contract: what clients may ask and hear, and what is kept
 * where. The server knows no contract, a profile knows no other one.
 *
 * With several workers a profile runs once in each, on its thread, as servers of their own that one process has: what
 * they must have in common they share, and what one does the others hear of as from other servers, or by workers.h.
 */
#ifndef CHAT_PROFILE_H
#define CHAT_PROFILE_H

#include "chat/options.h"
#include "chat/site.h"
#include "engineio/http.h"

/* What the server gives to a profile; borrowed until its `stop` has called back. */
typedef struct chat_host {
    const chat_options *options;
    struct sio_worker *worker; /* NULL: there is but one loop */
    void *shared;              /* what `share` made; borrowed */
    uv_loop_t *loop;
    eio_http_server *http;
    const eio_cors_options *cors; /* for the profile's protocol */
    chat_site *site;              /* for a page: chat_site_serve_page */
    sio_metrics_sources
        *figures; /* of /metrics: `start` adds what it has, each open until `stop` */
    /* It turned out that it can never serve: one line to stderr, and the process ends with status 1. */
    void (*give_up)(const char *why);
} chat_host;

/* A default that differs from that of the table of common options. */
typedef struct chat_default {
    const char *option, *value;
} chat_default;

struct chat_profile {
    const char *name;
    const char *summary; /* half a line, for `chatd --help` */
    const char *usage;   /* what `chatd PROFILE --help` says above the options, and below them */
    const char *examples;
    unsigned takes;                /* CHAT_TAKES_*: which of the common options */
    const chat_option *options;    /* its own, offsets into a struct of its own */
    size_t option_count, own_size; /* of that struct */
    const chat_default *defaults;  /* ended by {NULL, NULL}; the port's has to be there */
    /* May be NULL. After all has been read: check it, and name a Redis with chat_options_name_redis. */
    int (*settle)(chat_options *options, eio_error *why);
    const char *
        default_redis; /* under --store redis without a URL; NULL: refused, as REDIS_URL that is not set */
    bool
        open_to_all; /* any origin may call, credentials too, unless some are listed; else no CORS headers */

    /*
     * What the servers of all workers have in common: made before the first one starts, freed when the last one is
     * gone. Called on the main thread; what it holds has to be for any thread. NULL: nothing.
     */
    int (*share)(void **out, const chat_options *options, eio_error *why);
    void (*unshare)(void *shared);
    /*
     * Open the store, take routes, mounts and timers; nothing listens yet. What is there after a failure ends with the
     * process. `out` is what the calls below are given.
     */
    int (*start)(void **out, const chat_host *host, eio_error *why);
    /* The start lines, as the original has them: it listens on this port. On the main thread, of the first worker. */
    void (*announce)(const void *running, int port);
    /* For /readyz; not called any more once it stops. */
    bool (*is_ready)(const void *running);
    size_t (*count_clients)(const void *running);
    /*
     * Send clients away, release what they hold, flush and close the store. `running` is gone when on_stopped is
     * called, from the loop.
     */
    void (*stop)(void *running, void (*on_stopped)(void *data), void *data);
};

/* Of the server among those of its process: from 1 on. */
unsigned chat_host_number(const chat_host *host);

/* All of them, ended by NULL; the first is the one that is served when none is named. */
extern const chat_profile *const chat_profiles[];

#endif
