/*
 * The first request of a session, kept for the session's life: what a service reads as the handshake. One piece of heap
 * of exactly the size it needs, since there is one per client.
 */
#ifndef ENGINEIO_HEAD_H
#define ENGINEIO_HEAD_H

#include "engineio/http.h"

typedef struct eio_head eio_head;

/* New; NULL when out of memory. The sid is copied in front. */
eio_head *eio_head_new(const eio_http_request *request, eio_slice sid);
void eio_head_free(eio_head *head);

/* All borrowed from the head. */
eio_slice eio_head_sid(const eio_head *head);
eio_slice eio_head_url(const eio_head *head);
eio_slice eio_head_query(const eio_head *head);
eio_slice eio_head_address(const eio_head *head);
bool eio_head_is_secure(const eio_head *head);
/* Names are in lower case. False past the last. */
bool eio_head_header_at(const eio_head *head, size_t index, eio_slice *name, eio_slice *value);

#endif
