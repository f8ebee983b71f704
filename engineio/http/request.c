#include "engineio/http/request.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engineio/http/connection.h"
#include "engineio/http/far.h"
#include "engineio/http/response.h"
#include "engineio/http/server.h"

eio_http_request *eio_http_request_new(struct eio_http_connection *connection,
                                       eio_http_server *server)
{
    eio_http_request *request = eio_spares_take(&server->spare_requests);
    if (request == NULL)
        return NULL;
    memset(request, 0, offsetof(eio_http_request, first_headers));
    request->head = request->first_head;
    request->head_capacity = sizeof(request->first_head);
    request->headers = request->first_headers;
    request->header_capacity = EIO_HTTP_FIRST_HEADERS;
    request->connection = connection;
    request->server = server;
    return request;
}

void eio_http_request_free(eio_http_request *request)
{
    assert(request->response == EIO_HTTP_RESPONSE_ENDED);
    eio_buffer_unref(request->body);
    eio_buffer_unref(request->lines);
    free(request->param_text);
    free(request->far);
    if (request->headers != request->first_headers)
        free(request->headers);
    if (request->head != request->first_head)
        free(request->head);
    if (request->server != NULL)
        eio_spares_give(&request->server->spare_requests, request);
    else
        free(request); /* it was on its way to another loop */
}

/* ---- the head ---- */

/* As realloc, but for what stands in the request itself. */
static void *grow(void *old, const void *first, size_t len, size_t capacity)
{
    if (old != first)
        return realloc(old, capacity);
    void *grown = malloc(capacity);
    if (grown != NULL)
        memcpy(grown, first, len);
    return grown;
}

static int append(eio_http_request *request, eio_slice piece)
{
    if (piece.len > request->head_capacity - request->head_len) {
        size_t wanted = request->head_len + piece.len;
        size_t capacity = request->head_capacity * 2;
        if (capacity < wanted)
            capacity = wanted;
        char *head = grow(request->head, request->first_head, request->head_len, capacity);
        if (head == NULL)
            return EIO_E_NOMEM;
        request->head = head;
        request->head_capacity = capacity;
    }
    memcpy(request->head + request->head_len, piece.base, piece.len);
    request->head_len += piece.len;
    return EIO_OK;
}

int eio_http_request_add_target(eio_http_request *request, eio_slice piece, size_t most)
{
    if (piece.len > most - request->target_len)
        return EIO_E_TOO_BIG;
    int rc = append(request, piece);
    if (rc == EIO_OK)
        request->target_len += piece.len;
    return rc;
}

static int begin_header(eio_http_request *request, size_t most)
{
    if (request->header_count == most)
        return EIO_E_LIMIT;
    if (request->header_count == request->header_capacity) {
        size_t capacity = request->header_capacity * 2;
        eio_http_header_entry *headers =
            grow(request->headers, request->first_headers, sizeof(request->first_headers),
                 capacity * sizeof(*headers));
        if (headers == NULL)
            return EIO_E_NOMEM;
        request->headers = headers;
        request->header_capacity = capacity;
    }
    uint32_t at = (uint32_t)request->head_len;
    request->headers[request->header_count++] = (eio_http_header_entry){ .name = at, .value = at };
    return EIO_OK;
}

int eio_http_request_add_name(eio_http_request *request, eio_slice piece, bool begin, size_t most)
{
    int rc = begin ? begin_header(request, most) : EIO_OK;

    if (rc == EIO_OK)
        rc = append(request, piece);
    if (rc != EIO_OK)
        return rc;
    eio_http_header_entry *entry = &request->headers[request->header_count - 1];
    entry->name_len += (uint32_t)piece.len;
    entry->value = (uint32_t)request->head_len;
    return EIO_OK;
}

int eio_http_request_add_value(eio_http_request *request, eio_slice piece)
{
    int rc = append(request, piece);

    if (rc == EIO_OK)
        request->headers[request->header_count - 1].value_len += (uint32_t)piece.len;
    return rc;
}

void eio_http_request_trim(eio_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        eio_http_header_entry *entry = &request->headers[i];
        const char *value = request->head + entry->value;
        while (entry->value_len > 0 &&
               (value[entry->value_len - 1] == ' ' || value[entry->value_len - 1] == '\t'))
            entry->value_len--;
    }
}

static eio_slice name_of(const eio_http_request *request, size_t index)
{
    const eio_http_header_entry *entry = &request->headers[index];
    return (eio_slice){ request->head + entry->name, entry->name_len };
}

static eio_slice value_of(const eio_http_request *request, size_t index)
{
    const eio_http_header_entry *entry = &request->headers[index];
    return (eio_slice){ request->head + entry->value, entry->value_len };
}

bool eio_http_same_name(eio_slice a, eio_slice b)
{
    return a.len == b.len && strncasecmp(a.base, b.base, a.len) == 0;
}

size_t eio_http_request_count(const eio_http_request *request, const char *name)
{
    eio_slice wanted = eio_slice_of(name);
    size_t count = 0;

    for (size_t i = 0; i < request->header_count; i++)
        count += eio_http_same_name(name_of(request, i), wanted);
    return count;
}

/* ---- what a handler reads ---- */

eio_slice eio_http_method(const eio_http_request *request)
{
    return eio_slice_of(request->method);
}

eio_slice eio_http_target(const eio_http_request *request)
{
    return (eio_slice){ request->head, request->target_len };
}

static size_t path_len(const eio_http_request *request)
{
    const char *mark =
        request->target_len == 0 ? NULL : memchr(request->head, '?', request->target_len);
    return mark == NULL ? request->target_len : (size_t)(mark - request->head);
}

eio_slice eio_http_path(const eio_http_request *request)
{
    return (eio_slice){ request->head, path_len(request) };
}

eio_slice eio_http_query(const eio_http_request *request)
{
    size_t at = path_len(request);

    if (at == request->target_len)
        return (eio_slice){ NULL, 0 };
    return (eio_slice){ request->head + at + 1, request->target_len - at - 1 };
}

eio_slice eio_http_header(const eio_http_request *request, const char *name)
{
    eio_slice wanted = eio_slice_of(name);

    for (size_t i = 0; i < request->header_count; i++)
        if (eio_http_same_name(name_of(request, i), wanted))
            return value_of(request, i);
    return (eio_slice){ NULL, 0 };
}

bool eio_http_header_at(const eio_http_request *request, size_t index, eio_slice *name,
                        eio_slice *value)
{
    if (index >= request->header_count)
        return false;
    *name = name_of(request, index);
    *value = value_of(request, index);
    return true;
}

eio_slice eio_http_param(const eio_http_request *request, const char *name)
{
    eio_slice wanted = eio_slice_of(name);

    for (size_t i = 0; i < request->param_count; i++)
        if (eio_slice_equal(request->params[i].name, wanted))
            return request->params[i].value;
    return (eio_slice){ NULL, 0 };
}

bool eio_http_is_upgrade(const eio_http_request *request)
{
    return request->is_upgrade;
}

static bool comes_from_proxy(const eio_http_request *request, const eio_stream *stream)
{
    const eio_proxies *proxies = &request->server->proxies;
    char peer[64];

    if (proxies->count == 0 && !proxies->trusts_unix)
        return false;
    size_t len = eio_stream_remote_address(stream, peer, sizeof(peer));
    return eio_proxies_trust(proxies, (eio_slice){ peer, len });
}

/* NULL in on_abort: there is no connection any more. */
static const eio_stream *stream_of(const eio_http_request *request)
{
    return eio_http_connection_stream(request->connection);
}

bool eio_http_is_secure(const eio_http_request *request)
{
    if (request->far != NULL)
        return request->far->is_secure;
    const eio_stream *stream = stream_of(request);
    if (stream == NULL)
        return false;
    return eio_stream_is_secure(stream) ||
           (comes_from_proxy(request, stream) && eio_proxies_say_https(request));
}

static size_t copy_address(eio_slice address, char *out, size_t size)
{
    size_t len = address.len < size ? address.len : size - 1;

    memcpy(out, address.base, len);
    out[len] = '\0';
    return len;
}

size_t eio_http_remote_address(const eio_http_request *request, char *out, size_t size)
{
    if (request->far != NULL)
        return copy_address(eio_http_far_address(request->far), out, size);
    const eio_stream *stream = stream_of(request);
    if (stream == NULL) {
        out[0] = '\0';
        return 0;
    }
    size_t len = eio_stream_remote_address(stream, out, size);
    if (!comes_from_proxy(request, stream))
        return len;
    return eio_proxies_client(&request->server->proxies, request, (eio_slice){ out, len }, out,
                              size);
}

eio_http_server *eio_http_request_server(const eio_http_request *request)
{
    return request->server;
}

void eio_http_set_data(eio_http_request *request, void *data)
{
    request->data = data;
}

void *eio_http_get_data(const eio_http_request *request)
{
    return request->data;
}

void eio_http_on_abort(eio_http_request *request, void (*on_abort)(eio_http_request *, void *),
                       void *data)
{
    request->on_abort = on_abort;
    request->abort_data = data;
}

/* ---- the body ---- */

static void want_body(eio_http_request *request, eio_http_body_mode mode, size_t max_bytes,
                      eio_http_body_callback *on_body, void *data)
{
    assert(request->body_mode == EIO_HTTP_BODY_UNDECIDED);
    if (request->response == EIO_HTTP_RESPONSE_ENDED)
        return;
    request->body_mode = mode;
    request->body_max = max_bytes;
    request->on_body = on_body;
    request->body_data = data;
    if (request->far == NULL)
        eio_http_connection_want_body(request->connection);
}

void eio_http_read_body(eio_http_request *request, size_t max_bytes,
                        eio_http_body_callback *on_body, void *data)
{
    want_body(request, EIO_HTTP_BODY_WHOLE, max_bytes, on_body, data);
}

void eio_http_stream_body(eio_http_request *request, size_t max_bytes,
                          eio_http_body_callback *on_piece, void *data)
{
    want_body(request, EIO_HTTP_BODY_PIECES, max_bytes, on_piece, data);
}

void eio_http_request_fail_body(eio_http_request *request, int status)
{
    request->body_mode = EIO_HTTP_BODY_DELIVERED;
    request->keep_alive = false; /* what is left of it is not read */
    eio_buffer_unref(request->body);
    request->body = NULL;
    request->on_body(request, status, (eio_slice){ NULL, 0 }, request->body_data);
}

/* Memory follows what came, never what Content-Length promises. */
static int keep_piece(eio_http_request *request, eio_slice piece)
{
    if (request->body == NULL)
        request->body = eio_buffer_new(piece.len);
    if (request->body == NULL)
        return EIO_E_NOMEM;
    return eio_buffer_append(&request->body, piece);
}

void eio_http_request_feed_body(eio_http_request *request, eio_slice piece)
{
    if (request->body_mode == EIO_HTTP_BODY_DELIVERED)
        return;
    if (piece.len > request->body_max - request->body_seen) {
        eio_http_request_fail_body(request, EIO_E_TOO_BIG);
        return;
    }
    request->body_seen += piece.len;
    if (request->body_mode == EIO_HTTP_BODY_PIECES)
        request->on_body(request, EIO_OK, piece, request->body_data);
    else if (keep_piece(request, piece) != EIO_OK)
        eio_http_request_fail_body(request, EIO_E_NOMEM);
}

void eio_http_request_end_body(eio_http_request *request)
{
    if (request->body_mode == EIO_HTTP_BODY_DELIVERED)
        return;
    request->body_mode = EIO_HTTP_BODY_DELIVERED;
    eio_slice body = request->body == NULL ? (eio_slice){ "", 0 } : eio_buffer_slice(request->body);
    request->on_body(request, EIO_OK, body, request->body_data);
}
