#include "engineio/websocket/websocket.h"

#include <assert.h>
#include <stdlib.h>

#include "engineio/http/request.h"
#include "engineio/net/buffer_private.h"
#include "engineio/websocket/extension.h"
#include "engineio/websocket/group.h"
#include "engineio/websocket/handshake.h"
#include "engineio/websocket/seal.h"
#include "engineio/websocket/utf8.h"

enum {
    /* Pongs join the queue while it is shorter than this; above it, the latest one waits until the queue is empty. */
    PONGS_BELOW_BYTES = 1024,
    MAX_CONTROL_BYTES = 125,
    CLOSE_CODE_BYTES = 2,
};

typedef enum websocket_state {
    WS_OPEN,
    WS_CLOSING, /* our close frame is queued; the peer's is awaited */
    WS_FAILING, /* a call has failed it; the loop will report that */
    WS_CLOSED,  /* reported, or aborted: memory only, until nobody works on it */
    WS_N_STATES
} websocket_state;

struct eio_websocket {
    eio_stream *stream; /* ours until it is closed */
    uint8_t state;
    uint8_t server_bits; /* the window of what we compress; 0: permessage-deflate is off */
    bool busy;           /* handle_read is at work */
    bool silent;         /* nothing came since our last ping */
    bool keeps_window;   /* the client's messages refer to earlier ones */
    const eio_websocket_handler *handler;
    void *data;
    eio_websocket_group *group; /* a reference */
    eio_frame_decoder decoder;
    eio_buffer *pong;            /* the one that waits; NULL: none */
    eio_deadline deadline;       /* in the group's queue for the state */
    eio_inflate_window window[]; /* one, if so */
};

static_assert(sizeof(eio_websocket) <= 96, "an idle client is small");

static const unsigned legal_next[WS_N_STATES] = {
    [WS_OPEN] = 1u << WS_CLOSING | 1u << WS_FAILING | 1u << WS_CLOSED,
    [WS_CLOSING] = 1u << WS_CLOSED,
    [WS_FAILING] = 1u << WS_CLOSED,
};

static eio_deadline_queue *queue_of(eio_websocket *ws)
{
    switch ((websocket_state)ws->state) {
    case WS_OPEN: return &ws->group->pinging;
    case WS_CLOSING: return &ws->group->closing;
    case WS_FAILING:
    case WS_CLOSED:
    case WS_N_STATES: break;
    }
    return &ws->group->failing;
}

static void set_state(eio_websocket *ws, websocket_state state)
{
    assert((legal_next[ws->state] & 1u << state) != 0);
    eio_deadline_stop(queue_of(ws), &ws->deadline);
    ws->state = (uint8_t)state;
}

static eio_websocket *websocket_of(eio_deadline *deadline)
{
    return (eio_websocket *)((char *)deadline - offsetof(eio_websocket, deadline));
}

static void websocket_free(eio_websocket *ws)
{
    eio_frame_fini(&ws->decoder);
    eio_buffer_unref(ws->pong);
    if (ws->keeps_window)
        eio_inflate_window_fini(ws->window);
    eio_websocket_group_release(ws->group);
    free(ws);
}

/* ---- ending ---- */

/* The last callback. The memory stays the caller's to free. */
static void report(eio_websocket *ws, int code, eio_slice reason, bool failed)
{
    set_state(ws, WS_CLOSED);
    ws->handler->on_close(ws, code, reason, failed, ws->data);
}

static void end_in_order(eio_websocket *ws, int code, eio_slice reason, bool failed)
{
    report(ws, code, reason, failed);
    eio_stream_close(ws->stream);
}

/* ---- writing ---- */

/* Queue the last frame, behind whatever is queued: the limit is not for this one. */
static void write_close(eio_websocket *ws, int code, eio_slice reason)
{
    eio_buffer *frame = eio_buffer_new(MAX_CONTROL_BYTES);
    if (frame == NULL)
        return; /* the connection closes all the same */
    if (code != EIO_WS_NO_STATUS) {
        const char bytes[CLOSE_CODE_BYTES] = { (char)(code >> 8), (char)code };
        (void)eio_buffer_append(&frame,
                                (eio_slice){ bytes, sizeof(bytes) }); /* there is room for both */
        (void)eio_buffer_append(&frame, reason);
    }
    (void)eio_frame_seal(frame, 0, EIO_OPCODE_CLOSE);
    eio_stream_set_limit(ws->stream, SIZE_MAX);
    (void)eio_stream_write(ws->stream, frame, eio_buffer_sealed(frame));
    eio_buffer_unref(frame);
}

/* The output limit is reached, in a call of the application: the loop reports it. */
static void fail_slow_consumer(eio_websocket *ws)
{
    set_state(ws, WS_FAILING);
    write_close(ws, EIO_WS_TRY_AGAIN_LATER, EIO_STR("slow consumer"));
    eio_deadline_start(&ws->group->failing, &ws->deadline);
}

/* Compressed, where it is worth it. Control frames never are (RFC 7692 §6.1). */
__attribute__((noinline)) static eio_buffer *compressed_form_of(eio_websocket *ws,
                                                                eio_buffer *buffer)
{
    eio_deflate *deflate = &ws->group->deflate;
    eio_opcode opcode = eio_frame_opcode(buffer);

    if ((opcode != EIO_OPCODE_TEXT && opcode != EIO_OPCODE_BINARY) ||
        eio_frame_payload(buffer).len < deflate->options.threshold || eio_buffer_is_plain(buffer))
        return buffer;
    return eio_deflate_frame(deflate, buffer, ws->server_bits);
}

int eio_websocket_send_sealed(eio_websocket *ws, eio_buffer *buffer)
{
    if (ws->state != WS_OPEN)
        return EIO_E_CLOSED;
    eio_buffer *frame = ws->server_bits == 0 ? buffer : compressed_form_of(ws, buffer);
    return eio_stream_write(ws->stream, frame, eio_buffer_sealed(frame));
}

/* One that is too slow for a frame of ours is closed for it. */
static int send_frame(eio_websocket *ws, eio_buffer *frame)
{
    int rc = eio_websocket_send_sealed(ws, frame);
    if (rc == EIO_E_BACKLOG)
        fail_slow_consumer(ws);
    return rc;
}

int eio_websocket_send(eio_websocket *ws, eio_buffer *payload, bool binary)
{
    if (ws->state != WS_OPEN)
        return EIO_E_CLOSED;
    int rc = eio_frame_seal(payload, 0, binary ? EIO_OPCODE_BINARY : EIO_OPCODE_TEXT);
    return rc == EIO_OK ? send_frame(ws, payload) : rc;
}

int eio_websocket_send_text(eio_websocket *ws, eio_slice text)
{
    if (ws->state != WS_OPEN)
        return EIO_E_CLOSED;
    eio_buffer *payload = eio_buffer_copy(text);
    if (payload == NULL)
        return EIO_E_NOMEM;
    int rc = eio_websocket_send(ws, payload, false);
    eio_buffer_unref(payload);
    return rc;
}

/* A new control frame; NULL when out of memory. */
static eio_buffer *control_new(eio_opcode opcode, eio_slice payload)
{
    eio_buffer *frame = eio_buffer_copy(payload);
    if (frame != NULL)
        (void)eio_frame_seal(frame, 0, opcode); /* a new buffer is not sealed otherwise */
    return frame;
}

int eio_websocket_ping(eio_websocket *ws, eio_slice payload)
{
    if (payload.len > MAX_CONTROL_BYTES)
        return EIO_E_INVALID;
    if (ws->state != WS_OPEN)
        return EIO_E_CLOSED;
    eio_buffer *ping = control_new(EIO_OPCODE_PING, payload);
    if (ping == NULL)
        return EIO_E_NOMEM;
    int rc = send_frame(ws, ping);
    eio_buffer_unref(ping);
    return rc;
}

void eio_websocket_close(eio_websocket *ws, int code, eio_slice reason)
{
    assert(reason.len <= MAX_CONTROL_BYTES - CLOSE_CODE_BYTES);
    if (ws->state != WS_OPEN)
        return;
    set_state(ws, WS_CLOSING);
    write_close(ws, code, reason);
    eio_stream_set_reading(ws->stream, true); /* or the peer's close frame would not be seen */
    eio_deadline_start(&ws->group->closing, &ws->deadline);
}

void eio_websocket_abort(eio_websocket *ws)
{
    if (ws == NULL || ws->state == WS_CLOSED)
        return;
    set_state(ws, WS_CLOSED);
    eio_stream_abort(ws->stream);
    if (!ws->busy)
        websocket_free(ws);
}

/* ---- reading ---- */

static void listen_to_stream(eio_websocket *ws);

/* RFC 6455 §5.5.3: of several pings, only the latest need be answered. So a peer that does not read costs one pong. */
static void answer_ping(eio_websocket *ws, eio_slice payload)
{
    eio_buffer *pong = control_new(EIO_OPCODE_PONG, payload);
    if (pong == NULL)
        return; /* the next ping may have more luck */
    eio_buffer_unref(ws->pong);
    ws->pong = NULL;
    if (eio_stream_queued(ws->stream) >= PONGS_BELOW_BYTES) {
        ws->pong = pong;
        listen_to_stream(ws);
        return;
    }
    (void)send_frame(ws, pong);
    eio_buffer_unref(pong);
}

static void handle_peer_close(eio_websocket *ws, const eio_frame_event *event)
{
    int code = event->code == 0 ? EIO_WS_NO_STATUS : event->code;

    if (ws->state == WS_OPEN)
        write_close(ws, code, EIO_STR(""));
    end_in_order(ws, code, event->payload, false);
}

static int close_code_of(int error)
{
    switch (error) {
    case EIO_E_UTF8: return EIO_WS_INVALID_TEXT;
    case EIO_E_TOO_BIG: return EIO_WS_TOO_BIG;
    case EIO_E_LIMIT: return EIO_WS_POLICY;
    case EIO_E_NOMEM: return EIO_WS_TRY_AGAIN_LATER;
    default: return EIO_WS_PROTOCOL_ERROR;
    }
}

/* RFC 6455 §7.1.7 */
static void fail_with(eio_websocket *ws, int code, eio_slice why)
{
    if (ws->state == WS_OPEN)
        write_close(ws, code, (eio_slice){ NULL, 0 }); /* as Node's: the code says it */
    end_in_order(ws, code, why, true);
}

static void handle_control(eio_websocket *ws, const eio_frame_event *event)
{
    if (event->opcode == EIO_OPCODE_CLOSE) {
        handle_peer_close(ws, event);
        return;
    }
    if (ws->state != WS_OPEN)
        return;
    if (event->opcode == EIO_OPCODE_PING)
        answer_ping(ws, event->payload);
    if (ws->handler->on_control != NULL)
        ws->handler->on_control(ws, ws->data);
}

static const char *inflate_fault(int code)
{
    switch (code) {
    case EIO_E_TOO_BIG: return "message too big";
    case EIO_E_NOMEM: return "out of memory";
    case EIO_E_UTF8: return "a text that is not UTF-8";
    default: return "invalid compressed data";
    }
}

static void inflate_message(eio_websocket *ws, const eio_frame_event *event)
{
    bool binary = event->opcode == EIO_OPCODE_BINARY;
    char *bytes = NULL;
    size_t len = 0;
    int rc = eio_inflate(&bytes, &len, &ws->group->deflate, event->payload,
                         ws->group->limits.max_message_bytes, ws->keeps_window ? ws->window : NULL);
    eio_slice payload = { bytes, len };

    if (rc == EIO_OK && !binary && !eio_utf8_is_valid(payload))
        rc = EIO_E_UTF8;
    if (rc == EIO_OK) {
        ws->handler->on_message(ws, payload, binary, ws->data);
    } else {
        const eio_slice why = eio_slice_of(inflate_fault(rc));
        int code = rc == EIO_E_PROTOCOL ? EIO_WS_INVALID_TEXT : close_code_of(rc); /* as Node's */
        fail_with(ws, code, why);
    }
    free(bytes);
}

static void handle_message(eio_websocket *ws, const eio_frame_event *event)
{
    if (event->compressed)
        inflate_message(ws, event);
    else
        ws->handler->on_message(ws, event->payload, event->opcode == EIO_OPCODE_BINARY, ws->data);
}

/* What the peer sends after our close frame is of no interest any more, but for its own. */
static void handle_event(eio_websocket *ws, eio_frame_result result, const eio_frame_event *event)
{
    switch (result) {
    case EIO_FRAME_MESSAGE:
        if (ws->state == WS_OPEN)
            handle_message(ws, event);
        break;
    case EIO_FRAME_CONTROL: handle_control(ws, event); break;
    case EIO_FRAME_FAILED: fail_with(ws, close_code_of(event->code), event->payload); break;
    case EIO_FRAME_MORE: break;
    }
}

static void handle_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    eio_websocket *ws = data;
    char *at = bytes;
    eio_frame_event event;
    eio_frame_result result = EIO_FRAME_MESSAGE;

    (void)stream;
    ws->silent = false;
    ws->busy = true;
    while (result != EIO_FRAME_MORE && (ws->state == WS_OPEN || ws->state == WS_CLOSING)) {
        result = eio_frame_next(&ws->decoder, &ws->group->limits, &at, bytes + len, &event);
        handle_event(ws, result, &event);
    }
    ws->busy = false;
    if (ws->state == WS_CLOSED)
        websocket_free(ws);
}

/* ---- the stream's other news, and deadlines ---- */

static void handle_drain(eio_stream *stream, void *data)
{
    eio_websocket *ws = data;
    eio_buffer *pong = ws->pong;

    (void)stream;
    if (ws->state != WS_OPEN)
        return;
    if (pong != NULL) {
        ws->pong = NULL;
        (void)send_frame(ws, pong); /* and the application hears when this is out, too */
        eio_buffer_unref(pong);
    } else if (ws->handler->on_drain != NULL) {
        ws->handler->on_drain(ws, ws->data);
    }
}

/* TCP is gone, and no close frame came. */
static void handle_stream_close(eio_stream *stream, int reason, void *data)
{
    eio_websocket *ws = data;

    (void)stream;
    if (reason == EIO_E_BACKLOG || ws->state == WS_FAILING)
        report(ws, EIO_WS_TRY_AGAIN_LATER, EIO_STR("slow consumer"), true);
    else
        report(ws, EIO_WS_ABNORMAL, eio_slice_of(reason == UV_EOF ? "" : eio_strerror(reason)),
               false);
    websocket_free(ws);
}

static void drop(eio_websocket *ws, const char *reason, bool failed)
{
    report(ws, EIO_WS_ABNORMAL, eio_slice_of(reason), failed);
    eio_stream_abort(ws->stream);
    websocket_free(ws);
}

static void handle_ping_due(eio_deadline *deadline)
{
    eio_websocket *ws = websocket_of(deadline);

    if (ws->silent) {
        drop(ws, "ping timeout", true);
        return;
    }
    ws->silent = true;
    (void)send_frame(ws, ws->group->ping);
    if (ws->state == WS_OPEN)
        eio_deadline_start(&ws->group->pinging, &ws->deadline);
}

static void handle_close_due(eio_deadline *deadline)
{
    drop(websocket_of(deadline), "no close frame came in time", false);
}

static void handle_fail_due(eio_deadline *deadline)
{
    eio_websocket *ws = websocket_of(deadline);

    end_in_order(ws, EIO_WS_TRY_AGAIN_LATER, EIO_STR("slow consumer"), true);
    websocket_free(ws);
}

static const eio_stream_handler stream_handler = {
    .on_read = handle_read,
    .on_close = handle_stream_close,
};

static const eio_stream_handler drained_handler = {
    .on_read = handle_read,
    .on_drain = handle_drain,
    .on_close = handle_stream_close,
};

/* That all is sent is news with every message, so it is told only where somebody wants to hear it. */
static void listen_to_stream(eio_websocket *ws)
{
    bool wants_drain = ws->pong != NULL || ws->handler->on_drain != NULL;

    eio_stream_set_handler(ws->stream, wants_drain ? &drained_handler : &stream_handler, ws);
}

static const eio_websocket_due due_handlers = {
    .ping = handle_ping_due,
    .close = handle_close_due,
    .fail = handle_fail_due,
};

/* ---- opening ---- */

typedef struct opening {
    eio_ws_handshake handshake;
    eio_extensions extensions;
} opening;

static eio_ws_fault judge(opening *asked, const eio_http_request *request,
                          const eio_deflate_options *deflate)
{
    eio_slice name;
    eio_slice value;

    *asked = (opening){ .extensions = { .is_bad = false } };
    for (size_t i = 0; eio_http_header_at(request, i, &name, &value); i++) {
        eio_ws_handshake_feed(&asked->handshake, name, value);
        if (deflate != NULL && eio_http_same_name(name, EIO_STR("Sec-WebSocket-Extensions")))
            eio_extensions_feed(&asked->extensions, value, deflate);
    }
    eio_ws_fault fault = eio_ws_handshake_check(&asked->handshake, eio_http_method(request));
    if (fault == EIO_HANDSHAKE_GOOD && !eio_extensions_are_good(&asked->extensions))
        return EIO_HANDSHAKE_EXTENSIONS;
    return fault;
}

static void refuse(eio_http_request *request, eio_ws_fault fault)
{
    int status = fault == EIO_HANDSHAKE_METHOD ? 405 : 400;

    eio_http_close_after(request);
    if (fault == EIO_HANDSHAKE_VERSION)
        (void)eio_http_set_header(request, EIO_STR("Sec-WebSocket-Version"), EIO_STR("13, 8"));
    (void)eio_http_respond_text(request, status, "text/html", eio_ws_fault_text(fault));
}

/* The headers that name what was agreed on. */
static int add_agreements(eio_http_request *request, const opening *asked)
{
    char answer[EIO_DEFLATE_ANSWER_MAX_BYTES];
    size_t len = eio_extensions_answer(&asked->extensions, answer);
    int rc = EIO_OK;

    if (asked->handshake.protocol_count > 0)
        rc = eio_http_set_header(request, EIO_STR("Sec-WebSocket-Protocol"),
                                 asked->handshake.protocols[0]);
    if (rc == EIO_OK && len > 0)
        rc = eio_http_set_header(request, EIO_STR("Sec-WebSocket-Extensions"),
                                 (eio_slice){ answer, len });
    return rc;
}

/* Send the 101, and get the stream; NULL: out of memory, and the request is gone. */
static eio_stream *upgrade(eio_http_request *request, const opening *asked, eio_websocket *ws)
{
    static const char lines[] =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    enum { LINES_LEN = sizeof(lines) - 1 };
    char extra[LINES_LEN + EIO_ACCEPT_KEY_LEN + 2];

    memcpy(extra, lines, sizeof(lines));
    int rc = eio_ws_handshake_accept(extra + LINES_LEN, asked->handshake.key);
    if (rc == EIO_OK)
        rc = add_agreements(request, asked);
    if (rc != EIO_OK) {
        eio_http_destroy(request);
        return NULL;
    }
    extra[sizeof(extra) - 2] = '\r';
    extra[sizeof(extra) - 1] = '\n';
    return eio_http_upgrade(request, (eio_slice){ extra, sizeof(extra) }, &stream_handler, ws);
}

static eio_websocket *websocket_new(uv_loop_t *loop, const eio_websocket_options *options,
                                    const eio_extensions *agreed)
{
    bool keeps_window =
        agreed->is_agreed && agreed->terms.value[EIO_CLIENT_NO_CONTEXT_TAKEOVER] == 0;
    eio_websocket *ws = calloc(1, sizeof(*ws) + (keeps_window ? sizeof(ws->window[0]) : 0));
    if (ws == NULL)
        return NULL;
    ws->keeps_window = keeps_window;
    if (keeps_window)
        ws->window->bits = eio_extensions_bits(agreed, EIO_CLIENT_MAX_WINDOW_BITS);
    if (agreed->is_agreed) {
        ws->server_bits = (uint8_t)eio_extensions_bits(agreed, EIO_SERVER_MAX_WINDOW_BITS);
        ws->decoder.has_deflate = true;
    }
    ws->group = eio_websocket_group_acquire(loop, options, &due_handlers);
    if (ws->group == NULL) {
        free(ws);
        return NULL;
    }
    return ws;
}

int eio_websocket_accept(eio_websocket **out, eio_http_request *request,
                         const eio_websocket_options *options, const eio_websocket_handler *handler,
                         void *data)
{
    opening asked;
    eio_ws_fault fault = judge(&asked, request, options == NULL ? NULL : options->deflate);

    if (fault != EIO_HANDSHAKE_GOOD) {
        refuse(request, fault);
        return EIO_E_PROTOCOL;
    }
    eio_websocket *ws = websocket_new(eio_http_server_loop(eio_http_request_server(request)),
                                      options, &asked.extensions);
    if (ws == NULL) {
        eio_http_destroy(request);
        return EIO_E_NOMEM;
    }
    ws->handler = handler;
    ws->data = data;
    ws->stream = upgrade(request, &asked, ws);
    if (ws->stream == NULL) {
        websocket_free(ws);
        return EIO_E_NOMEM;
    }
    listen_to_stream(ws);
    if (ws->group->ping_interval_ms > 0)
        eio_deadline_start(&ws->group->pinging, &ws->deadline);
    *out = ws;
    return EIO_OK;
}

eio_stream *eio_websocket_stream(const eio_websocket *ws)
{
    return ws->stream;
}

void eio_websocket_set_handler(eio_websocket *ws, const eio_websocket_handler *handler, void *data)
{
    ws->handler = handler;
    ws->data = data;
    if (ws->state == WS_OPEN)
        listen_to_stream(ws);
}
