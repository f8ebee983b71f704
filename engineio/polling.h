/*
 * HTTP long-polling (Engine.IO protocol v4): a GET waits until there is something to send, and is answered at the end
 * of the loop pass with all that is queued by then; a POST brings packets. At most one of each at a time. Exists while
 * its session is on polling. Expected load: thousands, two requests a message each.
 */
#ifndef ENGINEIO_POLLING_H
#define ENGINEIO_POLLING_H

#include "engineio/polling_body.h"
#include "engineio/session.h"

typedef struct eio_polling eio_polling;

/* New; NULL when out of memory. dialect: copied. */
eio_polling *eio_polling_new(eio_session *session, const eio_dialect *dialect);
void eio_polling_free(eio_polling *polling);

/* A request for this session; gone or kept when these return. */
void eio_polling_handle_get(eio_polling *polling, eio_http_request *request);
void eio_polling_handle_post(eio_polling *polling, eio_http_request *request);
/* Answer the request that opens the session: the open packet, and what options.initial_packet adds. */
int eio_polling_open(eio_polling *polling, eio_http_request *request, eio_buffer *open);

/* Queue a sealed packet (shared). EIO_OK, EIO_E_BACKLOG, EIO_E_NOMEM. */
int eio_polling_queue(eio_polling *polling, eio_buffer *packet);
/* Bytes that are queued. */
size_t eio_polling_queued(const eio_polling *polling);
/* A GET waits, and nothing is queued. */
bool eio_polling_is_waiting(const eio_polling *polling);
/* For a probe: let a waiting GET return empty-handed, so that the client can stop polling. */
void eio_polling_release(eio_polling *polling);

/* The session closes in order: the client has so long to fetch what is queued, and the news. */
void eio_polling_start_close_wait(eio_polling *polling);
/* The session ends: answer or destroy what is pending. */
void eio_polling_drop(eio_polling *polling, eio_reason reason);
/* The session is on WebSocket now: send what is queued there, and free this. */
void eio_polling_leave(eio_polling *polling, eio_session *session);

/* The queue's callback. */
void eio_polling_handle_close_wait(eio_deadline *deadline);

#endif
