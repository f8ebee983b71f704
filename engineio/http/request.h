/*
 * One request and its response. Its head stands in one piece, in the request if it is small; the headers are offsets
 * into it, found by a linear look (there are 100 at most, and no hash that a peer could attack). The lines of
 * the response's head gather in a second piece. Expected load: one or two per polling client.
 *
 * A request ends in exactly one of: response, destruction, upgrade, abort. eio_http_request_end is the one door out,
 * and asserts it.
 */
#ifndef ENGINEIO_HTTP_REQUEST_H
#define ENGINEIO_HTTP_REQUEST_H

#include "engineio/http.h"

struct eio_http_connection;

enum { EIO_HTTP_MAX_PARAMS = 8, EIO_HTTP_FIRST_HEAD_BYTES = 1024, EIO_HTTP_FIRST_HEADERS = 16 };

typedef struct eio_http_header_entry {
    uint32_t name;
    uint32_t name_len;
    uint32_t value;
    uint32_t value_len;
} eio_http_header_entry;

typedef enum eio_http_body_mode {
    EIO_HTTP_BODY_UNDECIDED, /* nobody asked for it yet: it waits */
    EIO_HTTP_BODY_WHOLE,
    EIO_HTTP_BODY_PIECES,
    EIO_HTTP_BODY_DELIVERED, /* told its end, or its excess */
} eio_http_body_mode;

typedef enum eio_http_response_state {
    EIO_HTTP_RESPONSE_NONE,
    EIO_HTTP_RESPONSE_STREAMING,
    EIO_HTTP_RESPONSE_ENDED, /* in on_abort and on_response: nothing can be sent any more */
} eio_http_response_state;

typedef struct eio_http_param {
    eio_slice name;  /* borrowed from the route */
    eio_slice value; /* decoded, in the request's param_text */
} eio_http_param_entry;

typedef void eio_http_body_callback(eio_http_request *, int status, eio_slice bytes, void *);

struct eio_http_request {
    struct eio_http_connection *connection; /* borrowed; has this as its current request */
    struct eio_http_far
        *far; /* own; NULL unless its client is elsewhere: then there is no connection */
    eio_http_server *server; /* borrowed: outlives its connections */

    char *head; /* the target, then names and values: first_head, or own heap */
    size_t head_len;
    size_t head_capacity;
    size_t target_len;
    eio_http_header_entry *headers; /* first_headers, or own heap */
    size_t header_count;
    size_t header_capacity;
    const char *method; /* a literal; NULL until the head is complete */
    uint64_t content_length;
    char *param_text; /* own */
    eio_http_param_entry params[EIO_HTTP_MAX_PARAMS];
    size_t param_count;
    bool http10;
    bool is_upgrade;
    bool has_body;
    bool expects_continue; /* and was not told to */
    bool keep_alive;       /* both sides want to */

    eio_http_body_mode body_mode;
    size_t body_max;
    size_t body_seen;
    eio_buffer *body; /* own; of mode WHOLE */
    eio_http_body_callback *on_body;
    void *body_data;

    eio_http_response_state response;
    eio_buffer *lines; /* own: header lines of the response; NULL: none yet */
    size_t sent_bytes; /* of its body */
    int status;
    bool head_only; /* HEAD, 204, 304: no body */
    bool chunked;
    bool broken; /* a piece could not be queued: the connection ends with it */

    void (*on_abort)(eio_http_request *, void *);
    void *abort_data;
    void (*on_drain)(eio_http_request *); /* files.c: all that was queued is with the kernel */
    void *data;
    eio_http_header_entry
        first_headers[EIO_HTTP_FIRST_HEADERS]; /* from here on nothing is zeroed */
    char first_head[EIO_HTTP_FIRST_HEAD_BYTES];
};

/* New, with an empty head; NULL when out of memory. */
eio_http_request *eio_http_request_new(struct eio_http_connection *connection,
                                       eio_http_server *server);
/* The only way out: frees it. Its response has ended. */
void eio_http_request_free(eio_http_request *request);

/* Gather the head, in pieces as they come. EIO_OK, EIO_E_TOO_BIG or EIO_E_NOMEM. */
int eio_http_request_add_target(eio_http_request *request, eio_slice piece, size_t most);
/* begin: the piece begins a new header. EIO_E_LIMIT: too many. */
int eio_http_request_add_name(eio_http_request *request, eio_slice piece, bool begin, size_t most);
int eio_http_request_add_value(eio_http_request *request, eio_slice piece);
/* Take away blanks behind values (RFC 9112 §5.1). */
void eio_http_request_trim(eio_http_request *request);

/* The connection closes behind the response: after a refused upgrade the peer has nothing more to say. */
static inline void eio_http_close_after(eio_http_request *request)
{
    request->keep_alive = false;
}

/* Whether two names of headers are the same, in any case. */
bool eio_http_same_name(eio_slice a, eio_slice b);
/* How many headers have this name. */
size_t eio_http_request_count(const eio_http_request *request, const char *name);

/* A body's piece, and its end. The request may be gone afterwards. */
void eio_http_request_feed_body(eio_http_request *request, eio_slice piece);
void eio_http_request_end_body(eio_http_request *request);
void eio_http_request_fail_body(eio_http_request *request, int status);

#endif
