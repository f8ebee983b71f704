/*
 * Answers that are gathered from many clients or servers until all are there or time is over:
 * broadcast acknowledgements, replies to server-side events, sockets that were asked for, or how many there are. The
 * application is called once, from the loop. An adapter that asks other servers holds a reference,
 * and a hold for each server that has not reported.
 */
#ifndef SOCKETIO_GATHER_H
#define SOCKETIO_GATHER_H

#include <sys/queue.h>

#include "socketio/ack.h"
#include "socketio/adapter.h"

enum { SIO_GATHER_DEFAULT_MS = 5000 };

/* Answers are passed on as they come, to another server that asked. */
typedef struct sio_gather_relay {
    /* All have been asked: so many receivers. Once. */
    void (*on_count)(size_t count, void *data);
    /* args: borrowed, one or none. */
    void (*on_response)(sio_args args, void *data);
    /* The last call. */
    void (*on_end)(void *data);
} sio_gather_relay;

struct sio_gather {
    sio_namespace *nsp;
    TAILQ_ENTRY(sio_gather) link; /* of the server's running or ended ones */
    sio_timeout timeout;
    sio_ack_siblings siblings; /* the receivers of this server that have not answered */
    void (*finish)(sio_gather *gather);
    union {
        sio_responses_cb *on_responses;
        sio_found_cb *on_found;
        sio_count_cb *on_count;
        const sio_gather_relay *relay;
    } call;
    void *data;
    /* Answers are passed on as they come, to whoever asked from another worker; NULL: they are not. */
    void (*pass)(sio_gather *gather, const void *item);
    void **items; /* own heap: what came, blocks that free_item frees */
    void (*free_item)(void *item);
    size_t count;
    size_t capacity;
    size_t expected;
    size_t number;  /* of sockets, where these are only counted */
    unsigned holds; /* servers that have not reported */
    unsigned refs;
    int status;
    bool is_ended;
    bool is_relay;
    bool is_counting;
};

typedef TAILQ_HEAD(sio_gathers, sio_gather) sio_gathers;

/*
 * Held once: sio_gather_release it when all have been asked. timeout_ms: not 0. EIO_OK or
 * EIO_E_NOMEM.
 */
int sio_gather_new_responses(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                             sio_responses_cb *callback, void *data);
int sio_gather_new_found(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         sio_found_cb *callback, void *data);
/* What is added as found is only counted. */
int sio_gather_new_count(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         sio_count_cb *callback, void *data);
int sio_gather_new_relay(sio_gather **out, sio_namespace *nsp, uint64_t timeout_ms,
                         const sio_gather_relay *relay, void *data);
/* How long others have for an answer where the call says nothing. */
uint64_t sio_gather_default_ms(const sio_namespace *nsp);
/* Nobody could be asked: it ends without a callback. */
void sio_gather_cancel(sio_gather *gather);
/* Everybody is asked, or could not be: release it, or cancel. Returns rc. */
int sio_gather_asked(sio_gather *gather, int rc);

/* One block, with a reference to its socket: free() it. NULL when out of memory. */
sio_found_socket *sio_found_copy(const sio_found_socket *from);

/* Call back those that have ended. From the loop. */
void sio_gathers_run_ended(sio_server *server);
/* Whether one runs in this namespace. */
bool sio_gathers_has(const sio_server *server, const sio_namespace *nsp);
/* The server closes: all that run end. */
void sio_gathers_end_all(sio_server *server);

#endif
