#include "engineio/http/response.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "engineio/http/far.h"
#include "engineio/http/server.h"

enum { FIRST_LINE_BYTES = 256, MOST_LIBRARY_BYTES = 320 };

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Payload Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Entity" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "unknown"; /* as Node has it */
}

/* ---- headers ---- */

static bool is_token(eio_slice name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i < name.len; i++)
        if (name.base[i] == '\0' || strchr(allowed, name.base[i]) == NULL)
            return false;
    return name.len > 0;
}

static bool is_field_value(eio_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.base[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_ours(eio_slice name)
{
    static const char *const ours[] = { "Content-Length", "Connection", "Date", "Keep-Alive",
                                        "Transfer-Encoding" };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (eio_http_same_name(name, eio_slice_of(ours[i])))
            return true;
    return false;
}

int eio_http_add_line(eio_http_request *request, eio_slice name, eio_slice value)
{
    if (request->lines == NULL)
        request->lines = eio_buffer_new(FIRST_LINE_BYTES);
    if (request->lines == NULL)
        return EIO_E_NOMEM;
    size_t len = name.len + value.len + 4;
    char *to = eio_buffer_reserve(&request->lines, len);
    if (to == NULL)
        return EIO_E_NOMEM;
    memcpy(to, name.base, name.len);
    to[name.len] = ':';
    to[name.len + 1] = ' ';
    if (value.len > 0)
        memcpy(to + name.len + 2, value.base, value.len);
    to[len - 2] = '\r';
    to[len - 1] = '\n';
    eio_buffer_commit(request->lines, len);
    return EIO_OK;
}

static int check_header(const eio_http_request *request, eio_slice name, eio_slice value)
{
    if (request->response != EIO_HTTP_RESPONSE_NONE)
        return EIO_E_STATE;
    if (!is_token(name) || !is_field_value(value) || is_ours(name))
        return EIO_E_INVALID;
    return EIO_OK;
}

int eio_http_add_header(eio_http_request *request, eio_slice name, eio_slice value)
{
    int rc = check_header(request, name, value);

    return rc == EIO_OK ? eio_http_add_line(request, name, value) : rc;
}

/* A copy of the lines without those of one name. */
static int remove_lines(eio_http_request *request, eio_slice name)
{
    eio_slice rest = eio_buffer_slice(request->lines);
    eio_buffer *kept = eio_buffer_new(rest.len + FIRST_LINE_BYTES);

    if (kept == NULL)
        return EIO_E_NOMEM;
    while (rest.len > 0) {
        const char *end = memchr(rest.base, '\n', rest.len);
        const char *colon = memchr(rest.base, ':', rest.len);
        size_t len = (size_t)(end - rest.base) + 1;
        eio_slice line_name = { rest.base, (size_t)(colon - rest.base) };
        if (!eio_http_same_name(line_name, name))
            (void)eio_buffer_append(&kept, (eio_slice){ rest.base, len }); /* there is room */
        rest.base += len;
        rest.len -= len;
    }
    eio_buffer_unref(request->lines);
    request->lines = kept;
    return EIO_OK;
}

int eio_http_set_header(eio_http_request *request, eio_slice name, eio_slice value)
{
    int rc = check_header(request, name, value);

    if (rc == EIO_OK && request->lines != NULL)
        rc = remove_lines(request, name);
    return rc == EIO_OK ? eio_http_add_line(request, name, value) : rc;
}

/* ---- the head ---- */

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* What the library itself has to say. Its length, always below size. */
static size_t format_library_lines(const eio_http_request *request, int64_t length, char *out,
                                   size_t size)
{
    char framing[48] = "";
    char connection[64] = "close";

    if (request->keep_alive)
        (void)snprintf(connection, sizeof(connection), "keep-alive\r\nKeep-Alive: timeout=%" PRIu64,
                       request->server->options.idle_timeout_ms / 1000);
    if (request->chunked)
        (void)snprintf(framing, sizeof(framing), "Transfer-Encoding: chunked\r\n");
    else if (length >= 0 && !has_no_body(request->status))
        (void)snprintf(framing, sizeof(framing), "Content-Length: %" PRId64 "\r\n", length);
    int len = snprintf(out, size, "Date: %s\r\nConnection: %s\r\n%s\r\n",
                       eio_http_server_date(request->server), connection, framing);
    assert(len > 0 && (size_t)len < size);
    return (size_t)len;
}

static eio_buffer *format_head(const eio_http_request *request, int64_t length)
{
    char first[96];
    char last[MOST_LIBRARY_BYTES];
    eio_slice lines = { NULL, 0 };

    if (request->lines != NULL)
        lines = eio_buffer_slice(request->lines);
    int first_len = snprintf(first, sizeof(first), "HTTP/1.1 %d %s\r\n", request->status,
                             reason_of(request->status));
    size_t last_len = format_library_lines(request, length, last, sizeof(last));
    eio_buffer *head = eio_buffer_new((size_t)first_len + lines.len + last_len);
    if (head == NULL)
        return NULL;
    /* There is room for all three. */
    (void)eio_buffer_append(&head, (eio_slice){ first, (size_t)first_len });
    (void)eio_buffer_append(&head, lines);
    (void)eio_buffer_append(&head, (eio_slice){ last, last_len });
    return head;
}

eio_buffer *eio_http_refusal(int status, const char *date)
{
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\n"
                       "Content-Length: 0\r\n\r\n",
                       status, reason_of(status), date);

    return eio_buffer_copy((eio_slice){ text, (size_t)len });
}

static int queue_buffer(eio_http_request *request, eio_buffer *buffer)
{
    return eio_stream_write(eio_http_connection_stream(request->connection), buffer,
                            eio_buffer_slice(buffer));
}

/* Queue the head; the state is the caller's. */
static int send_head(eio_http_request *request, int status, int64_t length)
{
    assert(status >= 200 && status <= 599);
    request->status = status;
    request->head_only = has_no_body(status) || strcmp(request->method, "HEAD") == 0;
    /* The peer may take this as the end, or still send the body it announced: nobody can tell where the next
     * request begins (RFC 9110 §10.1.1). */
    if (request->server->stopped || (request->expects_continue && request->has_body))
        request->keep_alive = false;
    request->chunked =
        length == EIO_HTTP_LENGTH_UNKNOWN && !request->http10 && !has_no_body(status);
    if (length == EIO_HTTP_LENGTH_UNKNOWN && request->http10 && !request->head_only)
        request->keep_alive = false; /* its end is the connection's */
    eio_buffer *head = format_head(request, length);
    if (head == NULL)
        return EIO_E_NOMEM;
    int rc = queue_buffer(request, head);
    eio_buffer_unref(head);
    return rc;
}

/* The response ends, well or not: the request goes. */
static int finish(eio_http_request *request, int rc)
{
    if (rc == EIO_OK)
        eio_http_connection_finish(request->connection);
    else
        eio_http_destroy(request);
    return rc;
}

int eio_http_respond(eio_http_request *request, int status, eio_buffer *body)
{
    eio_slice bytes = { NULL, 0 };

    if (request->response != EIO_HTTP_RESPONSE_NONE)
        return EIO_E_STATE;
    if (body != NULL)
        bytes = eio_buffer_slice(body);
    if (request->far != NULL) {
        eio_http_far_respond(request, status, bytes);
        return EIO_OK;
    }
    int rc = send_head(request, status, (int64_t)bytes.len);
    if (rc == EIO_OK && bytes.len > 0 && !request->head_only) {
        rc = eio_stream_write(eio_http_connection_stream(request->connection), body, bytes);
        request->sent_bytes = bytes.len;
    }
    return finish(request, rc);
}

int eio_http_respond_text(eio_http_request *request, int status, const char *content_type,
                          eio_slice text)
{
    if (request->response != EIO_HTTP_RESPONSE_NONE)
        return EIO_E_STATE;
    if (content_type != NULL)
        (void)eio_http_set_header(request, EIO_STR("Content-Type"), eio_slice_of(content_type));
    eio_buffer *body = eio_buffer_copy(text);
    if (body == NULL)
        return finish(request, EIO_E_NOMEM);
    int rc = eio_http_respond(request, status, body);
    eio_buffer_unref(body);
    return rc;
}

/* ---- responses piece by piece ---- */

int eio_http_respond_start_sized(eio_http_request *request, int status, int64_t length)
{
    if (request->response != EIO_HTTP_RESPONSE_NONE)
        return EIO_E_STATE;
    int rc = send_head(request, status, length);
    request->response = EIO_HTTP_RESPONSE_STREAMING;
    request->broken = rc != EIO_OK;
    return rc;
}

int eio_http_respond_start(eio_http_request *request, int status)
{
    return eio_http_respond_start_sized(request, status, EIO_HTTP_LENGTH_UNKNOWN);
}

static int queue_text(eio_http_request *request, const char *text, int len)
{
    eio_buffer *buffer = eio_buffer_copy((eio_slice){ text, (size_t)len });
    if (buffer == NULL)
        return EIO_E_NOMEM;
    int rc = queue_buffer(request, buffer);
    eio_buffer_unref(buffer);
    return rc;
}

int eio_http_respond_write(eio_http_request *request, eio_buffer *buffer, eio_slice bytes)
{
    char size[32];
    int rc = EIO_OK;

    if (request->response != EIO_HTTP_RESPONSE_STREAMING)
        return EIO_E_STATE;
    if (request->broken)
        return EIO_E_CLOSED;
    if (request->head_only || bytes.len == 0) /* an empty chunk would be the last one */
        return EIO_OK;
    if (request->chunked) {
        int len = snprintf(size, sizeof(size), "%s%zx\r\n", request->sent_bytes > 0 ? "\r\n" : "",
                           bytes.len);
        rc = queue_text(request, size, len);
    }
    if (rc == EIO_OK)
        rc = eio_stream_write(eio_http_connection_stream(request->connection), buffer, bytes);
    request->broken = rc != EIO_OK;
    request->sent_bytes += bytes.len;
    return rc;
}

int eio_http_respond_end(eio_http_request *request)
{
    if (request->response != EIO_HTTP_RESPONSE_STREAMING)
        return EIO_E_STATE;
    int rc = request->broken ? EIO_E_CLOSED : EIO_OK;
    if (rc == EIO_OK && request->chunked && !request->head_only) {
        const char *last = request->sent_bytes > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
        rc = queue_text(request, last, (int)strlen(last));
    }
    return finish(request, rc);
}

void eio_http_destroy(eio_http_request *request)
{
    if (request->response == EIO_HTTP_RESPONSE_ENDED)
        return;
    if (request->far != NULL)
        eio_http_far_drop(request);
    else
        eio_http_connection_destroy(request->connection);
}

/* ---- upgrades ---- */

static eio_buffer *format_upgrade(const eio_http_request *request, eio_slice extra)
{
    static const char first[] = "HTTP/1.1 101 Switching Protocols\r\n";
    eio_slice lines = { NULL, 0 };

    if (request->lines != NULL)
        lines = eio_buffer_slice(request->lines);
    eio_buffer *head = eio_buffer_new(sizeof(first) + extra.len + lines.len + 2);
    if (head == NULL)
        return NULL;
    /* There is room for all. */
    (void)eio_buffer_append(&head, (eio_slice){ first, sizeof(first) - 1 });
    (void)eio_buffer_append(&head, extra);
    (void)eio_buffer_append(&head, lines);
    (void)eio_buffer_append(&head, EIO_STR("\r\n"));
    return head;
}

/* Send the head, and let go of the connection. NULL: out of memory, and it is closed. */
static eio_stream *switch_connection(eio_http_request *request, eio_buffer *head,
                                     const eio_stream_handler *handler, void *data)
{
    if (request->far != NULL)
        return eio_http_far_upgrade(request, head, handler, data);
    if (queue_buffer(request, head) == EIO_OK)
        return eio_http_connection_release(request->connection, handler, data);
    eio_http_connection_destroy(request->connection);
    return NULL;
}

eio_stream *eio_http_upgrade(eio_http_request *request, eio_slice extra,
                             const eio_stream_handler *handler, void *data)
{
    assert(request->response == EIO_HTTP_RESPONSE_NONE);
    request->status = 101;
    eio_buffer *head = format_upgrade(request, extra);
    if (head == NULL) {
        eio_http_destroy(request);
        return NULL;
    }
    eio_stream *stream = switch_connection(request, head, handler, data);
    eio_buffer_unref(head);
    return stream;
}
