/* Byte streams on a libuv loop: listeners, connections, TLS, late and vectored writes. The lowest public layer. */
#ifndef ENGINEIO_STREAM_H
#define ENGINEIO_STREAM_H

#include <stdint.h>
#include <uv.h>

#include "engineio/buffer.h"

/** One connection over TCP or a unix socket, with or without TLS. */
typedef struct eio_stream eio_stream;
/** A socket that accepts connections. */
typedef struct eio_listener eio_listener;
/**
 * Certificates and settings for TLS, counted; one serves any number of listeners and connections. A connection costs
 * some 35 to 42 KB more than a plain one: mbedTLS's buffers.
 */
typedef struct eio_tls eio_tls;

/**
 * What the owner of a stream wants to hear. The table is static: it is borrowed for ever.
 * Inside every callback every call on every stream is allowed.
 */
typedef struct eio_stream_handler {
    /** Bytes came. They stand in the loop's read buffer: the callee may change them in place, until it returns. */
    void (*on_read)(eio_stream *stream, char *bytes, size_t len, void *data);
    /** All that was queued has been handed to the kernel. May be NULL. */
    void (*on_drain)(eio_stream *stream, void *data);
    /**
     * The stream is gone: the last callback, exactly once, unless the owner closed it. Reason: UV_EOF when the peer
     * ended it (what is queued is still sent), EIO_E_BACKLOG when the peer took no byte for write_timeout_ms,
     * EIO_E_TIMEOUT or another code when a connect or a TLS handshake failed, EIO_E_TLS or EIO_E_CERTIFICATE (then
     * eio_stream_tls_failure tells more), else libuv's.
     */
    void (*on_close)(eio_stream *stream, int reason, void *data);
    /** A stream made by eio_stream_connect is ready. NULL for accepted streams. */
    void (*on_connect)(eio_stream *stream, void *data);
} eio_stream_handler;

/** One end of TLS. */
typedef enum eio_tls_role {
    EIO_TLS_SERVER, /**< for eio_listen_options */
    EIO_TLS_CLIENT, /**< for eio_connect_options */
} eio_tls_role;

/** The lowest version of TLS that is spoken; the highest is what mbedTLS has: 1.3 from its version 3 on. */
typedef enum eio_tls_version {
    EIO_TLS_1_2,
    EIO_TLS_1_3, /**< EIO_E_UNSUPPORTED where mbedTLS has none */
} eio_tls_version;

/** One identity: a certificate and its key, in PEM files. */
typedef struct eio_tls_identity {
    const char *cert_file; /**< the certificate, then those between it and its CA */
    const char *key_file;  /**< without a pass phrase */
} eio_tls_identity;

/** What eio_tls_new needs. Only suites with ECDHE and AEAD are spoken. */
typedef struct eio_tls_options {
    size_t size; /**< set by eio_tls_options_init */
    eio_tls_role role;
    /** a server needs them; a client shows this certificate if it is asked for one (NULL: it has none) */
    const char *cert_file;
    const char *key_file;
    /**
     * More identities of a server. A client that names a host (SNI) gets those whose certificate is for it; without
     * one, or if none is, cert_file's.
     */
    const eio_tls_identity *more;
    size_t more_count;
    /** server: clients have to show a certificate of a CA in this file; NULL: they are not asked for one */
    const char *client_ca_file;
    /** client: trust the CAs in this file and no others; NULL: the system's */
    const char *ca_file;
    eio_tls_version min_version; /**< EIO_TLS_1_2 */
    uint64_t
        handshake_timeout_ms; /**< server: 10000, from the accept to the end of the handshake */
    size_t max_handshakes;    /**< server: 1024 at a time on a listener, more wait to be accepted */
    /** server: protocol for ALPN; clients that offer others only are refused. "http/1.1"; NULL: no ALPN */
    const char *alpn;
    /** server: resume sessions by tickets, keys change daily. Always off with client_ca_file */
    bool tickets;
} eio_tls_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void eio_tls_options_init(eio_tls_options *options);

/**
 * Load certificates and keys.
 *
 * @param out      new; eio_tls_unref it
 * @param options  copied
 * @param why      names the file; may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_CERTIFICATE (a file is not what it should be), EIO_E_UNSUPPORTED, EIO_E_NOMEM,
 *         or libuv's code of a file that cannot be read
 * @note Any thread; it reads files.
 */
EIO_API int eio_tls_new(eio_tls **out, const eio_tls_options *options, eio_error *why);

/**
 * Load the same files again, for the handshakes to come; open connections stay as they are.
 *
 * @param why  names the file; may be NULL
 * @return as eio_tls_new; if it fails, all stays as it was
 * @note Any thread; it reads files.
 */
EIO_API int eio_tls_reload(eio_tls *tls, eio_error *why);

/** Take one more reference. @param tls not NULL @return tls. @note Any thread. */
EIO_API eio_tls *eio_tls_ref(eio_tls *tls);

/** Give a reference back. @param tls may be NULL. @note Any thread. */
EIO_API void eio_tls_unref(eio_tls *tls);

/** Where to listen: exactly one of path, fd, or host and port. */
typedef struct eio_listen_options {
    size_t size; /**< set by eio_listen_options_init */
    /** numeric address or name; NULL: all addresses, IPv6 and IPv4 in one socket where possible */
    const char *host;
    int port;         /**< 0 to 65535; 0: any free port */
    const char *path; /**< of a unix socket; a dead one that is left over is replaced */
    int fd;      /**< an inherited socket that is bound (and may listen already), taken; -1: none */
    int backlog; /**< 511, as Node's */
    /** share the port with other listeners of this process that bind so, too (SO_REUSEPORT) */
    bool shared;
    /** let listeners with `shared` bind to the port later on; this one itself is refused a busy port */
    bool shareable;
    /** shared, EIO_TLS_SERVER; NULL: plain. Streams are handed out when they are accepted, before their handshake */
    eio_tls *tls;
} eio_listen_options;

/** Fill with the defaults. */
EIO_API void eio_listen_options_init(eio_listen_options *options);

/** Where to connect: path, or host and port. */
typedef struct eio_connect_options {
    size_t size;         /**< set by eio_connect_options_init */
    const char *host;    /**< name or address, at most 255 bytes */
    int port;            /**< 1 to 65535 */
    const char *path;    /**< of a unix socket */
    uint64_t timeout_ms; /**< 10000; name look-up and TLS handshake included */
    eio_tls *tls;        /**< shared, EIO_TLS_CLIENT; NULL: plain */
    /** whom the server's certificate has to be for, a name or an address; NULL: host. Needed with path and tls */
    const char *server_name;
} eio_connect_options;

/** Fill with the defaults. */
EIO_API void eio_connect_options_init(eio_connect_options *options);

/**
 * Listen. Accepted streams read from the start; the callback sets their handler before it returns.
 *
 * @param out        new; eio_listener_close it
 * @param loop       borrowed until the listener is closed
 * @param options    copied
 * @param on_stream  (listener, stream, data): the stream is taken; call eio_stream_set_handler or eio_stream_abort
 * @param data       borrowed, handed to on_stream
 * @param why        may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_NOMEM, or libuv's (UV_EADDRINUSE, UV_EACCES, …)
 * @note Loop thread.
 */
EIO_API int eio_listener_new(eio_listener **out, uv_loop_t *loop, const eio_listen_options *options,
                             void (*on_stream)(eio_listener *, eio_stream *, void *), void *data,
                             eio_error *why);

/** @return the port, or 0 for a unix socket */
EIO_API int eio_listener_port(const eio_listener *listener);

/**
 * Make another descriptor of the same socket, for eio_listen_options.fd: a second loop then accepts from it, too.
 *
 * @return new, or libuv's code
 */
EIO_API int eio_listener_duplicate(const eio_listener *listener);

/** Stop accepting; open streams stay. @param listener any state; a second call does nothing. */
EIO_API void eio_listener_stop(eio_listener *listener);

/**
 * Stop accepting, and call back when every stream it accepted is gone too. Closing those is the owners' part.
 *
 * @param listener   taken; may be NULL (then nothing is called)
 * @param on_closed  called once from the loop, the last callback; may be NULL
 */
EIO_API void eio_listener_close(eio_listener *listener, void (*on_closed)(void *data), void *data);

/**
 * Connect to a server. The outcome comes by on_connect or on_close, never from within this call.
 *
 * @param out      new; borrowed until on_close, or until it is closed
 * @param options  copied
 * @param handler  borrowed for ever
 * @return EIO_OK, EIO_E_INVALID or EIO_E_NOMEM
 * @note Loop thread.
 */
EIO_API int eio_stream_connect(eio_stream **out, uv_loop_t *loop,
                               const eio_connect_options *options,
                               const eio_stream_handler *handler, void *data);

/** Give a stream to a new owner. @param handler borrowed for ever @param data borrowed until the stream is gone */
EIO_API void eio_stream_set_handler(eio_stream *stream, const eio_stream_handler *handler,
                                    void *data);

/**
 * Queue bytes; they leave with all else that this loop pass queues, in one vectored write, before the loop sleeps.
 *
 * @param stream  borrowed, in any state
 * @param buffer  shared
 * @param bytes   inside the buffer's memory
 * @return EIO_OK; EIO_E_CLOSED; EIO_E_BACKLOG if it would pass max_buffered_bytes with something queued already
 *         (then nothing is queued, and the owner is expected to close); EIO_E_NOMEM
 * @note Loop thread. Never calls back.
 */
EIO_API int eio_stream_write(eio_stream *stream, eio_buffer *buffer, eio_slice bytes);

/** @return bytes queued that the kernel has not taken */
EIO_API size_t eio_stream_queued(const eio_stream *stream);

/** Set how many bytes may be queued (8 MiB): an empty queue takes any one write. @param bytes at least 1 */
EIO_API void eio_stream_set_limit(eio_stream *stream, size_t bytes);

/** Stop or go on reading. Calls do not nest. Reading also rests by itself while more than 256 KiB are queued. */
EIO_API void eio_stream_set_reading(eio_stream *stream, bool reading);

/**
 * Write the peer's address, as Node's remoteAddress: 127.0.0.1, ::1, ::ffff:127.0.0.1; empty for a unix socket.
 *
 * @return bytes written, without the NUL
 */
EIO_API size_t eio_stream_remote_address(const eio_stream *stream, char *out, size_t size);

/** @return whether it speaks TLS */
EIO_API bool eio_stream_is_secure(const eio_stream *stream);

/**
 * Write why TLS failed, in one line: for on_close.
 *
 * @param out  NUL-terminated; empty if it did not fail
 * @return bytes written, without the NUL
 */
EIO_API size_t eio_stream_tls_failure(const eio_stream *stream, char *out, size_t size);

/**
 * End it in order: no more callbacks from now on, what is queued is sent (for at most 5 s), then the connection closes.
 *
 * @param stream  taken; may be NULL
 */
EIO_API void eio_stream_close(eio_stream *stream);

/** End it now, dropping what is queued. No more callbacks. @param stream taken; may be NULL */
EIO_API void eio_stream_abort(eio_stream *stream);

#endif
