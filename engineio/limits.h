/* Every quantity that a peer can drive: its default, and why it is what it is. Options change those that say so. */
#ifndef ENGINEIO_LIMITS_H
#define ENGINEIO_LIMITS_H

enum {
    /* Output queued for one connection (option max_buffered_bytes). Past it the peer is a slow consumer and closed. */
    EIO_MAX_BUFFERED_BYTES = 8 * 1024 * 1024,
    /* Above this we stop reading from a peer: its own requests make its answers, TCP slows it down. */
    EIO_SOFT_BUFFERED_BYTES = 256 * 1024,
    /* A peer that takes no byte for so long is gone, whatever its TCP says. */
    EIO_STALL_TIMEOUT_MS = 30 * 1000,
    /* Closing in order: to send what is queued, and for the peer's end. */
    EIO_LINGER_TIMEOUT_MS = 5 * 1000,
    /* A name to connect to: longer ones are no host names (RFC 1035 §2.3.4). */
    EIO_MAX_HOST_BYTES = 255,
    /* One Engine.IO message or polling payload (option max_payload_bytes); Node's maxHttpBufferSize. */
    EIO_MAX_PAYLOAD_BYTES = 1000000,
    /* Heartbeats and waits of Engine.IO (options of these names); Node's figures. */
    EIO_PING_INTERVAL_MS = 25 * 1000,
    EIO_PING_TIMEOUT_MS = 20 * 1000,
    EIO_UPGRADE_TIMEOUT_MS = 10 * 1000,
    EIO_CLOSE_TIMEOUT_MS = 30 * 1000,
    /* One message of a plain WebSocket (option max_message_bytes). */
    EIO_WS_MAX_MESSAGE_BYTES = 1024 * 1024,
    /* Frames of one message (option max_fragments): no honest client comes near, and empty ones cost us, too. */
    EIO_WS_MAX_FRAGMENTS = 16384,
    /* How long a peer may take to answer our close frame (option close_timeout_ms). */
    EIO_WS_CLOSE_TIMEOUT_MS = 5 * 1000,
    /* Shorter messages and bodies are not worth compressing (options threshold); Node's. */
    EIO_DEFLATE_THRESHOLD_BYTES = 1024,
    EIO_HTTP_COMPRESSION_THRESHOLD_BYTES = 1024,
    /* Files that are compressed for those who accept it, each as a whole, in memory; and how many of them are kept. */
    EIO_FILE_COMPRESSED_MAX_BYTES = 4 * 1024 * 1024,
    EIO_FILE_CACHE_FILES = 64,
    EIO_FILE_CACHE_BYTES = 8 * 1024 * 1024,
    /* Until we try again to accept one for which there was no memory. */
    EIO_ACCEPT_RETRY_MS = 100,
    /* Waiting connections of a listener; Node's figure. */
    EIO_BACKLOG = 511,
    /* TLS (options of these names): a handshake holds some 40 KB, and is the dearest thing a stranger can ask for. */
    EIO_TLS_HANDSHAKE_TIMEOUT_MS = 10 * 1000,
    EIO_TLS_MAX_HANDSHAKES = 1024,
    /* Steps of handshakes in one turn of the loop, of a millisecond or two each: then the other clients are served. */
    EIO_TLS_STEPS_A_TURN = 4,

    /* HTTP: one request (options of the same names). All bytes that are not body have a limit (CVE-2024-22019). */
    EIO_HTTP_MAX_HEAD_BYTES = 16384,
    EIO_HTTP_MAX_HEADERS = 100,
    EIO_HTTP_MAX_TARGET_BYTES = 8192,
    EIO_HTTP_MAX_FRAMING_BYTES = 16384,
    /* A head that trickles in; a body that does; a connection that is kept for a request that never comes (Node's). */
    EIO_HTTP_HEAD_TIMEOUT_MS = 10 * 1000,
    EIO_HTTP_REQUEST_TIMEOUT_MS = 60 * 1000,
    EIO_HTTP_IDLE_TIMEOUT_MS = 5 * 1000,
};

#endif
