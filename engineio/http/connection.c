#include "engineio/http/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include <llhttp.h>

#include "engineio/http/response.h"
#include "engineio/http/server.h"
#include "engineio/limits.h"
#include "engineio/net/stream_private.h"

/* A chunk's own framing: 16 digits and two line ends. What goes beyond is extensions and trailers. */
enum { CHUNK_FRAMING_BYTES = 20 };

typedef enum connection_state {
    CONNECTION_IDLE,      /* no byte of a request */
    CONNECTION_HEAD,      /* some bytes of a head */
    CONNECTION_BODY,      /* the head is complete, its message is not */
    CONNECTION_ANSWERING, /* the message is complete */
    CONNECTION_N_STATES
} connection_state;

struct eio_http_connection {
    eio_http_server *server;
    eio_stream *stream;        /* NULL once it is gone: this then dies with its last reference */
    eio_http_request *request; /* NULL when idle, and while the rest of a body is skipped */
    LIST_ENTRY(eio_http_connection) link;
    eio_late late;
    eio_deadline deadline;
    eio_deadline_queue *queue; /* that the deadline is in; may be NULL */
    const char *at, *end; /* input that is not parsed: in `kept`, or in the loop's read buffer */
    char *kept;           /* own: input that has to wait */
    size_t head_bytes;
    int64_t framing_bytes; /* of a body, beyond what plain chunks need */
    int refusal;           /* status, of a callback of the parser that failed; 0: none */
    uint8_t state;
    uint8_t refs;
    bool in_name; /* a header's name is not complete */
    bool running; /* run is at work up the stack */
    llhttp_t parser;
};

static const unsigned legal_next[CONNECTION_N_STATES] = {
    [CONNECTION_IDLE] = 1u << CONNECTION_HEAD,
    [CONNECTION_HEAD] = 1u << CONNECTION_BODY | 1u << CONNECTION_ANSWERING,
    [CONNECTION_BODY] = 1u << CONNECTION_ANSWERING | 1u << CONNECTION_IDLE,
    [CONNECTION_ANSWERING] = 1u << CONNECTION_IDLE,
};

static void set_state(eio_http_connection *connection, connection_state state)
{
    assert((legal_next[connection->state] & 1u << state) != 0);
    connection->state = (uint8_t)state;
}

static void set_deadline(eio_http_connection *connection, eio_deadline_queue *queue)
{
    if (connection->queue == queue)
        return;
    if (connection->queue != NULL)
        eio_deadline_stop(connection->queue, &connection->deadline);
    connection->queue = queue;
    if (queue != NULL)
        eio_deadline_start(queue, &connection->deadline);
}

/* ---- the end ---- */

static void unref(eio_http_connection *connection)
{
    if (--connection->refs > 0)
        return;
    assert(connection->request == NULL && connection->stream == NULL);
    free(connection->kept);
    free(connection);
}

/* The stream is not ours any more. Without a reference of its own, the caller must not touch the connection again. */
static void detach(eio_http_connection *connection)
{
    connection->stream = NULL;
    set_deadline(connection, NULL);
    eio_late_cancel(connection->server->loop, &connection->late);
    LIST_REMOVE(connection, link);
    unref(connection);
}

/* The request ends, by a response or without one. */
static void end_request(eio_http_connection *connection)
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

static void handle_close(eio_stream *stream, int reason, void *data)
{
    eio_http_connection *connection = data;

    (void)stream;
    (void)reason;
    connection->refs++;
    detach(connection);
    abort_request(connection);
    unref(connection);
}

void eio_http_connection_abort(eio_http_connection *connection)
{
    eio_stream_abort(connection->stream);
    handle_close(connection->stream, EIO_E_CLOSED, connection);
}

static void close_in_order(eio_http_connection *connection)
{
    end_request(connection);
    eio_stream_close(connection->stream);
    detach(connection);
}

void eio_http_connection_destroy(eio_http_connection *connection)
{
    end_request(connection);
    eio_stream_abort(connection->stream);
    detach(connection);
}

void eio_http_connection_wind_up(eio_http_connection *connection)
{
    if (connection->request == NULL || connection->state == CONNECTION_HEAD)
        close_in_order(connection);
    else
        connection->request->keep_alive = false;
}

/* What came cannot be accepted: a complete answer, if there is none yet, and the end. */
static void refuse(eio_http_connection *connection, int status, const char *why)
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
    handle_close(connection->stream, EIO_E_CLOSED, connection);
}

static eio_http_connection *connection_of(eio_deadline *deadline)
{
    return (eio_http_connection *)((char *)deadline - offsetof(eio_http_connection, deadline));
}

void eio_http_connection_idle_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    close_in_order(connection);
}

void eio_http_connection_head_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    if (connection->request == NULL) /* it has sent nothing at all */
        connection->request = eio_http_request_new(connection, connection->server);
    refuse(connection, 408, "the head did not come in time");
}

void eio_http_connection_body_due(eio_deadline *deadline)
{
    eio_http_connection *connection = connection_of(deadline);

    connection->queue = NULL;
    refuse(connection, 408, "the body did not come in time");
}

/* ---- what the parser finds ---- */

static int fail(eio_http_connection *connection, int rc)
{
    switch (rc) {
    case EIO_OK: return 0;
    case EIO_E_TOO_BIG: connection->refusal = 414; break;
    case EIO_E_LIMIT: connection->refusal = 431; break;
    default: connection->refusal = 503; break;
    }
    return HPE_USER;
}

static int handle_url(llhttp_t *parser, const char *at, size_t len)
{
    eio_http_connection *connection = parser->data;

    return fail(connection,
                eio_http_request_add_target(connection->request, (eio_slice){ at, len },
                                            connection->server->options.max_target_bytes));
}

/* Trailers are counted with the framing, and dropped: nobody asks for them. */
static bool is_trailer(const eio_http_connection *connection)
{
    return connection->state != CONNECTION_HEAD;
}

static int handle_name(llhttp_t *parser, const char *at, size_t len)
{
    eio_http_connection *connection = parser->data;
    bool begin = !connection->in_name;

    if (is_trailer(connection))
        return 0;
    connection->in_name = true;
    return fail(connection,
                eio_http_request_add_name(connection->request, (eio_slice){ at, len }, begin,
                                          connection->server->options.max_headers));
}

static int handle_name_end(llhttp_t *parser)
{
    eio_http_connection *connection = parser->data;

    connection->in_name = false;
    return 0;
}

static int handle_value(llhttp_t *parser, const char *at, size_t len)
{
    eio_http_connection *connection = parser->data;

    if (is_trailer(connection))
        return 0;
    return fail(connection,
                eio_http_request_add_value(connection->request, (eio_slice){ at, len }));
}

static int handle_pause(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static int handle_chunk(llhttp_t *parser)
{
    eio_http_connection *connection = parser->data;

    connection->framing_bytes -= CHUNK_FRAMING_BYTES;
    return 0;
}

static int handle_body(llhttp_t *parser, const char *at, size_t len)
{
    eio_http_connection *connection = parser->data;

    connection->framing_bytes -= (int64_t)len;
    if (connection->request != NULL)
        eio_http_request_feed_body(connection->request, (eio_slice){ at, len });
    return connection->stream == NULL ? HPE_USER : 0; /* gone by what the handler did */
}

static const llhttp_settings_t settings = {
    .on_url = handle_url,
    .on_header_field = handle_name,
    .on_header_field_complete = handle_name_end,
    .on_header_value = handle_value,
    .on_headers_complete = handle_pause,
    .on_body = handle_body,
    .on_message_complete = handle_pause,
    .on_chunk_header = handle_chunk,
};

/* ---- stages: each parses a part of the input, and says whether it is worth while to go on ---- */

static bool begin_request(eio_http_connection *connection)
{
    connection->request = eio_http_request_new(connection, connection->server);
    if (connection->request == NULL) {
        eio_http_connection_abort(connection);
        return false;
    }
    /* Made anew, so that nothing of one message lives on in the next. */
    llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
    connection->parser.data = connection;
    connection->head_bytes = 0;
    connection->framing_bytes = 0;
    connection->in_name = false;
    set_state(connection, CONNECTION_HEAD);
    set_deadline(connection, &connection->server->head);
    return true;
}

/* The rules that llhttp leaves to its caller. NULL: all is well. */
static const char *find_fault(const eio_http_connection *connection, int *status)
{
    const eio_http_request *request = connection->request;
    const llhttp_t *parser = &connection->parser;
    bool coded = eio_http_request_count(request, "Transfer-Encoding") > 0;

    *status = 505;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return "not HTTP/1";
    *status = 400;
    if (request->http10 && coded)
        return "Transfer-Encoding in HTTP/1.0"; /* RFC 9112 §6.1 */
    if (coded && (parser->flags & F_CHUNKED) == 0)
        return "a transfer coding that does not end in chunked"; /* RFC 9112 §6.3 */
    size_t hosts = eio_http_request_count(request, "Host");
    if (hosts > 1 || (hosts == 0 && !request->http10))
        return "not exactly one Host"; /* RFC 9112 §3.2 */
    if (parser->method == HTTP_CONNECT)
        return "CONNECT";
    return NULL;
}

/* RFC 9110 §10.1.1. False: it expects what we cannot do. */
static bool read_expectation(eio_http_request *request)
{
    eio_slice expect = eio_http_header(request, "Expect");

    if (expect.base == NULL || request->http10)
        return true;
    request->expects_continue =
        expect.len == 12 && strncasecmp(expect.base, "100-continue", 12) == 0;
    return request->expects_continue;
}

static void fill_request(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;
    const llhttp_t *parser = &connection->parser;

    eio_http_request_trim(request);
    request->method = llhttp_method_name((llhttp_method_t)parser->method);
    request->http10 = parser->http_major == 1 && parser->http_minor == 0;
    request->keep_alive = llhttp_should_keep_alive(parser) != 0;
    request->content_length = (parser->flags & F_CHUNKED) != 0 ? 0 : parser->content_length;
    request->has_body = (parser->flags & F_CHUNKED) != 0 || parser->content_length > 0;
    request->is_upgrade = parser->upgrade != 0 && !request->http10 && !request->has_body;
}

static bool finish_head(eio_http_connection *connection)
{
    int status;

    fill_request(connection);
    const char *fault = find_fault(connection, &status);
    if (fault != NULL) {
        refuse(connection, status, fault);
        return false;
    }
    if (!read_expectation(connection->request)) {
        refuse(connection, 417, "an expectation other than 100-continue");
        return false;
    }
    set_state(connection, connection->request->has_body ? CONNECTION_BODY : CONNECTION_ANSWERING);
    set_deadline(connection, NULL);
    eio_http_server_dispatch(connection->server, connection->request);
    return true;
}

static bool refuse_head(eio_http_connection *connection, llhttp_errno_t error)
{
    if (error == HPE_PAUSED_H2_UPGRADE)
        refuse(connection, 505, "HTTP/2");
    else if (connection->refusal != 0)
        refuse(connection, connection->refusal,
               connection->refusal == 414 ? "the target is too long" : "too many headers");
    else
        refuse(connection, 400, llhttp_get_error_reason(&connection->parser));
    return false;
}

static bool parse_head(eio_http_connection *connection)
{
    size_t room = connection->server->options.max_head_bytes - connection->head_bytes;
    size_t len = (size_t)(connection->end - connection->at);

    if (len > room)
        len = room;
    llhttp_errno_t error = llhttp_execute(&connection->parser, connection->at, len);
    if (error == HPE_PAUSED) {
        connection->at = llhttp_get_error_pos(&connection->parser);
        llhttp_resume(&connection->parser);
        return finish_head(connection);
    }
    if (error != HPE_OK)
        return refuse_head(connection, error);
    connection->at += len;
    connection->head_bytes += len;
    if (len == room) {
        refuse(connection, 431, "the head is too long");
        return false;
    }
    return true;
}

/* The head alone tells that the body is too long: nothing of it need be read. */
static bool refuse_length(eio_http_request *request)
{
    if (request->content_length <= request->body_max)
        return false;
    eio_http_request_fail_body(request, EIO_E_TOO_BIG);
    return true;
}

static bool parse_body(eio_http_connection *connection)
{
    size_t len = (size_t)(connection->end - connection->at);
    llhttp_errno_t error = llhttp_execute(&connection->parser, connection->at, len);

    if (connection->stream == NULL)
        return false;
    if (error != HPE_OK && error != HPE_PAUSED) {
        refuse(connection, 400, llhttp_get_error_reason(&connection->parser));
        return false;
    }
    if (error == HPE_PAUSED)
        len = (size_t)(llhttp_get_error_pos(&connection->parser) - connection->at);
    connection->at += len;
    connection->framing_bytes += (int64_t)len;
    if (connection->framing_bytes > (int64_t)connection->server->options.max_framing_bytes) {
        refuse(connection, 400, "too many bytes of chunk extensions or trailers");
        return false;
    }
    if (error == HPE_OK)
        return true;
    set_deadline(connection, NULL);
    set_state(connection, CONNECTION_ANSWERING);
    return true;
}

static void become_idle(eio_http_connection *connection)
{
    set_state(connection, CONNECTION_IDLE);
    set_deadline(connection, &connection->server->idle);
}

static bool wants_body(const eio_http_request *request)
{
    return request->body_mode == EIO_HTTP_BODY_WHOLE || request->body_mode == EIO_HTTP_BODY_PIECES;
}

static bool step_body(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;

    if (request != NULL && (!wants_body(request) || refuse_length(request)))
        return false;
    return connection->at < connection->end && parse_body(connection);
}

static bool step_answering(eio_http_connection *connection)
{
    if (connection->request == NULL) {
        become_idle(connection); /* the rest of a body was skipped */
        return true;
    }
    if (wants_body(connection->request))
        eio_http_request_end_body(connection->request);
    return connection->stream != NULL && connection->state == CONNECTION_IDLE;
}

static bool step(eio_http_connection *connection)
{
    bool has_input = connection->at < connection->end;

    switch ((connection_state)connection->state) {
    case CONNECTION_IDLE:
        return has_input && eio_stream_queued(connection->stream) <= EIO_SOFT_BUFFERED_BYTES &&
               begin_request(connection);
    case CONNECTION_HEAD: return has_input && parse_head(connection);
    case CONNECTION_BODY: return step_body(connection);
    case CONNECTION_ANSWERING: return step_answering(connection);
    case CONNECTION_N_STATES: break;
    }
    return false;
}

/* Input that has to wait is kept, and nothing more is read; so what is kept is bounded by the loop's read buffer. */
static void keep_rest(eio_http_connection *connection)
{
    size_t len = (size_t)(connection->end - connection->at);

    if (len == 0) {
        free(connection->kept);
        connection->kept = NULL;
    } else if (connection->kept == NULL) {
        connection->kept = malloc(len);
        if (connection->kept == NULL) {
            eio_http_connection_abort(connection);
            return;
        }
        memcpy(connection->kept, connection->at, len);
        connection->at = connection->kept;
        connection->end = connection->kept + len;
    }
    eio_stream_set_reading(connection->stream, len == 0);
}

static void run(eio_http_connection *connection)
{
    if (connection->running)
        return;
    connection->refs++;
    connection->running = true;
    while (connection->stream != NULL && step(connection))
        continue;
    connection->running = false;
    if (connection->stream != NULL)
        keep_rest(connection);
    unref(connection);
}

static void run_late(eio_late *late)
{
    run((eio_http_connection *)((char *)late - offsetof(eio_http_connection, late)));
}

static void handle_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    eio_http_connection *connection = data;

    (void)stream;
    assert(connection->kept == NULL);
    connection->at = bytes;
    connection->end = bytes + len;
    run(connection);
}

static void handle_drain(eio_stream *stream, void *data)
{
    eio_http_connection *connection = data;

    (void)stream;
    if (connection->request != NULL && connection->request->on_drain != NULL)
        connection->request->on_drain(connection->request);
    else if (connection->at < connection->end)
        run(connection);
}

static const eio_stream_handler stream_handler = {
    .on_read = handle_read,
    .on_drain = handle_drain,
    .on_close = handle_close,
};

/* ---- for the server and the request ---- */

int eio_http_connection_open(eio_http_server *server, eio_stream *stream)
{
    eio_http_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return EIO_E_NOMEM;
    connection->server = server;
    connection->stream = stream;
    connection->refs = 1;
    connection->late.run = run_late;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    set_deadline(connection, &server->head);
    eio_stream_set_limit(stream, server->options.max_buffered_bytes);
    eio_stream_set_handler(stream, &stream_handler, connection);
    return EIO_OK;
}

eio_http_connection *eio_http_connection_next(const eio_http_connection *connection)
{
    return LIST_NEXT(connection, link);
}

eio_stream *eio_http_connection_stream(const eio_http_connection *connection)
{
    return connection->stream;
}

static void run_later(eio_http_connection *connection)
{
    if (!connection->running)
        eio_late_add(connection->server->loop, &connection->late);
}

void eio_http_connection_want_body(eio_http_connection *connection)
{
    eio_http_request *request = connection->request;

    run_later(connection);
    if (connection->state != CONNECTION_BODY)
        return;
    set_deadline(connection, &connection->server->body);
    if (!request->expects_continue || request->content_length > request->body_max)
        return;
    eio_buffer *go_on = eio_buffer_copy(EIO_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    if (go_on == NULL)
        return; /* the peer sends its body after a while anyhow, or the deadline ends it */
    if (eio_stream_write(connection->stream, go_on, eio_buffer_slice(go_on)) == EIO_OK)
        request->expects_continue = false;
    eio_buffer_unref(go_on);
}

void eio_http_connection_finish(eio_http_connection *connection)
{
    if (!connection->request->keep_alive) {
        close_in_order(connection);
        return;
    }
    end_request(connection);
    if (connection->state == CONNECTION_ANSWERING)
        become_idle(connection);
    else
        set_deadline(connection, &connection->server->body); /* skip what is left of the body */
    if (connection->at < connection->end)
        run_later(connection);
}

eio_stream *eio_http_connection_release(eio_http_connection *connection,
                                        const eio_stream_handler *handler, void *data)
{
    eio_stream *stream = connection->stream;
    eio_slice rest = { connection->at, (size_t)(connection->end - connection->at) };

    assert(connection->state == CONNECTION_ANSWERING);
    eio_stream_set_handler(stream, handler, data);
    eio_stream_set_reading(stream, true);
    int rc = eio_stream_unread(stream, rest);
    end_request(connection);
    detach(connection);
    if (rc == EIO_OK)
        return stream;
    eio_stream_abort(stream);
    return NULL;
}
