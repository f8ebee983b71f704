#include "engineio/elsewhere.h"

#include <assert.h>

#include "engineio/http_reply.h"
#include "engineio/request.h"
#include "engineio/server.h"
#include "engineio/session.h"

void eio_server_set_elsewhere(eio_server *server, const eio_elsewhere *elsewhere, void *data)
{
    assert(server->elsewhere == NULL && !server->is_closing);
    server->elsewhere = elsewhere;
    server->elsewhere_data = data;
}

bool eio_server_has_elsewhere(const eio_server *server)
{
    return server->elsewhere != NULL;
}

bool eio_server_knows(eio_server *server, eio_slice sid)
{
    return eio_request_find_session(server, sid) != NULL;
}

/* What others may send here are requests of sessions, never those that open one. */
void eio_server_serve_far(eio_server *server, eio_http_request *request)
{
    eio_request_query query;

    eio_request_read_query(server, request, &query);
    if (query.sid_len == 0)
        eio_reply_refusal(server, request, EIO_BAD_REQUEST, NULL, "name: TRANSPORT_MISMATCH");
    else
        eio_request_verify(server, request, eio_request_is_upgrade(server, request));
}

void eio_server_refuse_stray(eio_server *server, eio_http_request *request)
{
    eio_reply_refusal(server, request, EIO_UNKNOWN_SID, NULL, "sid");
}

size_t eio_server_max_payload(const eio_server *server)
{
    return server->options.max_payload_bytes;
}

void eio_server_log_line(eio_server *server, char level, const char *line)
{
    eio_server_log(server, level, "%s", line);
}
