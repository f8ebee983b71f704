#include "engineio/http/far.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "engineio/http/response.h"
#include "engineio/http/server.h"
#include "engineio/net/handover.h"

enum { FIRST_TEXT_BYTES = 1024, MOST_ADDRESS_BYTES = 64, MOST_METHOD_BYTES = 32 };

/* ---- lines ---- */

/* Neither blanks nor control characters: what a parser would have let through. */
static bool is_word(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] <= ' ' || text.base[i] == 0x7f)
            return false;
    return text.len > 0;
}

static bool is_printable(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.base[i] < ' ' && text.base[i] != '\t') || text.base[i] == 0x7f)
            return false;
    return true;
}

/* The next line of headers. 1: there is one; 0: the end; EIO_E_INVALID. */
static int next_line(eio_slice *rest, eio_slice *name, eio_slice *value)
{
    const char *end;
    const char *colon;

    if (rest->len == 0)
        return 0;
    end = memchr(rest->base, '\n', rest->len);
    if (end == NULL || end == rest->base || end[-1] != '\r')
        return EIO_E_INVALID;
    size_t len = (size_t)(end - rest->base) - 1;
    colon = memchr(rest->base, ':', len);
    if (colon == NULL)
        return EIO_E_INVALID;
    *name = (eio_slice){ rest->base, (size_t)(colon - rest->base) };
    *value = (eio_slice){ colon + 1, len - name->len - 1 };
    if (value->len > 0 && value->base[0] == ' ')
        *value = (eio_slice){ value->base + 1, value->len - 1 };
    rest->base = end + 1;
    rest->len -= len + 2;
    return is_word(*name) && is_printable(*value) ? 1 : EIO_E_INVALID;
}

/* In place of those that the response has. */
static int set_lines(eio_http_request *request, eio_slice lines)
{
    eio_slice name;
    eio_slice value;
    int rc;

    eio_buffer_unref(request->lines);
    request->lines = NULL;
    while ((rc = next_line(&lines, &name, &value)) > 0) {
        rc = eio_http_add_header(request, name, value);
        if (rc != EIO_OK)
            return rc;
    }
    return rc;
}

/* ---- where the client is ---- */

static bool is_secret(eio_slice name)
{
    static const char *const secrets[] = { "cookie", "authorization", "proxy-authorization" };

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        if (eio_http_same_name(name, eio_slice_of(secrets[i])))
            return true;
    return false;
}

static int append_header(eio_buffer **text, eio_slice name, eio_slice value)
{
    int rc = eio_buffer_append(text, name);

    if (rc == EIO_OK)
        rc = eio_buffer_append(text, EIO_STR(": "));
    if (rc == EIO_OK)
        rc = eio_buffer_append(text, value);
    return rc == EIO_OK ? eio_buffer_append(text, EIO_STR("\r\n")) : rc;
}

static int append_headers(eio_buffer **text, const eio_http_request *request)
{
    eio_slice name;
    eio_slice value;
    int rc = EIO_OK;

    for (size_t i = 0; rc == EIO_OK && eio_http_header_at(request, i, &name, &value); i++)
        if (!is_secret(name))
            rc = append_header(text, name, value);
    return rc;
}

int eio_http_far_describe(eio_http_far_head *out, eio_buffer **text,
                          const eio_http_request *request)
{
    char address[MOST_ADDRESS_BYTES];
    size_t address_len = eio_http_remote_address(request, address, sizeof(address));
    eio_buffer *all = eio_buffer_new(FIRST_TEXT_BYTES);

    if (all == NULL)
        return EIO_E_NOMEM;
    int rc = eio_buffer_append(&all, (eio_slice){ address, address_len });
    if (rc == EIO_OK)
        rc = append_headers(&all, request);
    if (rc != EIO_OK) {
        eio_buffer_unref(all);
        return rc;
    }
    const eio_slice whole = eio_buffer_slice(all);
    *out = (eio_http_far_head){
        .method = eio_http_method(request),
        .target = eio_http_target(request),
        .address = { whole.base, address_len },
        .headers = { whole.base + address_len, whole.len - address_len },
        .is_secure = eio_http_is_secure(request),
        .is_upgrade = eio_http_is_upgrade(request),
    };
    if (request->lines != NULL)
        out->lines = eio_buffer_slice(request->lines);
    *text = all;
    return EIO_OK;
}

int eio_http_far_deliver(eio_http_request *request, int status, eio_slice lines, eio_buffer *body,
                         bool keep_alive)
{
    int rc = status < 200 || status > 599 ? EIO_E_INVALID : set_lines(request, lines);

    if (rc != EIO_OK) {
        eio_http_destroy(request);
        return rc;
    }
    if (!keep_alive)
        eio_http_close_after(request);
    return eio_http_respond(request, status, body);
}

eio_stream *eio_http_far_open(eio_http_request *request, const eio_stream_handler *handler,
                              void *data)
{
    request->status = 101;
    return eio_http_connection_release(request->connection, handler, data);
}

/* ---- where it is answered ---- */

static eio_http_far *far_new(const eio_http_far_head *head, const eio_http_far_handler *handler,
                             void *data)
{
    if (!is_word(head->method) || !is_word(head->target) || !is_printable(head->address) ||
        head->method.len > MOST_METHOD_BYTES || head->address.len > MOST_ADDRESS_BYTES)
        return NULL;
    eio_http_far *far = calloc(1, sizeof(*far) + head->method.len + 1 + head->address.len);
    if (far == NULL)
        return NULL;
    far->handler = handler;
    far->data = data;
    far->is_secure = head->is_secure;
    far->method_len = head->method.len;
    far->address_len = head->address.len;
    memcpy(far->text, head->method.base, head->method.len);
    if (head->address.len > 0)
        memcpy(far->text + head->method.len + 1, head->address.base, head->address.len);
    return far;
}

static int fill_headers(eio_http_request *request, eio_slice headers)
{
    eio_slice name;
    eio_slice value;
    int rc;

    while ((rc = next_line(&headers, &name, &value)) > 0) {
        rc = eio_http_request_add_name(request, name, true, request->server->options.max_headers);
        if (rc == EIO_OK)
            rc = eio_http_request_add_value(request, value);
        if (rc != EIO_OK)
            return rc;
    }
    return rc;
}

/* Whatever came of it: it is not needed any more. */
static void end(eio_http_request *request)
{
    request->response = EIO_HTTP_RESPONSE_ENDED;
    eio_http_request_free(request);
}

eio_http_request *eio_http_far_new(eio_http_server *server, const eio_http_far_head *head,
                                   const eio_http_far_handler *handler, void *data)
{
    eio_http_request *request = eio_http_request_new(NULL, server);

    if (request == NULL)
        return NULL;
    request->far = far_new(head, handler, data);
    int rc = request->far == NULL ? EIO_E_NOMEM : EIO_OK;
    if (rc == EIO_OK)
        rc = eio_http_request_add_target(request, head->target, server->options.max_target_bytes);
    if (rc == EIO_OK)
        rc = fill_headers(request, head->headers);
    if (rc == EIO_OK)
        rc = set_lines(request, head->lines);
    if (rc != EIO_OK) {
        end(request);
        return NULL;
    }
    request->method = request->far->text;
    request->is_upgrade = head->is_upgrade;
    request->keep_alive = true;
    return request;
}

bool eio_http_is_far(const eio_http_request *request)
{
    return request->far != NULL;
}

void eio_http_far_feed(eio_http_request *request, int status, eio_slice bytes)
{
    if (request->body_mode != EIO_HTTP_BODY_WHOLE)
        return;
    if (status == EIO_OK && bytes.len > request->body_max)
        status = EIO_E_TOO_BIG;
    if (status == EIO_OK) {
        request->body = eio_buffer_copy(bytes);
        status = request->body == NULL ? EIO_E_NOMEM : EIO_OK;
    }
    if (status == EIO_OK)
        eio_http_request_end_body(request);
    else
        eio_http_request_fail_body(request, status);
}

void eio_http_far_abort(eio_http_request *request)
{
    request->response = EIO_HTTP_RESPONSE_ENDED;
    if (request->on_abort != NULL)
        request->on_abort(request, request->abort_data);
    eio_http_request_free(request);
}

void eio_http_far_respond(eio_http_request *request, int status, eio_slice body)
{
    const eio_http_far *far = request->far;
    eio_slice lines = { NULL, 0 };

    request->response = EIO_HTTP_RESPONSE_ENDED;
    if (request->lines != NULL)
        lines = eio_buffer_slice(request->lines);
    far->handler->on_response(status, lines, body, request->keep_alive, far->data);
    eio_http_request_free(request);
}

void eio_http_far_drop(eio_http_request *request)
{
    const eio_http_far *far = request->far;

    request->response = EIO_HTTP_RESPONSE_ENDED;
    far->handler->on_drop(far->data);
    eio_http_request_free(request);
}

/* ---- upgrades: two ends of a connection within this process ---- */

static int adopt(eio_stream **out, eio_listener *listener, int fd)
{
    eio_detached end = { .fd = fd };

    return eio_listener_adopt(out, listener, &end);
}

static bool make_pair(eio_stream **here, eio_stream **there, eio_listener *listener)
{
    int fds[2];

    if (listener == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    if (adopt(here, listener, fds[0]) != EIO_OK) {
        eio_detached_close(&(eio_detached){ .fd = fds[1] });
        return false;
    }
    if (adopt(there, listener, fds[1]) != EIO_OK) {
        eio_stream_abort(*here);
        return false;
    }
    return true;
}

eio_stream *eio_http_far_upgrade(eio_http_request *request, eio_buffer *head,
                                 const eio_stream_handler *handler, void *data)
{
    const eio_http_far *far = request->far;
    eio_stream *here;
    eio_stream *there;

    if (!make_pair(&here, &there, eio_http_server_listener(request->server))) {
        eio_http_far_drop(request);
        return NULL;
    }
    eio_stream_set_limit(here, request->server->options.max_buffered_bytes);
    eio_stream_set_handler(here, handler, data);
    (void)eio_stream_write(here, head, eio_buffer_slice(head)); /* an empty queue takes it */
    far->handler->on_upgrade(there, far->data);
    end(request);
    return here;
}
