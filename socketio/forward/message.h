/*
 * What servers of ours say to each other so that a request reaches its session: one form for all kinds, lengths before
 * texts, numbers in network order. Pure. Nothing is allocated to read one, whatever it says. Expected load: two for
 * each request that came to the wrong server.
 */
#ifndef SOCKETIO_FORWARD_MESSAGE_H
#define SOCKETIO_FORWARD_MESSAGE_H

#include <stdint.h>

#include "engineio/net/crypto.h"

typedef enum sio_forward_kind {
    SIO_FORWARD_FIND,    /* to all: who has the session `bytes`? */
    SIO_FORWARD_HERE,    /* to who asked: I have the session `bytes` */
    SIO_FORWARD_PING,    /* I am there, as long as we have something in common */
    SIO_FORWARD_OPEN,    /* a request: its head, and its body if HAS_BODY */
    SIO_FORWARD_BODY,    /* its body, or with TOO_BIG that it is too long */
    SIO_FORWARD_ANSWER,  /* its response: number is the status, lines and bytes */
    SIO_FORWARD_UPGRADE, /* it is upgraded: bytes follow both ways */
    SIO_FORWARD_BYTES,   /* some of them */
    SIO_FORWARD_TAKEN,   /* so many of yours have gone on: send as many more */
    SIO_FORWARD_END,     /* this end is gone */
    SIO_FORWARD_N_KINDS
} sio_forward_kind;

enum {
    SIO_FORWARD_HAS_BODY = 1, /* flags */
    SIO_FORWARD_TOO_BIG = 2,
    SIO_FORWARD_IS_SECURE = 4,
    SIO_FORWARD_IS_UPGRADE = 8,
    SIO_FORWARD_KEEPS_ALIVE = 16,
    SIO_FORWARD_ALL_FLAGS = 31,
};

typedef enum sio_forward_text {
    SIO_FORWARD_METHOD,
    SIO_FORWARD_TARGET,
    SIO_FORWARD_ADDRESS,
    SIO_FORWARD_HEADERS, /* of the request */
    SIO_FORWARD_LINES,   /* of the response */
    SIO_FORWARD_N_TEXTS
} sio_forward_text;

enum { SIO_FORWARD_NAME_LEN = EIO_RANDOM_ID_LEN, SIO_FORWARD_MOST_SID_BYTES = 64 };

/* All slices are borrowed. */
typedef struct sio_forward_message {
    sio_forward_kind kind;
    unsigned flags;
    uint32_t number;
    eio_slice from;     /* the name of who says it */
    eio_slice exchange; /* the id of the request; {NULL, 0}: none */
    eio_slice texts[SIO_FORWARD_N_TEXTS];
    eio_slice bytes;
} sio_forward_message;

/* New in *out: EIO_OK or EIO_E_NOMEM. */
int sio_forward_encode(eio_buffer **out, const sio_forward_message *message);
/* EIO_OK, or EIO_E_PROTOCOL: nothing that one of ours has sent. */
int sio_forward_decode(sio_forward_message *out, eio_slice bytes);

#endif
