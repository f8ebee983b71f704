#include "engineio/ws_transport.h"

#include "engineio/net/base64.h"
#include "engineio/net/buffer_private.h"
#include "engineio/payload3.h"
#include "engineio/sealed.h"
#include "engineio/server.h"
#include "engineio/websocket/seal.h"
#include "engineio/websocket/websocket.h"

/* ---- sockets nobody listens to any more ---- */

static void ignore_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    (void)ws;
    (void)payload;
    (void)binary;
    (void)data;
}

static void ignore_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    (void)ws;
    (void)code;
    (void)reason;
    (void)failed;
    (void)data;
}

static const eio_websocket_handler orphan_handler = {
    .on_message = ignore_message,
    .on_close = ignore_close,
};

void eio_ws_orphan(eio_websocket *ws)
{
    eio_websocket_set_handler(ws, &orphan_handler, NULL);
    eio_websocket_close(ws, EIO_WS_NO_STATUS, (eio_slice){ NULL, 0 });
}

int eio_ws_accept(eio_server *server, eio_http_request *request, eio_websocket **out)
{
    eio_websocket_options options;

    eio_websocket_options_init(&options);
    options.max_message_bytes = server->options.max_payload_bytes;
    options.deflate = server->options.per_message_deflate;
    if (server->options.on_headers != NULL)
        server->options.on_headers(server, request, server->options.data);
    return eio_websocket_accept(out, request, &options, &orphan_handler, NULL);
}

void eio_ws_accept_and_close(eio_server *server, eio_http_request *request)
{
    eio_websocket *ws;

    if (eio_ws_accept(server, request, &ws) == EIO_OK)
        eio_ws_orphan(ws);
}

/* ---- receiving ---- */

/* on_message lends the payload to be changed. */
static int decode3(eio_packet *packet, eio_slice payload, bool binary)
{
    return binary ? eio_packet3_decode_binary(packet, payload)
                  : eio_packet3_decode_text(packet, (char *)(uintptr_t)payload.base, payload.len);
}

static void handle_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    eio_session *session = data;
    eio_packet packet;
    int rc = EIO_OK;

    (void)ws;
    if (session->protocol == 3)
        rc = decode3(&packet, payload, binary);
    else if (binary)
        packet = (eio_packet){ EIO_PACKET_MESSAGE, true, payload };
    else
        rc = eio_packet_decode(&packet, (char *)(uintptr_t)payload.base, payload.len);
    if (rc == EIO_OK)
        eio_session_receive(session, &packet);
    else
        eio_session_receive_garbage(session);
}

static void handle_drain(eio_websocket *ws, void *data)
{
    (void)ws;
    eio_session_drained(data);
}

static const char *failure_text(int code)
{
    switch (code) {
    case EIO_WS_TOO_BIG: return "message larger than max_payload_bytes";
    case EIO_WS_INVALID_TEXT: return "text that is not UTF-8, or bad compressed data";
    case EIO_WS_POLICY: return "too many fragments";
    case EIO_WS_TRY_AGAIN_LATER: return "slow consumer";
    default: return "WebSocket protocol error";
    }
}

static void handle_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    eio_session *session = data;

    (void)ws;
    (void)reason;
    session->ws = NULL;
    if (code == EIO_WS_TOO_BIG)
        session->server->counters.too_big++;
    if (failed && code == EIO_WS_TRY_AGAIN_LATER)
        session->server->counters.slow_consumers++;
    if (failed)
        eio_session_end(session, EIO_REASON_TRANSPORT_ERROR, failure_text(code));
    else
        eio_session_end(session, EIO_REASON_TRANSPORT_CLOSE,
                        code == EIO_WS_ABNORMAL ? "connection lost" : "closed by the client");
}

static const eio_websocket_handler transport_handler = {
    .on_message = handle_message,
    .on_close = handle_close,
};

static const eio_websocket_handler drained_handler = {
    .on_message = handle_message,
    .on_drain = handle_drain,
    .on_close = handle_close,
};

void eio_ws_transport_listen(eio_session *session)
{
    bool wants_drain = eio_session_wants_drain(session);

    eio_websocket_set_handler(session->ws, wants_drain ? &drained_handler : &transport_handler,
                              session);
}

/* ---- sending ---- */

void eio_ws_transport_take(eio_session *session, eio_websocket *ws)
{
    session->ws = ws;
    eio_ws_transport_listen(session);
    eio_stream_set_limit(eio_websocket_stream(ws), session->server->options.max_buffered_bytes);
}

/* The frame of a message of bytes for a client without binary frames, or of protocol 3. NULL when out of memory. */
static eio_buffer *binary_frame(const eio_session *session, eio_slice bytes)
{
    eio_buffer *frame = NULL;
    size_t len = eio_base64_encoded_len(bytes.len);

    if (session->protocol == 3 && session->base64) {
        if (eio_packet3_encode_base64(&frame, bytes) == EIO_OK)
            eio_frame_seal(frame, 0, EIO_OPCODE_TEXT);
    } else if (session->protocol == 3) {
        frame = eio_buffer_copy(bytes);
        if (frame != NULL)
            eio_frame_seal(frame, EIO_PACKET3_MESSAGE_BYTE, EIO_OPCODE_BINARY);
    } else if ((frame = eio_buffer_new(len)) != NULL) {
        eio_base64_encode(eio_buffer_reserve(&frame, len), bytes);
        eio_buffer_commit(frame, len);
        eio_packet_seal(frame, 'b');
    }
    return frame;
}

int eio_ws_transport_send(eio_session *session, eio_buffer *packet)
{
    if ((!session->base64 && session->protocol == 4) || !eio_packet_of(packet).binary)
        return eio_websocket_send_sealed(session->ws, packet);
    eio_buffer *frame = binary_frame(session, eio_buffer_slice(packet));
    if (frame == NULL)
        return EIO_E_NOMEM;
    if (eio_buffer_is_plain(packet))
        eio_buffer_set_plain(frame);
    int rc = eio_websocket_send_sealed(session->ws, frame);
    eio_buffer_unref(frame);
    return rc;
}

void eio_ws_transport_close(eio_session *session)
{
    eio_websocket *ws = session->ws;

    session->ws = NULL;
    eio_ws_orphan(ws);
}
