/*
 * What a server asks the others of its cluster: how many there are, then the question, then as many answers as there
 * are servers. Each request belongs to a gathering, whose time is its time; entries whose gathering has ended are swept
 * when the next one is made. Expected load: a few at a time, hundreds under stress.
 */
#ifndef SOCKETIO_ADAPTER_REQUESTS_H
#define SOCKETIO_ADAPTER_REQUESTS_H

#include <sys/queue.h>

#include "socketio/adapter.h"
#include "socketio/redis/bus.h"

typedef enum sio_request_kind {
    SIO_REQUEST_FETCH,
    SIO_REQUEST_REPLIES, /* to a server-side event */
    SIO_REQUEST_ACKS,    /* of clients: each server reports how many there will be */
} sio_request_kind;

enum { SIO_REQUEST_ID_MAX = 16 };

typedef struct sio_request {
    TAILQ_ENTRY(sio_request) link;
    sio_request_kind kind;
    char id[SIO_REQUEST_ID_MAX];
    size_t id_len;
    sio_gather *gather;  /* a reference and a hold, until all have reported */
    eio_buffer *message; /* own; NULL: it has left */
    bool is_counted;     /* how many servers there are is known */
    bool is_released;
    size_t expected; /* other servers */
    size_t reported;
} sio_request;

/* How the members are counted, and where the question goes. Borrowed as long as the requests. */
typedef struct sio_request_way {
    sio_redis_bus *bus;
    bool is_sharded;   /* the channels are shard channels */
    eio_slice counted; /* the channel that each member listens to once */
    eio_slice command; /* PUBLISH or SPUBLISH */
    eio_slice channel;
} sio_request_way;

typedef struct sio_requests {
    sio_request_way way;
    TAILQ_HEAD(, sio_request) list;
    TAILQ_HEAD(, sio_member_count) counts; /* questions to Redis that are under way */
} sio_requests;

/* The way is set before the first question. */
void sio_requests_init(sio_requests *requests);
/* All of them are forgotten; gatherings go on until their time is over. */
void sio_requests_fini(sio_requests *requests);

/*
 * Ask, once the members are counted; nobody is asked where there is nobody else.
 *
 * id: at most SIO_REQUEST_ID_MAX. message: taken, also on failure. at_once: it is sent before the members are counted.
 * EIO_OK; EIO_E_UNAVAILABLE: Redis is away; EIO_E_NOMEM.
 */
int sio_request_ask(sio_requests *requests, sio_request_kind kind, eio_slice id, sio_gather *gather,
                    eio_buffer *message, bool at_once);
/* Borrowed; NULL: nobody waits for that any more, or it was asked for something else. */
sio_request *sio_request_find(const sio_requests *requests, eio_slice id, sio_request_kind kind);
/* One of the servers has reported. */
void sio_request_report(sio_request *request);

#endif
