/*
 * Redis URLs, as Node's and Python's clients and the hosts of Redis write them. Pure. The text comes from an
 * administrator, once a start: clear refusals matter here, speed does not. No refusal repeats the password.
 */
#ifndef SOCKETIO_REDIS_URL_H
#define SOCKETIO_REDIS_URL_H

#include "engineio/buffer.h"

enum {
    SIO_REDIS_DEFAULT_PORT = 6379,
    SIO_REDIS_MAX_URL_BYTES = 4096,
    SIO_REDIS_SENTINEL_PORT = 26379,
    SIO_REDIS_MAX_DATABASE = 65535, /* the server has its own limit, 16 by default */
    SIO_REDIS_MAX_PLACES = 16,
};

typedef struct sio_redis_place {
    const char *host;
    int port;
} sio_redis_place;

typedef struct sio_redis_url {
    bool tls;
    bool is_cluster; /* the places are nodes of a Redis Cluster */
    sio_redis_place places[SIO_REDIS_MAX_PLACES];
    size_t place_count;            /* to be tried in turn; 0 for a unix socket */
    const char *path;              /* of a unix socket, else NULL */
    const char *master;            /* its name: the places are sentinels; else NULL */
    const char *user;              /* NULL: none */
    const char *password;          /* NULL: none */
    const char *sentinel_user;     /* as user and password, */
    const char *sentinel_password; /* for the sentinels themselves */
    unsigned database;
    char *memory; /* own heap: holds all of the texts */
    size_t memory_bytes;
} sio_redis_url;

/* EIO_OK, EIO_E_INVALID, EIO_E_NOMEM; nothing to free unless EIO_OK. */
int sio_redis_url_parse(sio_redis_url *out, eio_slice text, eio_error *why);
void sio_redis_url_fini(sio_redis_url *url);

/* Whether it can be looked up, and looks in a log as what it is. */
bool sio_redis_is_host(const char *host);

/* The same place without user and password. @return bytes, as snprintf */
int sio_redis_url_describe(const sio_redis_url *url, char *out, size_t size);

#endif
