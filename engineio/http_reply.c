#include "engineio/http_reply.h"

#include <stdio.h>

#include "engineio/net/buffer_private.h"
#include "engineio/request.h"
#include "engineio/server.h"

static const char *const refusal_texts[] = {
    [EIO_UNKNOWN_TRANSPORT] = "Transport unknown",
    [EIO_UNKNOWN_SID] = "Session ID unknown",
    [EIO_BAD_HANDSHAKE_METHOD] = "Bad handshake method",
    [EIO_BAD_REQUEST] = "Bad request",
    [EIO_FORBIDDEN] = "Forbidden",
    [EIO_UNSUPPORTED_PROTOCOL] = "Unsupported protocol version",
};

static bool contains(eio_slice text, eio_slice part)
{
    return text.base != NULL && memmem(text.base, text.len, part.base, part.len) != NULL;
}

static void add_headers(eio_server *server, eio_http_request *request, eio_slice content_type)
{
    eio_slice agent = eio_http_header(request, "user-agent");

    eio_http_add_header(request, EIO_STR("Content-Type"), content_type);
    eio_http_add_header(request, EIO_STR("cache-control"), EIO_STR("no-store"));
    /* Old Internet Explorers would take a payload for an attack. */
    if (contains(agent, EIO_STR(";MSIE")) || contains(agent, EIO_STR("Trident/")))
        eio_http_add_header(request, EIO_STR("X-XSS-Protection"), EIO_STR("0"));
    if (server->options.on_headers != NULL)
        server->options.on_headers(server, request, server->options.data);
}

/* Whether one of them at least may be compressed: then all that go with it are. */
static bool may_compress(const eio_buffer *const *packets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!eio_buffer_is_plain(packets[i]))
            return true;
    return false;
}

/* In the coding that the request likes best. There is no Vary: nobody may store these replies. */
static void compress_body(eio_server *server, eio_http_request *request, eio_buffer **body)
{
    eio_encoding encoding = eio_http_choose_encoding(request);
    eio_buffer *compressed = NULL;

    if (encoding != EIO_ENCODING_IDENTITY)
        compressed = eio_compress(&server->compressor, encoding, eio_buffer_slice(*body));
    if (compressed == NULL)
        return; /* as it is, it will do */
    eio_http_add_header(request, EIO_STR("Content-Encoding"), eio_encoding_name(encoding));
    eio_buffer_unref(*body);
    *body = compressed;
}

int eio_reply_packets(eio_server *server, eio_http_request *request, const eio_dialect *dialect,
                      const eio_buffer *const *packets, size_t count)
{
    eio_slice content_type;
    eio_buffer *body = eio_polling_body_encode(dialect, packets, count, &content_type);

    if (body == NULL) {
        eio_http_destroy(request);
        return EIO_E_NOMEM;
    }
    if (!server->options.no_http_compression &&
        eio_buffer_slice(body).len >= server->options.http_compression_threshold &&
        may_compress(packets, count))
        compress_body(server, request, &body);
    add_headers(server, request, content_type);
    int rc = eio_http_respond(request, 200, body);
    eio_buffer_unref(body);
    return rc;
}

void eio_reply_ok(eio_server *server, eio_http_request *request)
{
    add_headers(server, request, EIO_STR("text/html"));
    eio_http_respond(request, 200, server->packets.ok);
}

/* JSON.stringify's escapes, for a message that comes from the application. */
static int append_json(eio_buffer **body, const char *text)
{
    int rc = EIO_OK;

    for (; *text != '\0' && rc == EIO_OK; text++) {
        char escaped[8];
        size_t len = 1;
        if (*text == '"' || *text == '\\')
            len = (size_t)snprintf(escaped, sizeof(escaped), "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            len = (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)*text);
        else
            escaped[0] = *text;
        rc = eio_buffer_append(body, (eio_slice){ escaped, len });
    }
    return rc;
}

static eio_buffer *refusal_json(eio_refusal code, const char *message)
{
    char head[40];
    int len = snprintf(head, sizeof(head), "{\"code\":%d,\"message\":\"", (int)code);
    eio_buffer *body = eio_buffer_new(64);

    if (body == NULL)
        return NULL;
    if (eio_buffer_append(&body, (eio_slice){ head, (size_t)len }) == EIO_OK &&
        append_json(&body, message) == EIO_OK && eio_buffer_append(&body, EIO_STR("\"}")) == EIO_OK)
        return body;
    eio_buffer_unref(body);
    return NULL;
}

void eio_reply_refusal(eio_server *server, eio_http_request *request, eio_refusal code,
                       const char *message, const char *context)
{
    const char *text = message != NULL ? message : refusal_texts[code];

    server->counters.refused++;
    eio_server_log(server, 'd', "request refused: %s (%s)", refusal_texts[code], context);
    if (server->options.on_connection_error != NULL)
        server->options.on_connection_error(server, request, code, context, server->options.data);
    if (eio_request_is_upgrade(server, request)) {
        eio_http_set_header(request, EIO_STR("Content-type"), EIO_STR("text/html"));
        eio_http_respond_text(request, 400, NULL, eio_slice_of(text));
        return;
    }
    eio_buffer *body = refusal_json(code, text);
    if (body == NULL) {
        eio_http_destroy(request);
        return;
    }
    eio_http_add_header(request, EIO_STR("Content-Type"), EIO_STR("application/json"));
    eio_http_respond(request, code == EIO_FORBIDDEN ? 403 : 400, body);
    eio_buffer_unref(body);
}
