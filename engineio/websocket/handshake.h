/*
 * The opening handshake (RFC 6455 §4.2), judged as Node's `ws` judges it. Pure: it is fed the request's headers one by
 * one. Expected load: one per WebSocket.
 */
#ifndef ENGINEIO_WEBSOCKET_HANDSHAKE_H
#define ENGINEIO_WEBSOCKET_HANDSHAKE_H

#include "engineio/buffer.h"

enum {
    EIO_ACCEPT_KEY_LEN = 28,
    /* Offered subprotocols. Each is compared with those before it, so their number is bounded; one or two are usual. */
    EIO_MAX_SUBPROTOCOLS = 32,
};

typedef enum eio_ws_fault {
    EIO_HANDSHAKE_GOOD,
    EIO_HANDSHAKE_METHOD,
    EIO_HANDSHAKE_UPGRADE,
    EIO_HANDSHAKE_KEY,
    EIO_HANDSHAKE_VERSION, /* to be answered with `Sec-WebSocket-Version: 13, 8` */
    EIO_HANDSHAKE_PROTOCOL,
    EIO_HANDSHAKE_EXTENSIONS,
} eio_ws_fault;

/* What counts of a request's headers; all borrowed from it. Zeroed before its first use. */
typedef struct eio_ws_handshake {
    eio_slice upgrade, key, version;
    eio_slice protocols[EIO_MAX_SUBPROTOCOLS]; /* as offered; the first is the one that is taken */
    size_t protocol_count;
    bool bad_protocols;
} eio_ws_handshake;

/* Look at one header. name: in any case. */
void eio_ws_handshake_feed(eio_ws_handshake *handshake, eio_slice name, eio_slice value);

/* Judge, when all headers are fed. */
eio_ws_fault eio_ws_handshake_check(const eio_ws_handshake *handshake, eio_slice method);

/* The body of the refusal. */
eio_slice eio_ws_fault_text(eio_ws_fault fault);

/* The value of Sec-WebSocket-Accept. EIO_OK or EIO_E_NOMEM. */
int eio_ws_handshake_accept(char out[EIO_ACCEPT_KEY_LEN], eio_slice key);

#endif
