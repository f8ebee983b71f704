/* An upgraded connection that ends elsewhere: bytes, as they come, at most a window of them ahead of the other end. */
#include "socketio/forward/forwarder.h"

enum { MOST_PIECE_BYTES = 64 * 1024 };

static void update_reading(sio_exchange *exchange)
{
    bool rests =
        exchange->untaken >= SIO_FORWARD_WINDOW || sio_forwarder_is_busy(exchange->forwarder);

    if (rests == exchange->rests)
        return;
    exchange->rests = rests;
    eio_stream_set_reading(exchange->stream, !rests);
}

static void handle_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    sio_exchange *exchange = data;

    (void)stream;
    for (size_t at = 0; at < len; at += MOST_PIECE_BYTES) {
        size_t piece = len - at < MOST_PIECE_BYTES ? len - at : MOST_PIECE_BYTES;
        sio_exchange_post(exchange, (sio_forward_message){ .kind = SIO_FORWARD_BYTES,
                                                           .bytes = { bytes + at, piece } });
    }
    exchange->untaken += len;
    update_reading(exchange);
}

/* Told when it is half of the window: the other end goes on in time, and small ones cost one message and no more. */
static void tell_taken(sio_exchange *exchange)
{
    if (exchange->untold < SIO_FORWARD_WINDOW / 2)
        return;
    sio_exchange_post(exchange, (sio_forward_message){ .kind = SIO_FORWARD_TAKEN,
                                                       .number = (uint32_t)exchange->untold });
    exchange->untold = 0;
}

static void handle_drain(eio_stream *stream, void *data)
{
    (void)stream;
    tell_taken(data);
}

static void handle_close(eio_stream *stream, int reason, void *data)
{
    sio_exchange *exchange = data;

    (void)stream;
    (void)reason;
    exchange->stream = NULL;
    sio_exchange_end(exchange);
}

const eio_stream_handler sio_tunnel_handler = {
    .on_read = handle_read,
    .on_drain = handle_drain,
    .on_close = handle_close,
};

void sio_tunnel_begin(sio_exchange *exchange, eio_stream *stream)
{
    exchange->stream = stream;
    sio_exchange_set_state(exchange, SIO_EXCHANGE_TUNNEL);
}

void sio_tunnel_feed(sio_exchange *exchange, eio_slice bytes)
{
    eio_buffer *copy = eio_buffer_copy(bytes);
    int rc = copy == NULL ? EIO_E_NOMEM
                          : eio_stream_write(exchange->stream, copy, eio_buffer_slice(copy));

    eio_buffer_unref(copy);
    if (rc == EIO_OK) {
        exchange->untold += bytes.len;
        return;
    }
    eio_stream_abort(exchange->stream);
    exchange->stream = NULL;
    sio_exchange_end(exchange);
}

void sio_tunnel_taken(sio_exchange *exchange, uint32_t bytes)
{
    exchange->untaken -= bytes < exchange->untaken ? bytes : exchange->untaken;
    update_reading(exchange);
}

void sio_tunnel_wake(sio_exchange *exchange)
{
    update_reading(exchange);
}
