/* WebSocket (RFC 6455), server side, on a stream that HTTP hands over. Usable without Engine.IO. */
#ifndef ENGINEIO_WEBSOCKET_H
#define ENGINEIO_WEBSOCKET_H

#include "engineio/http.h"

typedef struct eio_websocket eio_websocket;

/** Close codes (RFC 6455 §7.4.1) that the library itself sends or reports. */
typedef enum eio_websocket_code {
    EIO_WS_NORMAL = 1000,
    EIO_WS_GOING_AWAY = 1001,
    EIO_WS_PROTOCOL_ERROR = 1002,
    /** reported: a close frame without a code; to eio_websocket_close: send such a one */
    EIO_WS_NO_STATUS = 1005,
    EIO_WS_ABNORMAL = 1006, /**< reported: gone without a close frame */
    EIO_WS_INVALID_TEXT = 1007,
    EIO_WS_POLICY = 1008,
    EIO_WS_TOO_BIG = 1009,
    EIO_WS_TRY_AGAIN_LATER = 1013,
} eio_websocket_code;

/** What the owner hears. Static table, borrowed for ever. Every call is allowed inside every callback. */
typedef struct eio_websocket_handler {
    /** One whole message. The payload is borrowed until the callback returns, and may be changed in place. */
    void (*on_message)(eio_websocket *ws, eio_slice payload, bool binary, void *data);
    /** A ping or pong came (pings are answered by the library). May be NULL. */
    void (*on_control)(eio_websocket *ws, void *data);
    /** All that was queued has been handed to the kernel. May be NULL. */
    void (*on_drain)(eio_websocket *ws, void *data);
    /**
     * It is closed: the last callback, exactly once; also after eio_websocket_close, not after _abort. The handle is
     * gone when it returns.
     *
     * @param code    the peer's code, 1005, 1006, or the code we failed the connection with
     * @param reason  the peer's reason, or a text that says what was wrong; borrowed
     * @param failed  true if we failed the connection (RFC 6455 §7.1.7): protocol error, limit, slow consumer
     */
    void (*on_close)(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data);
} eio_websocket_handler;

/** A window that is never agreed on: `false`, where Node tells it from what is left out. */
enum { EIO_DEFLATE_NEVER = -1 };

/** permessage-deflate (RFC 7692). All zeros are what Node's `perMessageDeflate: true` stands for. */
typedef struct eio_deflate_options {
    size_t threshold; /**< bytes of a message below which it leaves as it is; 0: 1024 */
    /** Say that no message of ours refers to an earlier one. None does, said or not: a broadcast is compressed once. */
    bool server_no_context_takeover;
    /** Ask the same of the client: then nothing is kept of it, else up to 2^client_max_window_bits bytes. */
    bool client_no_context_takeover;
    /** 8 to 15; 0: as the client wishes, else 15; EIO_DEFLATE_NEVER: no offer that asks for it is taken */
    int server_max_window_bits;
    /** 8 to 15: clients that cannot are refused; 0: as the client wishes; EIO_DEFLATE_NEVER: never agreed on */
    int client_max_window_bits;
    int level;        /**< 1 to 9; 0: zlib's default, 6 */
    int memory_level; /**< 1 to 9; 0: zlib's default, 8 */
    /** serverNoContextTakeover: false. No offer that asks for it is taken. */
    bool refuse_server_no_context_takeover;
} eio_deflate_options;

typedef struct eio_websocket_options {
    size_t size; /**< set by eio_websocket_options_init */
    /** 1 MiB; sum of the fragments, refused from the header, and of what they inflate to: 1009 */
    size_t max_message_bytes;
    size_t max_fragments;      /**< 16384 in a message: 1008 */
    uint64_t close_timeout_ms; /**< wait for the peer's close frame, 5000 */
    /** 0: no pings of our own; else a peer that sent nothing for two intervals is closed */
    uint64_t ping_interval_ms;
    /** permessage-deflate for clients that offer it; NULL: off; copied */
    const eio_deflate_options *deflate;
} eio_websocket_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void eio_websocket_options_init(eio_websocket_options *options);

/**
 * Accept an upgrade request: checks the handshake (RFC 6455 §4.2.1), answers 101 with the headers added to the
 * response so far, and takes the connection. What is wrong gets 400 (a method other than GET: 405) and
 * `Connection: close`, and EIO_E_PROTOCOL.
 *
 * @param out      new; lives until on_close or eio_websocket_abort
 * @param request  gone when this returns, whatever it returns
 * @param options  copied; NULL: the defaults
 * @param handler  borrowed for ever
 * @return EIO_OK, EIO_E_PROTOCOL or EIO_E_NOMEM
 */
EIO_API int eio_websocket_accept(eio_websocket **out, eio_http_request *request,
                                 const eio_websocket_options *options,
                                 const eio_websocket_handler *handler, void *data);

/**
 * Send one message.
 *
 * @param payload  shared. UTF-8 if not binary (not checked). It must not have been sent as the other kind before
 * @return EIO_OK; EIO_E_CLOSED once closing began; EIO_E_BACKLOG when over the limit (1013 follows); EIO_E_NOMEM
 */
EIO_API int eio_websocket_send(eio_websocket *ws, eio_buffer *payload, bool binary);

/** As eio_websocket_send, from a text that is copied. */
EIO_API int eio_websocket_send_text(eio_websocket *ws, eio_slice text);

/** Send a ping. @param payload at most 125 bytes, copied */
EIO_API int eio_websocket_ping(eio_websocket *ws, eio_slice payload);

/** Start the close handshake; what is queued leaves first. on_close follows. @param reason at most 123 bytes, copied */
EIO_API void eio_websocket_close(eio_websocket *ws, int code, eio_slice reason);

/** Drop the connection now; on_close is not called, the handle is gone. @param ws may be NULL */
EIO_API void eio_websocket_abort(eio_websocket *ws);

/** The stream below: for its address, its queue and its limit. Borrowed, as long as the websocket lives. */
EIO_API eio_stream *eio_websocket_stream(const eio_websocket *ws);

/** Give it to another owner. */
EIO_API void eio_websocket_set_handler(eio_websocket *ws, const eio_websocket_handler *handler,
                                       void *data);

#endif
