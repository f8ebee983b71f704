#include <assert.h>
#include <stdlib.h>

#include "engineio/http/connection_private.h"
#include "engineio/http/response.h"

void eio_http_connection_wait(eio_http_connection *connection, eio_deadline_queue *queue)
{
    if (connection->queue == queue)
        return;
    if (connection->queue != NULL)
        eio_deadline_stop(connection->queue, &connection->deadline);
    connection->queue = queue;
    if (queue != NULL)
        eio_deadline_start(queue, &connection->deadline);
}

void eio_http_connection_unref(eio_http_connection *connection)
{
    if (--connection->refs > 0)
        return;
    assert(connection->request == NULL && connection->stream == NULL);
    free(connection->kept);
    if (connection->server != NULL)
        eio_spares_give(&connection->server->spare_connections, connection);
    else
        free(connection); /* it was on its way to another loop */
}

/* Its server knows it no more; the reference that was the stream's is left to the caller. */
static void leave_server(eio_http_connection *connection)
{
    connection->stream = NULL;
    eio_http_connection_wait(connection, NULL);
    eio_late_cancel(connection->server->loop, &connection->late);
    LIST_REMOVE(connection, link);
}

void eio_http_connection_detach(eio_http_connection *connection)
{
    leave_server(connection);
    eio_http_connection_unref(connection);
}

void eio_http_connection_end_request(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;
    const eio_http_options *options = &connection->server->options;

    if (request == NULL)
        return;
    assert(request->response != EIO_HTTP_RESPONSE_ENDED);
    connection->request = NULL;
    request->response = EIO_HTTP_RESPONSE_ENDED;
    if (request->status != 0 && options->on_response != NULL)
        options->on_response(request, request->status, request->sent_bytes, options->data);
    eio_http_request_free(request);
}

/* The stream is gone, or soon will be: the request's owner hears of it, if it had been handed out. */
static void abort_request(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;

    if (request == NULL)
        return;
    connection->request = NULL;
    request->response = EIO_HTTP_RESPONSE_ENDED;
    if (request->on_abort != NULL)
        request->on_abort(request, request->abort_data);
    eio_http_request_free(request);
}

void eio_http_connection_lost(eio_stream *stream, int reason, void *data)
{
    eio_http_connection *connection = data;

    (void)stream;
    (void)reason;
    leave_server(connection);
    abort_request(connection);
    eio_http_connection_unref(connection);
}

void eio_http_connection_abort(eio_http_connection *connection)
{
    eio_stream_abort(connection->stream);
    eio_http_connection_lost(connection->stream, EIO_E_CLOSED, connection);
}

void eio_http_connection_close(eio_http_connection *connection)
{
    eio_http_connection_end_request(connection);
    eio_stream_close(connection->stream);
    eio_http_connection_detach(connection);
}

void eio_http_connection_destroy(eio_http_connection *connection)
{
    eio_http_connection_end_request(connection);
    eio_stream_abort(connection->stream);
    eio_http_connection_detach(connection);
}

void eio_http_connection_wind_up(eio_http_connection *connection)
{
    if (connection->request != NULL && connection->state != CONNECTION_HEAD)
        connection->request->keep_alive = false;
    else if (eio_stream_queued(connection->stream) > 0)
        eio_http_connection_close(connection);
    else
        eio_http_connection_destroy(connection); /* nothing is owed to it: no end is waited for */
}

void eio_http_connection_refuse(eio_http_connection *connection, int status, const char *why)
{
    eio_http_server *server = connection->server;
    eio_http_request *request = connection->request;

    eio_http_server_log(server, "http: refused with %d: %s", status, why);
    if (request == NULL || request->response != EIO_HTTP_RESPONSE_NONE) {
        eio_http_connection_abort(connection);
        return;
    }
    request->status = status;
    eio_buffer *answer = eio_http_refusal(status, eio_http_server_date(server));
    if (answer != NULL)
        (void)eio_stream_write(connection->stream, answer, eio_buffer_slice(answer));
    eio_buffer_unref(answer);
    eio_stream_close(connection->stream);
    if (server->options.on_response != NULL)
        server->options.on_response(request, status, 0, server->options.data);
    eio_http_connection_lost(connection->stream, EIO_E_CLOSED, connection);
}

static eio_http_connection *connection_of(eio_deadline *deadline)
{
    return (eio_http_connection *)((char *)deadline - offsetof(eio_http_connection, deadline));
}

void eio_http_connection_idle_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    eio_http_connection_close(connection);
}

void eio_http_connection_head_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    if (connection->request == NULL) /* it has sent nothing at all */
        connection->request = eio_http_request_new(connection, connection->server);
    eio_http_connection_refuse(connection, 408, "the head did not come in time");
}

void eio_http_connection_body_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    eio_http_connection_refuse(connection, 408, "the body did not come in time");
}

/* ---- small things ---- */

eio_http_connection *eio_http_connection_next(const eio_http_connection *connection)
{
    return LIST_NEXT(connection, link);
}

eio_stream *eio_http_connection_stream(const eio_http_connection *connection)
{
    return connection->stream;
}
