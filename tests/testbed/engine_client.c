/* Contract `engine-client`: what the suite of engine.io-client talks to. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/testbed/testbed.h"

static void send_copy(eio_session *session, eio_slice payload, bool binary)
{
    eio_buffer *buffer = eio_buffer_copy(payload);

    if (buffer != NULL)
        (void)eio_session_send(session, buffer, binary ? EIO_SEND_BINARY : 0);
    eio_buffer_unref(buffer);
}

static bool header_at(const void *request, size_t index, eio_slice *name, eio_slice *value)
{
    return request != NULL && eio_http_header_at(request, index, name, value);
}

static void send_headers(eio_session *session)
{
    eio_buffer *json = eio_buffer_new(0);

    if (json != NULL &&
        testbed_append_headers(&json, header_at, eio_session_request(session)) == EIO_OK)
        (void)eio_session_send(session, json, 0);
    eio_buffer_unref(json);
}

static void on_message(eio_session *session, eio_slice payload, bool binary, void *data)
{
    static const char bytes[] = { 0, 1, 2, 3, 4 };

    (void)data;
    if (eio_slice_equal(payload, EIO_STR("give binary")))
        send_copy(session, (eio_slice){ bytes, sizeof(bytes) }, true);
    else if (eio_slice_equal(payload, EIO_STR("give utf8")))
        send_copy(session, EIO_STR("пойду спать всем спокойной ночи"), false);
    else if (eio_slice_equal(payload, EIO_STR("sendHeaders")))
        send_headers(session);
    else
        send_copy(session, payload, binary);
}

static void on_close(eio_session *session, eio_reason reason, const char *detail, void *data)
{
    (void)session;
    (void)reason;
    (void)detail;
    (void)data;
}

static void on_session(eio_server *server, eio_session *session, void *data)
{
    static const eio_session_handler handler = { .on_message = on_message, .on_close = on_close };

    (void)server;
    eio_session_set_handler(session, &handler, data);
    send_copy(session, EIO_STR("hi"), false);
}

static void on_handshake(eio_server *server, eio_handshake *handshake, void *data)
{
    const eio_http_request *request = eio_handshake_request(handshake);
    char value[64];

    (void)server;
    (void)data;
    if (eio_query_get(eio_http_query(request), "deny", value, sizeof(value)).base != NULL)
        eio_handshake_refuse(handshake, NULL);
    else
        eio_handshake_allow(handshake);
}

static void on_initial_headers(eio_server *server, eio_http_request *request, void *data)
{
    static const char *const cookies[] = { "1=1; Max-Age=86400",
                                           "2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
                                           "3=3; Max-Age=0" };
    time_t now = time(NULL);
    struct tm utc;
    char text[64];

    (void)server;
    (void)data;
    for (size_t i = 0; i < sizeof(cookies) / sizeof(*cookies); i++)
        (void)eio_http_add_header(request, EIO_STR("Set-Cookie"), eio_slice_of(cookies[i]));
    if (gmtime_r(&now, &utc) != NULL &&
        strftime(text, sizeof(text), "4=4; Expires=%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
        (void)eio_http_add_header(request, EIO_STR("Set-Cookie"), eio_slice_of(text));
}

/* How many responses had their turn, this one included. */
static void on_headers(eio_server *server, eio_http_request *request, void *data)
{
    static uint64_t count;
    char text[24];

    (void)server;
    (void)data;
    (void)eio_http_add_header(request, EIO_STR("X-Response"), testbed_print(text, ++count));
}

static void adjust_engine(eio_options *options)
{
    options->on_session = on_session;
    options->on_handshake = on_handshake;
    options->on_initial_headers = on_initial_headers;
    options->on_headers = on_headers;
}

const testbed_contract contract_engine_client = {
    .name = "engine-client",
    .defaults = { .ping_interval_ms = 500, .max_payload_bytes = 100, .grace_ms = 8000 },
    .adjust_engine = adjust_engine,
};
