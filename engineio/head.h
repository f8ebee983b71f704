/*
 * The first request of a session, kept for the session's life: what a service reads as the handshake. There is one per
 * client, so it stands behind the session in the same piece of heap, exactly as large as it must be; and headers that
 * are the same for many clients (browsers of one version, on one site), and a URL that says no more than transport and
 * protocol, are kept once for all of them.
 */
#ifndef ENGINEIO_HEAD_H
#define ENGINEIO_HEAD_H

#include "engineio/http.h"
#include "engineio/intern.h"

/* The bytes are the sid, the address, an own url, then the length-prefixed headers that are this client's own. */
typedef struct eio_head {
    eio_interned *common; /* the other headers; a reference */
    eio_interned *url;    /* a reference; NULL: it has its own */
    uint16_t own_bytes;   /* all fit: the limits of HTTP heads are below 64 KiB */
    uint16_t url_len;     /* of an own one */
    uint8_t sid_len;
    uint8_t address_len : 7;
    bool secure : 1;
    char bytes[];
} eio_head;

/* How many bytes the head of this request takes. */
size_t eio_head_size(const eio_http_request *request, eio_slice sid);
/* Fill a piece of that size. The sid is copied. EIO_OK or EIO_E_NOMEM. */
int eio_head_init(eio_head *head, const eio_http_request *request, eio_slice sid,
                  eio_intern_pool *pool);
void eio_head_fini(eio_head *head);

/* All borrowed from the head. */
eio_slice eio_head_sid(const eio_head *head);
eio_slice eio_head_url(const eio_head *head);
eio_slice eio_head_query(const eio_head *head);
eio_slice eio_head_address(const eio_head *head);
bool eio_head_is_secure(const eio_head *head);
/* Names are in lower case. False past the last. */
bool eio_head_header_at(const eio_head *head, size_t index, eio_slice *name, eio_slice *value);

#endif
