/*
 * What one worker asks of another: one block with copies of all names, shared by all who get it, and references to the
 * encoded packets. Immutable once it is posted. Expected load: one for each broadcast.
 */
#ifndef SOCKETIO_WORKERS_LETTER_H
#define SOCKETIO_WORKERS_LETTER_H

#include "socketio/adapter.h"
#include "socketio/workers/group.h"

typedef enum sio_letter_kind {
    SIO_LETTER_DELIVER, /* an encoded event */
    SIO_LETTER_ASK,     /* an event that wants acknowledgements */
    SIO_LETTER_JOIN,
    SIO_LETTER_LEAVE,
    SIO_LETTER_DISCONNECT,
    SIO_LETTER_FETCH,
    SIO_LETTER_COUNT,
    SIO_LETTER_SERVER_SIDE,
    SIO_LETTER_ROOM_CREATED, /* of that worker; for the hub's adapter */
    SIO_LETTER_ROOM_DELETED,
    SIO_LETTER_N_KINDS
} sio_letter_kind;

typedef struct sio_letter {
    atomic_uint refs;
    sio_letter_kind kind;
    bool for_adapter; /* the hub's adapter is to do it, for this process and the others */
    bool close;       /* of DISCONNECT */
    bool is_binary;   /* its packet */
    sio_family *family;
    unsigned from; /* the worker */
    uint64_t
        serial; /* of DELIVER with recovery: the event's there; each worker encodes it for its own log */
    uint64_t pending_id; /* of that worker's, see relay.h; 0: no answer is wanted */
    uint64_t timeout_ms; /* for the answer */
    eio_slice nsp;
    eio_slice name;
    sio_target target;
    sio_rooms rooms;    /* of JOIN and LEAVE */
    sio_args args;      /* its attachments: a reference each */
    sio_args packets;   /* of DELIVER: what belongs to its packet */
    eio_buffer *packet; /* a reference; NULL: none */
    size_t bytes;
} sio_letter;

/*
 * Copy what a draft says. Held once. NULL when out of memory.
 */
sio_letter *sio_letter_new(const sio_letter *draft);
void sio_letter_unref(sio_letter *letter);

/* Post it to one worker. EIO_OK, EIO_E_NOMEM or as sio_mailbox_post. */
int sio_letter_post(sio_letter *letter, unsigned to);

/* For relay.c and siblings.c: what is done with one. */
void sio_letter_read(const sio_letter *letter, sio_sibling *member);
/* Nobody reads it: say so to who waits for an answer. Any thread. */
void sio_letter_refuse(const sio_letter *letter);

#endif
