/*
 * Requests that another server answers than the one whose client sent them. The parts cross over as bytes, by whatever
 * carries them. Here, where the client is, the request waits for a response that was made elsewhere, or becomes a
 * stream on which somebody else speaks. There, where it is answered, it is a request like any other, but without a
 * connection: what is done to it calls its handler, once, and it is gone. Expected load: two a message for clients
 * that poll through a balancer that does not know them.
 */
#ifndef ENGINEIO_HTTP_FAR_H
#define ENGINEIO_HTTP_FAR_H

#include "engineio/http.h"

/* What crosses over of a request's head. Lines are headers as they stand in a message, each ended by CR LF. */
typedef struct eio_http_far_head {
    eio_slice method;
    eio_slice target;
    eio_slice address; /* the client's, as trusted proxies name it */
    eio_slice headers; /* lines */
    eio_slice lines;   /* that the response has already: CORS, middlewares */
    bool is_secure;
    bool is_upgrade;
} eio_http_far_head;

/* ---- where the client is ---- */

/*
 * Describe a request without what is its client's secret and nobody's business there: Cookie, Authorization and
 * Proxy-Authorization. text: new, holds what out borrows beside the request itself. EIO_OK or EIO_E_NOMEM.
 */
EIO_PRIVATE int eio_http_far_describe(eio_http_far_head *out, eio_buffer **text,
                                      const eio_http_request *request);
/*
 * Respond with what was made there. lines: instead of those that it has. body: shared, may be NULL. As
 * eio_http_respond; EIO_E_INVALID for lines or a status that cannot be: the connection closes.
 */
EIO_PRIVATE int eio_http_far_deliver(eio_http_request *request, int status, eio_slice lines,
                                     eio_buffer *body, bool keep_alive);
/* Somebody else answers the upgrade: the bare connection. As eio_http_upgrade, but nothing is sent. */
EIO_PRIVATE eio_stream *eio_http_far_open(eio_http_request *request,
                                          const eio_stream_handler *handler, void *data);

/* ---- where it is answered ---- */

/* Static table. The request is gone when one of them returns; slices and the body are borrowed until then. */
typedef struct eio_http_far_handler {
    void (*on_response)(int status, eio_slice lines, eio_slice body, bool keep_alive, void *data);
    /* It was upgraded, and that is what the other end wrote on. stream: taken, its handler is to be set. */
    void (*on_upgrade)(eio_stream *stream, void *data);
    /* Its connection would have been closed. */
    void (*on_drop)(void *data);
} eio_http_far_handler;

/* New: give it to who answers it. NULL: a head that no client could have sent, or out of memory. */
EIO_PRIVATE eio_http_request *eio_http_far_new(eio_http_server *server,
                                               const eio_http_far_head *head,
                                               const eio_http_far_handler *handler, void *data);
/* Its body, or why there is none: EIO_E_TOO_BIG, EIO_E_NOMEM. bytes: copied. Ignored if nobody waits for it. */
EIO_PRIVATE void eio_http_far_feed(eio_http_request *request, int status, eio_slice bytes);
/* Whether a request was made so. */
bool eio_http_is_far(const eio_http_request *request);
/* Its client is gone. No handler is called. */
EIO_PRIVATE void eio_http_far_abort(eio_http_request *request);

/* ---- for the request's other files ---- */

typedef struct eio_http_far {
    const eio_http_far_handler *handler;
    void *data;
    bool is_secure;
    size_t method_len, address_len;
    char text[]; /* the method with a NUL, the address */
} eio_http_far;

static inline eio_slice eio_http_far_address(const eio_http_far *far)
{
    return (eio_slice){ far->text + far->method_len + 1, far->address_len };
}

void eio_http_far_respond(eio_http_request *request, int status, eio_slice body);
void eio_http_far_drop(eio_http_request *request);
/* head: that of the 101. As eio_http_upgrade. */
eio_stream *eio_http_far_upgrade(eio_http_request *request, eio_buffer *head,
                                 const eio_stream_handler *handler, void *data);

#endif
