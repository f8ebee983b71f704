/*
 * The bodies of polling, in what a session's client speaks: payloads of protocol 4 or 3, as text or as bytes, bare or
 * wrapped for JSONP. Pure.
 */
#ifndef ENGINEIO_POLLING_BODY_H
#define ENGINEIO_POLLING_BODY_H

#include <stdint.h>

#include "engineio/payload.h"
#include "engineio/payload3.h"

enum { EIO_JSONP_INDEX_BYTES = 16 };

/* Settled by the request that opens the session. */
typedef struct eio_dialect {
    int protocol;     /* 4 or 3 */
    bool base64;      /* no bytes in payloads of protocol 3 */
    bool jsonp;       /* responses are scripts */
    size_t jsonp_len; /* of the index: the digits of the query's `j`, as far as they fit */
    char jsonp_index[EIO_JSONP_INDEX_BYTES];
} eio_dialect;

/*
 * Join sealed packets to a response.
 *
 * content_type: its literal. New, or NULL when out of memory.
 */
eio_buffer *eio_polling_body_encode(const eio_dialect *dialect, const eio_buffer *const *packets,
                                    size_t count, eio_slice *content_type);

/* A walk over the packets of a POST. Private inside. */
typedef struct eio_polling_body {
    int protocol;
    eio_buffer *repaired; /* own: the body, where it was not UTF-8 */
    eio_payload v4;
    eio_payload3 v3;
} eio_polling_body;

/*
 * body: changed, borrowed as long as the walk. bytes: it came as application/octet-stream, which only protocol 3 has.
 * EIO_OK, EIO_E_PROTOCOL or EIO_E_NOMEM; fini it in any case.
 */
int eio_polling_body_init(eio_polling_body *out, const eio_dialect *dialect, char *body, size_t len,
                          bool bytes);
/* 1: there is one. 0: the end. Negative: what follows is no packet. */
int eio_polling_body_next(eio_polling_body *body, eio_packet *out);
void eio_polling_body_fini(eio_polling_body *body);

#endif
