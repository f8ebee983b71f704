/*
 * From an HTTP request under the server's path to the session or the refusal that it gets: the order of the checks is
 * part of the protocol (Engine.IO protocol v4, as Node's server has it).
 */
#ifndef ENGINEIO_REQUEST_H
#define ENGINEIO_REQUEST_H

#include "engineio/engineio.h"
#include "engineio/polling_body.h"

enum { EIO_MOST_SID_BYTES = 64 };

/* What the query says. */
typedef struct eio_request_query {
    unsigned transport; /* EIO_TRANSPORT_…, 0: none that is allowed */
    eio_dialect dialect;
    size_t sid_len; /* 0: absent */
    char sid[EIO_MOST_SID_BYTES];
} eio_request_query;

void eio_request_read_query(const eio_server *server, const eio_http_request *request,
                            eio_request_query *query);

/* Whose request it is. Borrowed; NULL: a session that is ending is unknown already. */
eio_session *eio_request_find_session(eio_server *server, eio_slice sid);

/* A request that the middlewares let pass: its session, or the refusal that it gets. */
void eio_request_verify(eio_server *server, eio_http_request *request, bool is_upgrade);

/* The mount's callbacks; data is the server. */
void eio_request_handle(eio_http_request *request, void *data);
void eio_request_handle_upgrade(eio_http_request *request, void *data);

/* Whether it goes to WebSocket; without that transport there are no upgrades, only plain requests. */
bool eio_request_is_upgrade(const eio_server *server, const eio_http_request *request);

#endif
