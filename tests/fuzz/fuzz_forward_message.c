/*
 * A message between servers that forward: what is read is written to the same bytes again, and a request that one
 * brings is refused, or has a head that can be read.
 */
#include <stdint.h>
#include <stdlib.h>

#include "engineio/http/far.h"
#include "socketio/forward/message.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void ignore_response(int status, eio_slice lines, eio_slice body, bool keep_alive,
                            void *data)
{
    (void)status;
    (void)lines;
    (void)body;
    (void)keep_alive;
    (void)data;
}

static const eio_http_far_handler ignoring = { .on_response = ignore_response };

static eio_http_server *server(void)
{
    static eio_http_server *only;
    static uv_loop_t loop;

    if (only == NULL)
        check(uv_loop_init(&loop) == 0 && eio_http_server_new(&only, &loop, NULL) == EIO_OK);
    return only;
}

static void make_request(const sio_forward_message *message)
{
    const eio_http_far_head head = {
        .method = message->texts[SIO_FORWARD_METHOD],
        .target = message->texts[SIO_FORWARD_TARGET],
        .address = message->texts[SIO_FORWARD_ADDRESS],
        .headers = message->texts[SIO_FORWARD_HEADERS],
        .lines = message->texts[SIO_FORWARD_LINES],
    };
    eio_http_request *request = eio_http_far_new(server(), &head, &ignoring, NULL);
    eio_slice name;
    eio_slice value;
    char address[64];

    if (request == NULL)
        return;
    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++)
        check(name.len > 0 && memchr(name.base, '\n', name.len) == NULL &&
              (value.len == 0 || memchr(value.base, '\n', value.len) == NULL));
    check(eio_http_remote_address(request, address, sizeof(address)) < sizeof(address));
    (void)eio_http_respond(request, 200, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const eio_slice bytes = { (const char *)data, size };
    sio_forward_message message;
    eio_buffer *again;

    if (sio_forward_decode(&message, bytes) != EIO_OK)
        return 0;
    check(sio_forward_encode(&again, &message) == EIO_OK);
    check(message.exchange.len == 0 || eio_slice_equal(eio_buffer_slice(again), bytes));
    eio_buffer_unref(again);
    if (message.kind == SIO_FORWARD_OPEN)
        make_request(&message);
    return 0;
}
