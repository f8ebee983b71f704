#include "engineio/http/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include <llhttp.h>

#include "engineio/http/connection_private.h"
#include "engineio/limits.h"
#include "engineio/net/stream_private.h"

/* A chunk's own framing: 16 digits and two line ends. What goes beyond is extensions and trailers. */
enum { CHUNK_FRAMING_BYTES = 20 };

/* Connections, and requests, that are kept for the next ones: as many as come at a time. */
enum { MOST_SPARE = 64 };

/* What eio_http_connection_open makes; no other file knows the parser. */
typedef struct parsing_connection {
    eio_http_connection connection;
    llhttp_t parser;
} parsing_connection;

static llhttp_t *parser_of(eio_http_connection *connection)
{
    return &((parsing_connection *)connection)->parser;
}

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
    llhttp_init(parser_of(connection), HTTP_REQUEST, &settings);
    parser_of(connection)->data = connection;
    connection->head_bytes = 0;
    connection->framing_bytes = 0;
    connection->last = '\0';
    connection->in_name = false;
    set_state(connection, CONNECTION_HEAD);
    eio_http_connection_wait(connection, &connection->server->head);
    return true;
}

/* The rules that llhttp leaves to its caller. NULL: all is well. */
static const char *find_fault(eio_http_connection *connection, int *status)
{
    const eio_http_request *request = connection->request;
    const llhttp_t *parser = parser_of(connection);
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
    const llhttp_t *parser = parser_of(connection);

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
        eio_http_connection_refuse(connection, status, fault);
        return false;
    }
    if (!read_expectation(connection->request)) {
        eio_http_connection_refuse(connection, 417, "an expectation other than 100-continue");
        return false;
    }
    set_state(connection, connection->request->has_body ? CONNECTION_BODY : CONNECTION_ANSWERING);
    eio_http_connection_wait(connection, NULL);
    eio_http_server_dispatch(connection->server, connection->request);
    return true;
}

static bool refuse_head(eio_http_connection *connection, llhttp_errno_t error)
{
    if (error == HPE_PAUSED_H2_UPGRADE)
        eio_http_connection_refuse(connection, 505, "HTTP/2");
    else if (connection->refusal != 0)
        eio_http_connection_refuse(connection, connection->refusal,
                                   connection->refusal == 414 ? "the target is too long"
                                                              : "too many headers");
    else
        eio_http_connection_refuse(connection, 400, llhttp_get_error_reason(parser_of(connection)));
    return false;
}

/* llhttp 8 lets a line of the head end without its CR, which others read as one line: two requests out of one. */
static bool has_bare_line_end(eio_http_connection *connection, const char *bytes, size_t len)
{
    const char *end = bytes + len;
    const char *at = bytes;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if ((at == bytes ? connection->last : at[-1]) != '\r')
            return true;
        at++;
    }
    if (len > 0)
        connection->last = end[-1];
    return false;
}

static bool parse_head(eio_http_connection *connection)
{
    size_t room = connection->server->options.max_head_bytes - connection->head_bytes;
    size_t len = (size_t)(connection->end - connection->at);

    if (len > room)
        len = room;
    llhttp_errno_t error = llhttp_execute(parser_of(connection), connection->at, len);
    size_t used = error == HPE_OK
                      ? len
                      : (size_t)(llhttp_get_error_pos(parser_of(connection)) - connection->at);
    if (has_bare_line_end(connection, connection->at, used) ||
        (error == HPE_PAUSED && connection->last != '\n')) {
        eio_http_connection_refuse(connection, 400, "a line that does not end in CR LF");
        return false;
    }
    if (error == HPE_PAUSED) {
        connection->at += used;
        llhttp_resume(parser_of(connection));
        return finish_head(connection);
    }
    if (error != HPE_OK)
        return refuse_head(connection, error);
    connection->at += len;
    connection->head_bytes += len;
    if (len == room) {
        eio_http_connection_refuse(connection, 431, "the head is too long");
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
    llhttp_errno_t error = llhttp_execute(parser_of(connection), connection->at, len);

    if (connection->stream == NULL)
        return false;
    if (error != HPE_OK && error != HPE_PAUSED) {
        eio_http_connection_refuse(connection, 400, llhttp_get_error_reason(parser_of(connection)));
        return false;
    }
    if (error == HPE_PAUSED)
        len = (size_t)(llhttp_get_error_pos(parser_of(connection)) - connection->at);
    connection->at += len;
    connection->framing_bytes += (int64_t)len;
    if (connection->framing_bytes > (int64_t)connection->server->options.max_framing_bytes) {
        eio_http_connection_refuse(connection, 400,
                                   "too many bytes of chunk extensions or trailers");
        return false;
    }
    if (error == HPE_OK)
        return true;
    eio_http_connection_wait(connection, NULL);
    set_state(connection, CONNECTION_ANSWERING);
    return true;
}

static void become_idle(eio_http_connection *connection)
{
    set_state(connection, CONNECTION_IDLE);
    eio_http_connection_wait(connection, &connection->server->idle);
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
    eio_http_connection_unref(connection);
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
    .on_close = eio_http_connection_lost,
};

/* ---- for the server and the request ---- */

void eio_http_connections_init(eio_http_server *server)
{
    LIST_INIT(&server->connections);
    eio_spares_init(&server->spare_connections, sizeof(parsing_connection), MOST_SPARE);
    eio_spares_init(&server->spare_requests, sizeof(eio_http_request), MOST_SPARE);
}

void eio_http_connections_fini(eio_http_server *server)
{
    assert(LIST_EMPTY(&server->connections));
    eio_spares_fini(&server->spare_connections);
    eio_spares_fini(&server->spare_requests);
}

int eio_http_connection_open(eio_http_server *server, eio_stream *stream)
{
    parsing_connection *parsing = eio_spares_take(&server->spare_connections);
    if (parsing == NULL)
        return EIO_E_NOMEM;
    memset(parsing, 0, sizeof(*parsing));
    eio_http_connection *connection = &parsing->connection;
    connection->server = server;
    connection->stream = stream;
    connection->refs = 1;
    connection->late.run = run_late;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    eio_http_connection_wait(connection, &server->head);
    eio_stream_set_limit(stream, server->options.max_buffered_bytes);
    eio_stream_set_handler(stream, &stream_handler, connection);
    return EIO_OK;
}

void eio_http_connection_uproot(eio_http_connection *connection)
{
    assert(!connection->running && connection->refs == 1);
    eio_http_connection_wait(connection, NULL);
    eio_late_cancel(connection->server->loop, &connection->late);
    LIST_REMOVE(connection, link);
    connection->stream = NULL;
    connection->server = connection->request->server = NULL;
}

void eio_http_connection_settle(eio_http_connection *connection, eio_http_server *server,
                                eio_stream *stream)
{
    connection->server = connection->request->server = server;
    connection->stream = stream;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    eio_stream_set_limit(stream, server->options.max_buffered_bytes);
    eio_stream_set_handler(stream, &stream_handler, connection);
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
    eio_http_connection_wait(connection, &connection->server->body);
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
        eio_http_connection_close(connection);
        return;
    }
    eio_http_connection_end_request(connection);
    if (connection->state == CONNECTION_ANSWERING)
        become_idle(connection);
    else
        eio_http_connection_wait(connection,
                                 &connection->server->body); /* skip what is left of the body */
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
    eio_http_connection_end_request(connection);
    eio_http_connection_detach(connection);
    if (rc == EIO_OK)
        return stream;
    eio_stream_abort(stream);
    return NULL;
}
