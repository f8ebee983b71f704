/* HTTP/1.1 server on streams: routes, mounts for whole protocols, requests and their responses. */
#ifndef ENGINEIO_HTTP_H
#define ENGINEIO_HTTP_H

#include "engineio/stream.h"

typedef struct eio_http_server eio_http_server;
/** One request and its response. It lives until the response has ended or the connection is gone. */
typedef struct eio_http_request eio_http_request;

/** Limits and time-outs; 0 means the default, there is no "unlimited". */
typedef struct eio_http_options {
    size_t size;             /**< set by eio_http_options_init */
    size_t max_head_bytes;   /**< request line and headers, 16384: 431 */
    size_t max_headers;      /**< 100: 431 */
    size_t max_target_bytes; /**< 8192: 414 */
    /** chunk extensions and trailers of one message, together, 16384: 400 */
    size_t max_framing_bytes;
    /** from the connect or the first byte to the end of the head, 10000: 408 */
    uint64_t head_timeout_ms;
    uint64_t request_timeout_ms; /**< up to the last byte of the body, 60000: 408 */
    uint64_t idle_timeout_ms;    /**< keep-alive without a request, 5000 */
    /** 0: only the descriptors set a limit; above it: accepted and closed */
    size_t max_connections;
    size_t max_connections_per_address; /**< 0: no limit of its own; trusted proxies have none */
    /**
     * Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: a list with commas of
     * addresses, networks (10.0.0.0/8) and `unix`, for who comes over a unix socket; copied. NULL:
     * nobody is, and a client is who the connection comes from.
     */
    const char *trusted_proxies;
    size_t max_buffered_bytes; /**< output queued for one connection, 8 MiB */
    /** One line to log (debug level: what peers can trigger at will). May be NULL. */
    void (*on_log)(const char *line, void *data);
    /** After each response: for an access log. May be NULL. */
    void (*on_response)(const eio_http_request *request, int status, size_t body_bytes, void *data);
    void *data; /**< handed to the two above */
} eio_http_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void eio_http_options_init(eio_http_options *options);

/** Called when a request's head is complete; the request is borrowed until its response has ended. */
typedef void eio_http_handler(eio_http_request *request, void *data);

/**
 * A protocol that takes every request whose target starts with a prefix, such as Engine.IO. All callbacks are
 * (request, data); on_upgrade gets requests with `Connection: Upgrade`, and NULL means that those are plain requests.
 */
typedef struct eio_http_mount {
    eio_http_handler *on_request;
    eio_http_handler *on_upgrade;
} eio_http_mount;

/**
 * Make a server without listeners.
 *
 * @param out      new; eio_http_server_close it
 * @param loop     borrowed until closed
 * @param options  copied; NULL: the defaults
 * @return EIO_OK, EIO_E_INVALID (trusted_proxies) or EIO_E_NOMEM
 */
EIO_API int eio_http_server_new(eio_http_server **out, uv_loop_t *loop,
                                const eio_http_options *options);

/** Listen, any number of times. @return as eio_listener_new */
EIO_API int eio_http_server_listen(eio_http_server *server, const eio_listen_options *options,
                                   eio_error *why);

/** @return the port of the first TCP listener, or 0 */
EIO_API int eio_http_server_port(const eio_http_server *server);

/** @return open connections, upgraded ones included */
EIO_API size_t eio_http_server_connections(const eio_http_server *server);

/** @return as eio_listener_duplicate, of the listener that was made last; EIO_E_STATE: there is none */
EIO_API int eio_http_server_duplicate(const eio_http_server *server);

/** @return the loop it was made with */
EIO_API uv_loop_t *eio_http_server_loop(const eio_http_server *server);

/** Stop accepting; connections that are open stay, and say `Connection: close` with their next response. */
EIO_API void eio_http_server_stop(eio_http_server *server);

/**
 * Close: idle connections at once, those with a request in work after its response (at most 5 s), upgraded ones are
 * their owner's. Calls back when all streams that its listeners accepted are gone.
 *
 * @param server     taken, may be NULL
 * @param on_closed  the last callback; may be NULL
 */
EIO_API void eio_http_server_close(eio_http_server *server, void (*on_closed)(void *data),
                                   void *data);

/**
 * Route a method and pattern. Segments that begin with ':' match one segment (eio_http_param gives it, decoded);
 * a last segment '*' matches the rest. GET routes also serve HEAD. Earlier routes win. Mounts come before routes.
 *
 * @param method   copied, "GET" …; NULL: every method
 * @param pattern  copied, begins with '/'
 * @param handler  (request, data)
 * @return EIO_OK, EIO_E_INVALID or EIO_E_NOMEM
 */
EIO_API int eio_http_server_route(eio_http_server *server, const char *method, const char *pattern,
                                  eio_http_handler *handler, void *data);

/**
 * Give every request whose target starts with prefix to a protocol. The longest matching prefix wins.
 *
 * @param prefix  copied
 * @param mount   copied
 * @return EIO_OK, EIO_E_EXISTS or EIO_E_NOMEM
 */
EIO_API int eio_http_server_mount(eio_http_server *server, eio_slice prefix,
                                  const eio_http_mount *mount, void *data);

/** Take a mount away, before its data goes. Requests in work are not touched. */
EIO_API void eio_http_server_unmount(eio_http_server *server, eio_slice prefix);

/** What serves requests that no route or mount takes; without it: 404 with an empty body. */
EIO_API void eio_http_server_set_fallback(eio_http_server *server, eio_http_handler *handler,
                                          void *data);

/* ---- the request. All slices are borrowed until the response has ended. ---- */

EIO_API eio_slice eio_http_method(const eio_http_request *request); /**< "GET" */
EIO_API eio_slice eio_http_target(const eio_http_request *request); /**< as sent: path and query */
/** the target before '?', not decoded */
EIO_API eio_slice eio_http_path(const eio_http_request *request);
/** the target after '?', not decoded */
EIO_API eio_slice eio_http_query(const eio_http_request *request);
/** A header by its name in any case; several of one name: the first. {NULL, 0} if absent. */
EIO_API eio_slice eio_http_header(const eio_http_request *request, const char *name);
/** Headers in order, as sent. @return false past the last */
EIO_API bool eio_http_header_at(const eio_http_request *request, size_t index, eio_slice *name,
                                eio_slice *value);
/** A parameter of the route's pattern, percent-decoded; '*' gives the rest. {NULL, 0} if absent. */
EIO_API eio_slice eio_http_param(const eio_http_request *request, const char *name);
/** @return whether it asks for an upgrade (RFC 9110 §7.8) */
EIO_API bool eio_http_is_upgrade(const eio_http_request *request);
/**
 * The client's address: the peer's (eio_stream_remote_address), or whom trusted proxies name.
 */
EIO_API size_t eio_http_remote_address(const eio_http_request *request, char *out, size_t size);
/** @return whether it came over TLS, to us or to a trusted proxy */
EIO_API bool eio_http_is_secure(const eio_http_request *request);
/** @return the server that the request came to; borrowed */
EIO_API eio_http_server *eio_http_request_server(const eio_http_request *request);

/**
 * Read the body. Called once with all of it, or with status EIO_E_TOO_BIG as soon as it passes max_bytes (by its
 * Content-Length already); then the callee responds (413), and the connection closes after that. May be called from
 * within, when the body is there already. Without it a body is discarded.
 *
 * @param max_bytes  body bytes accepted
 * @param on_body    (request, status, body, data): the body is borrowed until the callback returns
 */
EIO_API void eio_http_read_body(eio_http_request *request, size_t max_bytes,
                                void (*on_body)(eio_http_request *, int status, eio_slice body,
                                                void *),
                                void *data);

/** As eio_http_read_body, piece by piece; the last call has an empty piece. */
EIO_API void eio_http_stream_body(eio_http_request *request, size_t max_bytes,
                                  void (*on_piece)(eio_http_request *, int status, eio_slice piece,
                                                   void *),
                                  void *data);

/**
 * Be told when the connection is gone before the response has ended. The request is gone when on_abort returns.
 *
 * @param on_abort  NULL: not any more
 */
EIO_API void eio_http_on_abort(eio_http_request *request,
                               void (*on_abort)(eio_http_request *, void *), void *data);

/** Hang application data on a request; only stored. */
EIO_API void eio_http_set_data(eio_http_request *request, void *data);
/** @return what eio_http_set_data was given last, or NULL */
EIO_API void *eio_http_get_data(const eio_http_request *request);

/* ---- the response: headers first, then one of respond, respond_start … respond_end, or destroy. ---- */

/**
 * Add a header (several of one name are all sent). Content-Length, Connection, Date and Keep-Alive are the library's.
 *
 * @return EIO_OK; EIO_E_INVALID for bytes no header may have (RFC 9110 §5.5); EIO_E_STATE once the head is sent
 */
EIO_API int eio_http_add_header(eio_http_request *request, eio_slice name, eio_slice value);

/** As eio_http_add_header, but in place of any header of that name. */
EIO_API int eio_http_set_header(eio_http_request *request, eio_slice name, eio_slice value);

/**
 * Send the whole response. HEAD requests get the headers only.
 *
 * @param status  100 to 599
 * @param body    shared; NULL: none. The bytes stay the caller's to unref
 * @return EIO_OK, EIO_E_STATE when there was a response already, EIO_E_NOMEM (the connection closes)
 * @note The request is gone when this returns.
 */
EIO_API int eio_http_respond(eio_http_request *request, int status, eio_buffer *body);

/** As eio_http_respond, with a content type (NULL: none) and a copied text. */
EIO_API int eio_http_respond_text(eio_http_request *request, int status, const char *content_type,
                                  eio_slice text);

/** Begin a response of unknown length: chunked, or until close for HTTP/1.0. */
EIO_API int eio_http_respond_start(eio_http_request *request, int status);
/** Send a piece. @param bytes inside the buffer, which is shared. @return as eio_stream_write */
EIO_API int eio_http_respond_write(eio_http_request *request, eio_buffer *buffer, eio_slice bytes);
/** End it. The request is gone when this returns. */
EIO_API int eio_http_respond_end(eio_http_request *request);

/** Close the connection without a response. The request is gone when this returns; on_abort is not called. */
EIO_API void eio_http_destroy(eio_http_request *request);

/**
 * Answer an upgrade: sends status 101 with the headers added so far plus `extra`, and hands the connection over.
 * The request is gone when this returns; bytes that came behind the head are given to the handler's on_read at the
 * end of this loop pass at the latest, never from within this call.
 *
 * @param extra    complete header lines, each ended by CR LF, copied
 * @param handler  the stream's new owner, borrowed for ever
 * @return the stream, taken over by the caller; NULL when out of memory (the connection is closed)
 */
EIO_API eio_stream *eio_http_upgrade(eio_http_request *request, eio_slice extra,
                                     const eio_stream_handler *handler, void *data);

/* ---- small things a handler needs ---- */

/**
 * Find a parameter of a query or form body: `+` is a space, percent-decoded, the last duplicate wins.
 *
 * @param out    where to decode to
 * @param size   of out; a longer value counts as absent
 * @return the value, inside out; {NULL, 0} when absent. An empty value has a base
 */
EIO_API eio_slice eio_query_get(eio_slice query, const char *name, char *out, size_t size);

/**
 * Walk a query's parameters.
 *
 * @param rest   in and out: what is left of the query
 * @param name   out, encoded as sent; decode with eio_query_decode
 * @param value  out, encoded as sent
 * @return false at the end
 */
EIO_API bool eio_query_next(eio_slice *rest, eio_slice *name, eio_slice *value);

/** Decode form encoding into out (at least text.len bytes). @return the decoded length */
EIO_API size_t eio_query_decode(eio_slice text, char *out);

/** A cookie of the request's Cookie header, not decoded. {NULL, 0} when absent. */
EIO_API eio_slice eio_http_cookie(const eio_http_request *request, const char *name);

/** A cookie to set, with the defaults of the one that an Engine.IO handshake sets. */
typedef struct eio_cookie_options {
    const char *name;   /**< NULL: "io" */
    const char *path;   /**< NULL: "/"; "": no Path */
    const char *domain; /**< NULL: none */
    bool no_http_only;  /**< leave HttpOnly out */
    bool secure;
    const char *same_site; /**< NULL: "Lax"; "": none */
    long max_age_s;        /**< 0: none; negative: Max-Age=0, which deletes it */
    int64_t expires_s;     /**< in seconds since 1970; 0: none */
    bool partitioned;      /**< kept apart for each site that embeds this one */
    const char *priority;  /**< "Low", "Medium" or "High"; NULL: none */
} eio_cookie_options;

/**
 * Write the value of a Set-Cookie header, its attributes in the order of Node's `cookie` package.
 *
 * @param out    no NUL is written
 * @param value  as it goes to the wire: encode what needs it
 * @return the length; 0 when it does not fit, or a part holds a control character or ';'
 */
EIO_API size_t eio_cookie_format(char *out, size_t size, const eio_cookie_options *options,
                                 eio_slice value);

/** CORS, with the semantics of the `cors` package that Node's Socket.IO uses. */
typedef struct eio_cors_options {
    /** NULL-terminated list. NULL: `*`. One entry and !reflect: that text always */
    const char *const *origins;
    bool reflect; /**< true: send the caller's origin if it is listed (origins NULL: any) */
    bool credentials;
    const char *methods;         /**< NULL: GET,HEAD,PUT,PATCH,POST,DELETE */
    const char *allowed_headers; /**< NULL: what the preflight asks for */
    const char *exposed_headers; /**< NULL: none */
    int max_age_s;               /**< -1: none */
    int success_status;          /**< of a preflight; 0: 204 */
    /**
     * In place of origins and reflect: asked for each request. origin: {NULL, 0} if it has none. True: that origin is
     * sent back; false: nothing is said of CORS, and a preflight is a request like any other. May be NULL.
     */
    bool (*on_origin)(const eio_http_request *request, eio_slice origin, void *data);
    void *data; /**< handed to it; borrowed */
} eio_cors_options;

/**
 * Add the CORS headers to a response, and answer a preflight.
 *
 * @return true when the request was OPTIONS and has been answered: it is gone
 */
EIO_API bool eio_http_cors(eio_http_request *request, const eio_cors_options *options);

/**
 * Serve one file below a folder: content type, ETag, Last-Modified, 304, HEAD, ranges; index.html for a folder; nothing
 * outside the folder, and no dot files, by whatever spelling. Reads on libuv's pool. Text of 1 KiB to 4 MiB is sent in
 * gzip or deflate to those who accept it, as a whole, and kept for the next one.
 *
 * @param root       the folder, borrowed until the response has ended
 * @param path       below it, percent-decoded by this call
 * @param cache      the value of Cache-Control; NULL: "public, max-age=0"
 */
EIO_API void eio_http_serve_file(eio_http_request *request, const char *root, eio_slice path,
                                 const char *cache);

#endif
