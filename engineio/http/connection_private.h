/*
 * The inside of a connection, for the two files that make it: connection.c parses, connection_end.c knows the ways in
 * which requests and connections end.
 */
#ifndef ENGINEIO_HTTP_CONNECTION_PRIVATE_H
#define ENGINEIO_HTTP_CONNECTION_PRIVATE_H

#include "engineio/http/server.h"

typedef enum connection_state {
    CONNECTION_IDLE,      /* no byte of a request */
    CONNECTION_HEAD,      /* some bytes of a head */
    CONNECTION_BODY,      /* the head is complete, its message is not */
    CONNECTION_ANSWERING, /* the message is complete */
    CONNECTION_N_STATES
} connection_state;

struct eio_http_connection {
    eio_http_server *server;
    eio_stream *stream;        /* NULL once it is gone: this then dies with its last reference */
    eio_http_request *request; /* NULL when idle, and while the rest of a body is skipped */
    LIST_ENTRY(eio_http_connection) link;
    eio_late late;
    eio_deadline deadline;
    eio_deadline_queue *queue; /* that the deadline is in; may be NULL */
    const char *at, *end; /* input that is not parsed: in `kept`, or in the loop's read buffer */
    char *kept;           /* own: input that has to wait */
    size_t head_bytes;
    int64_t framing_bytes; /* of a body, beyond what plain chunks need */
    int refusal;           /* status, of a callback of the parser that failed; 0: none */
    uint8_t state;
    uint8_t refs;
    char last;    /* byte of the head that was parsed */
    bool in_name; /* a header's name is not complete */
    bool running; /* run is at work up the stack */
};

/* Wait in this queue, and in no other; NULL: in none. */
void eio_http_connection_wait(eio_http_connection *connection, eio_deadline_queue *queue);
/* A reference is given back; the last one frees. */
void eio_http_connection_unref(eio_http_connection *connection);
/*
 * The stream is not ours any more: gives back the reference that it held. Without one of its own, the caller must not
 * touch the connection again.
 */
void eio_http_connection_detach(eio_http_connection *connection);
/* Its stream is gone to another loop: out of its server, with its request. */
void eio_http_connection_uproot(eio_http_connection *connection);
/* The opposite: into a server, with the stream that it has there. */
void eio_http_connection_settle(eio_http_connection *connection, eio_http_server *server,
                                eio_stream *stream);
/* The request ends, by a response or without one. */
void eio_http_connection_end_request(eio_http_connection *connection);
/* The response is sent: no more requests. */
void eio_http_connection_close(eio_http_connection *connection);
/* What came cannot be accepted: a complete answer, if there is none yet, and the end. */
void eio_http_connection_refuse(eio_http_connection *connection, int status, const char *why);
/* The stream's on_close. */
void eio_http_connection_lost(eio_stream *stream, int reason, void *data);

#endif
