#include "engineio/http/handover.h"

#include <stdlib.h>

#include "engineio/http/admission.h"
#include "engineio/http/connection_private.h"
#include "engineio/net/handover.h"

struct eio_http_traveller {
    eio_http_connection *connection; /* own, with its request */
    eio_detached stream;             /* own */
};

typedef struct departure {
    eio_late late;
    eio_http_request *request;
    void (*on_gone)(eio_http_traveller *, void *);
    void *data;
} departure;

/* ---- leaving ---- */

static void finish(departure *leaving, eio_http_traveller *traveller)
{
    void (*on_gone)(eio_http_traveller *, void *) = leaving->on_gone;
    void *data = leaving->data;

    free(leaving);
    on_gone(traveller, data);
}

static void handle_abort(eio_http_request *request, void *data)
{
    departure *leaving = data;

    eio_late_cancel(request->server->loop, &leaving->late);
    finish(leaving, NULL);
}

static void handle_drain(eio_http_request *request)
{
    departure *leaving = request->abort_data;

    eio_late_add(request->server->loop, &leaving->late);
}

static eio_http_traveller *pack(eio_http_connection *connection)
{
    eio_http_traveller *traveller = malloc(sizeof(*traveller));

    if (traveller == NULL)
        return NULL;
    eio_stream_detach(&traveller->stream, connection->stream);
    traveller->connection = connection;
    eio_http_connection_uproot(connection);
    return traveller;
}

/* Late: no callback of the stream is under way, so it can go. */
static void run_late(eio_late *late)
{
    departure *leaving = (departure *)((char *)late - offsetof(departure, late));
    eio_http_request *request = leaving->request;
    eio_http_connection *connection = request->connection;

    if (!eio_stream_is_quiet(connection->stream))
        return; /* an earlier response: handle_drain comes */
    request->on_drain = NULL;
    eio_http_on_abort(request, NULL, NULL);
    eio_http_traveller *traveller = pack(connection);
    if (traveller == NULL)
        eio_http_destroy(request);
    finish(leaving, traveller);
}

int eio_http_depart(eio_http_request *request, void (*on_gone)(eio_http_traveller *, void *),
                    void *data)
{
    departure *leaving = calloc(1, sizeof(*leaving));

    if (leaving == NULL)
        return EIO_E_NOMEM;
    leaving->late.run = run_late;
    leaving->request = request;
    leaving->on_gone = on_gone;
    leaving->data = data;
    eio_buffer_unref(request->lines);
    request->lines = NULL;
    eio_http_on_abort(request, handle_abort, leaving);
    request->on_drain = handle_drain;
    eio_late_add(request->server->loop, &leaving->late);
    return EIO_OK;
}

/* ---- arriving ---- */

static void free_connection(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;

    connection->request = NULL;
    request->response = EIO_HTTP_RESPONSE_ENDED;
    eio_http_request_free(request);
    eio_http_connection_unref(connection);
}

void eio_http_traveller_free(eio_http_traveller *traveller)
{
    if (traveller == NULL)
        return;
    eio_detached_close(&traveller->stream);
    free_connection(traveller->connection);
    free(traveller);
}

void eio_http_arrive(eio_http_server *server, eio_http_traveller *traveller)
{
    eio_http_connection *connection = traveller->connection;
    eio_listener *listener = eio_http_server_listener(server);
    eio_stream *stream;

    if (server->closed || listener == NULL) {
        eio_http_traveller_free(traveller);
        return;
    }
    int rc = eio_listener_adopt(&stream, listener, &traveller->stream);
    free(traveller);
    if (rc == EIO_OK && !eio_http_server_admit(server, stream)) {
        eio_stream_abort(stream);
        rc = EIO_E_LIMIT;
    }
    if (rc != EIO_OK) {
        free_connection(connection);
        return;
    }
    eio_http_connection_settle(connection, server, stream);
    eio_http_server_dispatch(server, connection->request);
}
