/*
 * Who has which session: asked of all once, and remembered as long as requests for it come. What is remembered may be
 * wrong (the session ended, its server died): then that server says so, or is silent.
 */
#ifndef SOCKETIO_FORWARD_OWNERS_H
#define SOCKETIO_FORWARD_OWNERS_H

#include "socketio/forward/forwarder.h"

typedef struct sio_owner {
    sio_forwarder *forwarder;
    eio_deadline deadline; /* in `known` or in `finds` */
    LIST_HEAD(, sio_exchange) waiting;
    bool is_known;
    char name[SIO_FORWARD_NAME_LEN];
    size_t sid_len;
    char sid[];
} sio_owner;

void sio_owners_init(sio_forwarder *forwarder);
/* All are forgotten; nobody waits any more. */
void sio_owners_clear(sio_forwarder *forwarder);

/* Borrowed for this call; NULL: never asked for. */
sio_owner *sio_owners_find(const sio_forwarder *forwarder, eio_slice sid);
/* The same, and asked for if need be. NULL: too many are asked for, or out of memory. */
sio_owner *sio_owners_need(sio_forwarder *forwarder, eio_slice sid);
/* Somebody says that he has it. */
void sio_owners_hear(sio_forwarder *forwarder, eio_slice sid, eio_slice name);
/* He does not answer for it any more. */
void sio_owners_forget(sio_forwarder *forwarder, eio_slice sid);

#endif
