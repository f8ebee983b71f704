/* The inside of an Engine.IO server, for the files that make it up: one per mount, shared by all its sessions. */
#ifndef ENGINEIO_SERVER_H
#define ENGINEIO_SERVER_H

#include "engineio/engineio.h"
#include "engineio/http/compress.h"
#include "engineio/intern.h"
#include "engineio/net/loop.h"
#include "engineio/net/table.h"

/* Packets that are the same for every client, sealed once. */
typedef struct eio_packets {
    eio_buffer *ping, *pong, *probe_answer, *noop, *close;
    eio_buffer *initial; /* options.initial_packet; NULL: none */
    eio_buffer *ok;      /* not a packet: the answer to a POST */
} eio_packets;

struct eio_server {
    eio_loop *loop;
    eio_http_server *http;    /* borrowed */
    eio_options options;      /* its texts are own, see options.h */
    char *path;               /* own; with its trailing slash, if it has one */
    eio_table sessions;       /* by sid; a reference each */
    eio_intern_pool *headers; /* of their first requests */
    eio_packets packets;
    eio_compressor compressor; /* of polling replies */
    eio_counters counters;
    const struct eio_family *family; /* NULL: it stands alone */
    void *family_data;
    const struct eio_elsewhere *elsewhere; /* NULL: what is not here is nowhere */
    void *elsewhere_data;
    const eio_session *receiving; /* whose POST is being read, and that */
    const eio_http_request *post;
    eio_deadline_queue ping_intervals, ping_timeouts; /* sessions */
    eio_deadline_queue silences;                      /* sessions of protocol 3 */
    eio_deadline_queue upgrade_timeouts, upgrade_releases;
    eio_deadline_queue close_waits; /* closing sessions on polling */
    eio_deadline_queue ending;      /* sessions whose on_close is due */
    eio_deadline_queue closings;    /* the server itself, once it is being closed */
    eio_deadline closed;            /* in `closings` */
    TAILQ_HEAD(, eio_handshake) handshakes;
    TAILQ_HEAD(, eio_step) steps;       /* requests in the middlewares */
    struct eio_middleware *middlewares; /* own heap */
    size_t middleware_count;
    void (*on_closed)(void *data);
    void *closed_data;
    bool is_closing;
    bool is_closed; /* all that is left to wait for are sessions */
};

enum {
    EIO_UPGRADE_RELEASE_MS = 100
}; /* how often a probe makes room for the client to stop polling */

/* Log one line, if anybody wants it. */
void eio_server_log(eio_server *server, char level, const char *format, ...) EIO_PRINTF(3, 4);

#endif
