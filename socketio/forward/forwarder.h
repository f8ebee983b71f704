/*
 * Requests that came to a server which does not have their session are answered through the one that has it, over
 * Redis: so no balancer needs sticky sessions. One forwarder a server.
 *
 * Who has a session is asked of all, on a channel that all hear, and remembered for the requests that follow: one
 * message to each server for each session and wrong server, where a key in Redis for each session would cost each
 * client a write, most of them for nothing. From then on the two speak on a channel of each's own, its inbox.
 *
 * An exchange is one such request, at both ends (`near` is where its client is, `far` where its session is). It lives
 * until the response, or, once upgraded, until the connection ends: a tunnel carries bytes then, and no more of them
 * than WINDOW are under way in each direction, so that a slow end slows the other down as TCP does.
 *
 * Pub/sub forgets. So a link to Redis that was lost, if only for a moment, ends everything that was under way, and this
 * server goes on under a new name; to those that spoke with the old one it is dead. Servers with exchanges in common
 * say every second that they are there; who is silent for silence_ms is gone, with its exchanges.
 */
#ifndef SOCKETIO_FORWARD_FORWARDER_H
#define SOCKETIO_FORWARD_FORWARDER_H

#include <sys/queue.h>

#include "engineio/elsewhere.h"
#include "engineio/net/loop.h"
#include "engineio/net/table.h"
#include "socketio/forward/message.h"
#include "socketio/redis/bus.h"

enum {
    SIO_FORWARD_TICK_MS = 1000,
    SIO_FORWARD_REMEMBER_MS = 60 * 1000, /* who has a session, without a request for it */
    SIO_FORWARD_CLOSE_MS = 5 * 1000,     /* for tunnels, when the server closes */
    SIO_FORWARD_MAX_ASKED = 10000,       /* questions who has a session, at a time */
    /* Published and not confirmed by Redis: then messages wait in the outbox, and tunnels rest. */
    SIO_FORWARD_FLIGHT_BYTES = 2 * 1024 * 1024,
    /* In the outbox: past it Redis is too slow for what is asked of it, and all that is under way ends. */
    SIO_FORWARD_OUTBOX_BYTES = 64 * 1024 * 1024,
    SIO_FORWARD_WINDOW = 256 * 1024,
};

typedef enum sio_exchange_state {
    SIO_EXCHANGE_FINDING, /* near: nobody has said yet that the session is his */
    SIO_EXCHANGE_ASKED,   /* near: the other end has the request */
    SIO_EXCHANGE_SERVED,  /* far: here somebody answers it */
    SIO_EXCHANGE_TUNNEL,  /* both: bytes */
    SIO_EXCHANGE_N_STATES
} sio_exchange_state;

/* Another server, while there are exchanges with it. Freed by the tick alone. */
typedef struct sio_peer {
    char name[SIO_FORWARD_NAME_LEN];
    uint64_t heard_ms;
    LIST_HEAD(, sio_exchange) exchanges;
} sio_peer;

typedef struct sio_exchange {
    LIST_ENTRY(sio_exchange) link; /* of its peer, or of an owner who is looked for */
    sio_forwarder *forwarder;
    sio_peer *peer; /* NULL while the owner is looked for */
    char id[EIO_RANDOM_ID_LEN];
    uint8_t state;
    bool is_listed;
    bool is_near;
    bool has_body;      /* near: the request brings one */
    bool is_body_known; /* and it is there, or is too big */
    bool is_too_big;
    eio_late late;             /* near: passes the request on at the end of the loop pass */
    eio_buffer *body;          /* near: own; until it is sent */
    eio_http_request *request; /* NULL in a tunnel */
    eio_stream *stream;        /* of a tunnel */
    size_t untaken;            /* bytes sent that the other end has not taken */
    size_t untold;             /* bytes taken here that it does not know of */
    bool rests;                /* its stream is not read */
    size_t sid_len;            /* near */
    char sid[];
} sio_exchange;

/* A message that waits for its turn. */
typedef struct sio_posted {
    STAILQ_ENTRY(sio_posted) link;
    sio_forwarder *forwarder;
    size_t len;
    bool is_for_all;
    char to[SIO_FORWARD_NAME_LEN];
    eio_buffer *bytes; /* own; NULL once it is published */
} sio_posted;

struct sio_forwarder {
    eio_server *engine; /* borrowed; NULL once it is closed */
    eio_loop *loop;
    sio_redis_bus *bus; /* borrowed as long as the engine */
    uint64_t find_timeout_ms, silence_ms;
    size_t max_remembered;
    sio_forwarder_counters counters;
    char name[SIO_FORWARD_NAME_LEN];
    char *channel;      /* own: that of all, with room for a name behind it */
    size_t channel_len; /* of that of all */
    sio_subscription *all, *inbox;
    uint64_t links_lost; /* as the bus counted them when we last looked */
    bool has_complained; /* that Redis is away */
    const char *trouble; /* a literal: why all has to end, at the end of the loop pass */
    eio_late late;
    eio_table exchanges;             /* by id, but those that are looked for */
    eio_table peers;                 /* by name */
    eio_table owners;                /* by sid, see owners.h */
    size_t asked;                    /* of them */
    eio_deadline_queue finds, known; /* owners */
    eio_deadline_queue ticks;
    eio_deadline tick;
    eio_deadline_queue closings;
    eio_deadline closing;
    STAILQ_HEAD(, sio_posted) outbox;
    size_t outbox_bytes, flight_bytes;
    size_t in_flight; /* messages: they keep this alive */
    bool is_closing;
};

/* ---- forwarder.c ---- */

/* Has a link broken since we looked last? Then all ends, now, and it is true. */
bool sio_forwarder_look(sio_forwarder *forwarder);
/* Can others be asked, and heard? */
bool sio_forwarder_is_ready(sio_forwarder *forwarder);
/* All ends at the end of the loop pass, for a reason of our own (a literal). NULL: look then. */
void sio_forwarder_give_up(sio_forwarder *forwarder, const char *why);
/* The other server of that name, made if need be. NULL when out of memory. */
sio_peer *sio_forwarder_need_peer(sio_forwarder *forwarder, eio_slice name);
/* What is in flight has come down, nobody needs it: free it. */
void sio_forwarder_free_if_unused(sio_forwarder *forwarder);

/* ---- outbox.c ---- */

/* Send to one server, or with {NULL, 0} to all. The sender's name is filled in. In the order of the calls. */
void sio_forwarder_post(sio_forwarder *forwarder, eio_slice to, sio_forward_message draft);
/* Is Redis behind? Then tunnels rest. */
bool sio_forwarder_is_busy(const sio_forwarder *forwarder);
void sio_outbox_clear(sio_forwarder *forwarder);

/* ---- exchange.c: what both ends have in common ---- */

/* New, in no list; sid: {NULL, 0} where the session is. NULL when out of memory. */
sio_exchange *sio_exchange_new(sio_forwarder *forwarder, sio_exchange_state state, eio_slice sid);
/* Its other end is this one: into the tables. id: copied. EIO_OK, EIO_E_EXISTS, EIO_E_NOMEM. */
int sio_exchange_enter(sio_exchange *exchange, sio_peer *peer, eio_slice id);
/* Out of the list of who waits for an owner. */
void sio_exchange_unlist(sio_exchange *exchange);
void sio_exchange_set_state(sio_exchange *exchange, sio_exchange_state state);
void sio_exchange_free(sio_exchange *exchange);
/* A message to its other end. */
void sio_exchange_post(sio_exchange *exchange, sio_forward_message draft);
/* This end is gone: tell the other one, and free it. */
void sio_exchange_end(sio_exchange *exchange);
/* The other end is gone, in order. Frees it. */
void sio_exchange_handle_end(sio_exchange *exchange);
/* The other end cannot be reached any more. Frees it. */
void sio_exchange_fail(sio_exchange *exchange);

/* ---- near.c ---- */

/* The engine's hook. */
bool sio_near_take(eio_server *engine, eio_http_request *request, eio_slice sid, void *data);
/* The owner of its session is known now. */
void sio_near_go_on(sio_exchange *exchange);
/* Nobody answers for it: refuse it, and free it. */
void sio_near_refuse(sio_exchange *exchange);
/* The server closes: the client's connection, too. Frees it. */
void sio_near_drop(sio_exchange *exchange);
void sio_near_answer(sio_exchange *exchange, const sio_forward_message *message);
void sio_near_upgrade(sio_exchange *exchange);

/* ---- far.c ---- */

/* A request from there. False: it makes no sense. */
bool sio_far_open(sio_forwarder *forwarder, sio_peer *peer, const sio_forward_message *message);
void sio_far_body(sio_exchange *exchange, const sio_forward_message *message);

/* ---- tunnel.c ---- */

extern const eio_stream_handler sio_tunnel_handler;
void sio_tunnel_begin(sio_exchange *exchange, eio_stream *stream);
void sio_tunnel_feed(sio_exchange *exchange, eio_slice bytes);
void sio_tunnel_taken(sio_exchange *exchange, uint32_t bytes);
/* Redis is behind no more. */
void sio_tunnel_wake(sio_exchange *exchange);

#endif
