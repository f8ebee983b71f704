/* Engine.IO server: sessions over polling and WebSocket, and the upgrade between them (protocol v4). */
#ifndef ENGINEIO_ENGINEIO_H
#define ENGINEIO_ENGINEIO_H

#include "engineio/websocket.h"

typedef struct eio_server eio_server;
/** One client, whatever connections it uses. Counted: a reference keeps the memory, not the client. */
typedef struct eio_session eio_session;
/** A client that asks to be let in, see eio_options.on_handshake. */
typedef struct eio_handshake eio_handshake;
/** A request on its way through the middlewares, see eio_server_use. */
typedef struct eio_step eio_step;

/** Error codes of a refused request, as on the wire. */
typedef enum eio_refusal {
    EIO_UNKNOWN_TRANSPORT = 0,
    EIO_UNKNOWN_SID = 1,
    EIO_BAD_HANDSHAKE_METHOD = 2,
    EIO_BAD_REQUEST = 3,
    EIO_FORBIDDEN = 4,
    EIO_UNSUPPORTED_PROTOCOL = 5,
} eio_refusal;

enum { EIO_TRANSPORT_POLLING = 1, EIO_TRANSPORT_WEBSOCKET = 2 };

enum {
    EIO_SEND_BINARY = 1,   /**< the payload is bytes, not text */
    EIO_SEND_VOLATILE = 2, /**< drop it unless it can leave at once */
    /** Do not compress it: neither now nor when this payload is sent again. */
    EIO_SEND_NO_COMPRESS = 4,
};

/** Why a session closed; eio_reason_text gives the wire's words ("transport close" …). */
typedef enum eio_reason {
    EIO_REASON_TRANSPORT_CLOSE,
    EIO_REASON_TRANSPORT_ERROR,
    EIO_REASON_PING_TIMEOUT,
    EIO_REASON_PARSE_ERROR,
    EIO_REASON_FORCED_CLOSE,
} eio_reason;

/** @return the text, for ever */
EIO_API const char *eio_reason_text(eio_reason reason);

/** What a session's owner hears. Static table, borrowed for ever. All calls are allowed inside. */
typedef struct eio_session_handler {
    /** One message; borrowed until the callback returns. */
    void (*on_message)(eio_session *session, eio_slice payload, bool binary, void *data);
    /** The last callback, exactly once. @param detail what happened, more exactly; borrowed */
    void (*on_close)(eio_session *session, eio_reason reason, const char *detail, void *data);
    /** The queue was handed to the transport. May be NULL. */
    void (*on_drain)(eio_session *session, void *data);
    /** From polling to WebSocket. May be NULL. */
    void (*on_upgrade)(eio_session *session, void *data);
} eio_session_handler;

/** Node's options, with Node's defaults. */
typedef struct eio_options {
    size_t size;                 /**< set by eio_options_init */
    const char *path;            /**< "/engine.io"; copied */
    bool no_trailing_slash;      /**< do not append the slash to the path */
    uint64_t ping_interval_ms;   /**< 25000 */
    uint64_t ping_timeout_ms;    /**< 20000 */
    uint64_t upgrade_timeout_ms; /**< 10000 */
    /** 30000: how long a closing polling session waits for its last poll */
    uint64_t close_timeout_ms;
    size_t max_payload_bytes;         /**< 1000000: maxHttpBufferSize */
    size_t max_buffered_bytes;        /**< 8 MiB queued for one session */
    unsigned transports;              /**< EIO_TRANSPORT_…, both */
    bool allow_eio3;                  /**< also serve clients of protocol 3: Socket.IO 1 and 2 */
    bool no_upgrades;                 /**< allowUpgrades: false */
    const eio_cookie_options *cookie; /**< NULL: none; copied */
    const eio_cors_options *cors;     /**< NULL: none; copied */
    eio_slice initial_packet;         /**< text message joined to the handshake; copied */
    /** permessage-deflate on WebSocket; NULL: off, as with Node; copied */
    const eio_deflate_options *per_message_deflate;
    /** httpCompression: false. Polling replies are not compressed, whatever the client accepts */
    bool no_http_compression;
    /** bytes of a polling reply below which it is not compressed; 0: 1024; 1: none is too small */
    size_t http_compression_threshold;

    /** A new session. Set its handler here; the open packet is queued already. */
    void (*on_session)(eio_server *server, eio_session *session, void *data);
    /**
     * Allow a handshake or not (allowRequest): answer with eio_handshake_allow or eio_handshake_refuse, now or later,
     * exactly once. NULL: all are allowed.
     */
    void (*on_handshake)(eio_server *server, eio_handshake *handshake, void *data);
    /** A refused request (connection_error). @param context what exactly, as `name: value`. May be NULL. */
    void (*on_connection_error)(eio_server *server, const eio_http_request *request,
                                eio_refusal code, const char *context, void *data);
    /** Once a session: its first polling response, or the 101 of a direct WebSocket: add headers. May be NULL. */
    void (*on_initial_headers)(eio_server *server, eio_http_request *request, void *data);
    /** Every polling response and every 101: add headers. May be NULL. */
    void (*on_headers)(eio_server *server, eio_http_request *request, void *data);
    /** What was queued for a session was handed to its transport, behind its handler's on_drain. May be NULL. */
    void (*on_drain)(eio_server *server, eio_session *session, void *data);
    /** A session went from polling to WebSocket, behind its handler's on_upgrade. May be NULL. */
    void (*on_upgrade)(eio_server *server, eio_session *session, void *data);
    /** Write an id of 1 to 64 characters [A-Za-z0-9_-] for a new session. @return its length, or 0. NULL: random */
    size_t (*generate_id)(eio_server *server, const eio_http_request *request, char out[64],
                          void *data);
    /** A line for the log; `level` is 'd', 'i', 'w' or 'e'. May be NULL. */
    void (*on_log)(eio_server *server, char level, const char *line, void *data);
    void *data; /**< handed to all of the above */
} eio_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void eio_options_init(eio_options *options);

/**
 * Make a server and mount it on an HTTP server.
 *
 * @param out      new; eio_server_close it, before the HTTP server
 * @param http     borrowed until closed
 * @param options  copied
 * @param why      may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_EXISTS (the path is taken), EIO_E_NOMEM, EIO_E_RANDOM
 */
EIO_API int eio_server_new(eio_server **out, eio_http_server *http, const eio_options *options,
                           eio_error *why);

/**
 * Close every session at once, dropping what is queued (engine.close()), and unmount.
 *
 * @param server     taken; may be NULL. A second call does nothing
 * @param on_closed  called once from the loop, the last callback; may be NULL
 */
EIO_API void eio_server_close(eio_server *server, void (*on_closed)(void *data), void *data);

/** @return open and closing sessions: clientsCount */
EIO_API size_t eio_server_clients_count(const eio_server *server);

/** Figures since the start, for metrics. */
typedef struct eio_counters {
    uint64_t sessions, refused, parse_errors, slow_consumers, ping_timeouts, too_big, overlaps;
    uint64_t volatile_dropped; /**< volatile messages that were not sent */
} eio_counters;
/** @return bytes that wait for all clients, added up by a walk over them: a broadcast counts for each */
EIO_API size_t eio_server_queued_bytes(const eio_server *server);
/** @return the figures as they are now, by value */
EIO_API eio_counters eio_server_counters(const eio_server *server);

EIO_API void *eio_server_data(const eio_server *server);            /**< options.data */
EIO_API eio_http_server *eio_server_http(const eio_server *server); /**< what it is mounted on */

/** The request of a handshake that waits for its answer. Borrowed; NULL once its connection is gone. */
EIO_API eio_http_request *eio_handshake_request(const eio_handshake *handshake);
/** Let it in, which makes the session. @param handshake taken */
EIO_API void eio_handshake_allow(eio_handshake *handshake);
/** Refuse it: 403 (400 on an upgrade). @param handshake taken @param message NULL: "Forbidden"; copied */
EIO_API void eio_handshake_refuse(eio_handshake *handshake, const char *message);

/**
 * A middleware. It ends in one call of eio_step_next, eio_step_fail or eio_step_take, now or later, even if the client
 * has left or the server is closed.
 */
typedef void eio_middleware_cb(eio_server *server, eio_step *step, void *data);
/**
 * engine.use(): called for every request under the server's path, upgrades included, behind CORS and before the
 * protocol looks at it; several in the order in which they were added. Headers that it adds are in the response,
 * whatever that is.
 *
 * @return EIO_OK or EIO_E_NOMEM
 */
EIO_API int eio_server_use(eio_server *server, eio_middleware_cb *callback, void *data);
/**
 * The request, to look at and to add headers to. Borrowed until the step is answered: only who takes it may respond.
 * NULL once its connection is gone.
 */
EIO_API eio_http_request *eio_step_request(const eio_step *step);
/** next(): go on, which calls back from the loop. @param step taken */
EIO_API void eio_step_next(eio_step *step);
/** next(error): the client gets code 3, on_connection_error `name: MIDDLEWARE_FAILURE`. @param step taken */
EIO_API void eio_step_fail(eio_step *step);
/**
 * Answer the request yourself: nothing else sees it.
 *
 * @param step  taken
 * @return the request, yours to respond to; NULL if its connection is gone
 */
EIO_API eio_http_request *eio_step_take(eio_step *step);

/** Set who hears of a session. @param handler borrowed for ever @param data borrowed until on_close */
EIO_API void eio_session_set_handler(eio_session *session, const eio_session_handler *handler,
                                     void *data);
/** @return what eio_session_set_handler was given */
EIO_API void *eio_session_data(const eio_session *session);

/**
 * Queue one message. Messages leave in the order of the calls. Never blocks, never calls back.
 *
 * @param session  borrowed, in any state
 * @param payload  shared; UTF-8 unless EIO_SEND_BINARY; not sent as the other kind before
 * @param flags    EIO_SEND_…
 * @return EIO_OK (also for a volatile message that was dropped); EIO_E_CLOSED once closing began; EIO_E_BACKLOG if it
 *         would pass max_buffered_bytes: the session closes; EIO_E_NOMEM
 */
EIO_API int eio_session_send(eio_session *session, eio_buffer *payload, unsigned flags);

/** @return whether a volatile message would leave at once */
EIO_API bool eio_session_is_writable(const eio_session *session);

/**
 * Close. What is queued leaves first, unless discard. on_close follows, from the loop.
 *
 * @param session  may be NULL; a second call does nothing but discard
 */
EIO_API void eio_session_close(eio_session *session, bool discard);

/** Keep the memory of a session. @return the session */
EIO_API eio_session *eio_session_ref(eio_session *session);
/** Give a reference back. @param session may be NULL */
EIO_API void eio_session_unref(eio_session *session);

/** 20 characters; a secret of that client */
EIO_API eio_slice eio_session_id(const eio_session *session);
/** @return the server it belongs to; borrowed */
EIO_API eio_server *eio_session_server(const eio_session *session);
EIO_API unsigned eio_session_transport(const eio_session *session); /**< EIO_TRANSPORT_… */
EIO_API int eio_session_protocol(const eio_session *session);       /**< 4, or 3 */
/** The request that brings the message, inside of on_message. NULL outside, and on WebSocket. */
EIO_API const eio_http_request *eio_session_request(const eio_session *session);
/** @return whether it is open: false once closing began */
EIO_API bool eio_session_is_open(const eio_session *session);
/** Find one by its id. Borrowed; NULL if there is none. */
EIO_API eio_session *eio_server_find(eio_server *server, eio_slice sid);

/* The first request of a session, kept for its life. Slices are borrowed for as long as a reference is held. */
EIO_API eio_slice eio_session_url(const eio_session *session);
/** What stands behind the '?' of that request, not decoded. */
EIO_API eio_slice eio_session_query(const eio_session *session);
/** The peer's address in that request, see eio_stream_remote_address. */
EIO_API eio_slice eio_session_address(const eio_session *session);
/** @return whether that request came over TLS */
EIO_API bool eio_session_is_secure(const eio_session *session);
/** Headers in order, names in lower case. @return false past the last */
EIO_API bool eio_session_header_at(const eio_session *session, size_t index, eio_slice *name,
                                   eio_slice *value);
/** A header by its name in any case; several of one name: the first. {NULL, 0} if absent. */
EIO_API eio_slice eio_session_header(const eio_session *session, const char *name);

#endif
