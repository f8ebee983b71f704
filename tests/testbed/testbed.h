/*
 * The server that suites, benchmarks and fuzzers drive: its options, and what a contract adds to
 * it.
 */
#ifndef TESTS_TESTBED_TESTBED_H
#define TESTS_TESTBED_TESTBED_H

#include "socketio/metrics.h"

typedef struct testbed testbed;

/* A number that is 0 was not given: the contract's default holds. */
typedef struct testbed_options {
    const struct testbed_contract *contract;
    const char *host;
    const char *path;
    const char *cors;
    const char *client_dir;
    const char *tls_cert; /* NULL: no TLS */
    const char *tls_key;
    const char *tls_client_ca;
    const char *tls_more_cert; /* of a second host */
    const char *tls_more_key;
    const char *trusted_proxies;
    const char *tls_min;   /* "1.2" or "1.3" */
    const char *redis;     /* URL; NULL: a server alone */
    const char *adapter;   /* NULL: redis */
    const char *redis_key; /* NULL: socket.io */
    uint64_t port;
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t connect_timeout_ms;
    uint64_t upgrade_timeout_ms;
    uint64_t headers_timeout_ms;
    uint64_t request_timeout_ms;
    uint64_t grace_ms;
    uint64_t max_payload_bytes;
    uint64_t max_buffered_bytes;
    uint64_t max_connections;
    uint64_t workers;
    uint64_t tls_timeout_ms;
    uint64_t recovery_ms; /* 0: no recovery */
    uint64_t stream_count;
    unsigned transports; /* EIO_TRANSPORT_… */
    bool allow_eio3;
    bool deflate;
    bool msgpack; /* the parser */
    bool private_answers;
    bool forward;
} testbed_options;

typedef struct testbed_contract {
    const char *name;
    testbed_options defaults;
    /* An Engine.IO server of its own on /engine.io/: what makes it special; NULL: there is none. */
    void (*adjust_engine)(eio_options *options);
    void (*adjust)(sio_options *options); /* NULL: nothing to change */
    int (*set_up)(testbed *bed);          /* NULL: no Socket.IO server */
    int (*set_up_other)(testbed *bed);    /* NULL: no second one */
} testbed_contract;

struct testbed {
    testbed_options options;
    uv_loop_t *loop;
    sio_worker *worker; /* NULL: there is but one loop */
    eio_http_server *http;
    eio_server *engine; /* NULL: none */
    sio_server *io;
    sio_server *other;         /* a second one, on /other/; NULL: none */
    struct sio_redis_bus *bus; /* NULL: none */
    sio_metrics *metrics;
    eio_buffer *reasons; /* who left, and why: a JSON list without its end; NULL: nobody */
};

extern const testbed_contract contract_client;
extern const testbed_contract contract_engine_client;
extern const testbed_contract contract_protocol;
extern const testbed_contract contract_load;
extern const testbed_contract contract_api;

/* Register the middlewares of contract `api`. EIO_OK or EIO_E_NOMEM. */
int testbed_use_steps(testbed *bed);
/* Call run(what) in a moment. */
void testbed_later(const testbed *bed, void (*run)(void *what), void *what);

/* Sessions of the Engine.IO server get back what they send. */
void testbed_send_back(eio_options *options);

/* Read the command line. On failure a line on stderr has said why. */
bool testbed_options_parse(testbed_options *options, int argc, char **argv);

/* Make the links that the options name, and set the adapter. */
int testbed_redis_open(testbed *bed, sio_options *options, eio_error *why);
/* Forward over those links, if the options say so. */
int testbed_forward(testbed *bed, eio_error *why);
/* Once the server is closed; calls back at once if there are none. */
void testbed_redis_close(testbed *bed, void (*on_closed)(void *data), void *data);
/* NULL: ready, or there are none. */
const char *testbed_redis_trouble(const testbed *bed);

/* The certificates that the options name. NULL if they name none. */
int testbed_tls_new(eio_tls **out, const testbed_options *options, eio_error *why);

/* Handlers of more than one contract: a list that ends with a NULL handler. */
typedef struct testbed_event {
    const char *name;
    sio_event_cb *handler;
} testbed_event;

/* Register all on the main namespace, the testbed as their data. EIO_OK or EIO_E_NOMEM. */
int testbed_on(testbed *bed, const testbed_event *events);

/* Append `"name":value` to an object under construction, with a comma unless it is the first. */
int testbed_append_member(eio_buffer **json, eio_slice name, eio_slice value);
/* Append the headers that `at` walks as an object. */
int testbed_append_headers(eio_buffer **json,
                           bool (*at)(const void *from, size_t index, eio_slice *name,
                                      eio_slice *value),
                           const void *from);

/* Add the event `reasons`. EIO_OK or EIO_E_NOMEM. */
int testbed_note_reasons(testbed *bed);

/* An argument; an empty slice if there are not so many. */
eio_slice testbed_argument(sio_event *event, size_t index);
/* All arguments from one on, with the event's attachments. */
sio_args testbed_arguments_from(sio_event *event, size_t index);
/* The value of a string, or a number's digits. out: decoded to if need be. */
eio_slice testbed_text(eio_slice json, char *out, size_t size);
/* A whole number of at most 9 digits, else 0. */
size_t testbed_number(eio_slice json);
/* Write a number as JSON. */
eio_slice testbed_print(char out[24], uint64_t value);

#endif
