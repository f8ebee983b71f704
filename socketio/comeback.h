/*
 * What was kept elsewhere for a client that is back: by another worker, or by the adapter. Its session, and the events
 * that it has missed. Own heap, of one thread at a time. Expected load: once for each lost connection.
 */
#ifndef SOCKETIO_COMEBACK_H
#define SOCKETIO_COMEBACK_H

#include "engineio/net/crypto.h"
#include "socketio/event_log.h"

struct sio_session;

enum { SIO_OFFSET_BYTES = 6 + 19 + 3 }; /* an event's number as JSON text, with NUL */

typedef struct sio_comeback {
    char pid[EIO_RANDOM_ID_LEN];
    char id[EIO_RANDOM_ID_LEN];
    char last
        [SIO_OFFSET_BYTES]; /* the offset that the client has once it has all of this; "": none */
    sio_logged_event **events; /* that it has missed; own, as far as the count */
    size_t event_count, capacity;
    uint64_t *
        seen; /* own, one for each worker: the serial of its last event that is in there, or was heard before */
    size_t room_count;
    eio_slice rooms[]; /* and their names: one block */
} sio_comeback;

/* A session without events; new; NULL: no memory. */
sio_comeback *sio_comeback_new(const struct sio_session *session);
/* One more event that it has missed, shared. The bytes that it takes; 0: no memory. */
size_t sio_comeback_add(sio_comeback *to, const sio_encoded *packet);
/* The same with one that is made already: taken, may be NULL. False: no memory. */
bool sio_comeback_add_event(sio_comeback *to, sio_logged_event *event);
/* A socket that is joining is this one again. what: taken, until its events are sent. */
void sio_comeback_take(sio_socket *socket, sio_comeback *what);
/* May be NULL. */
void sio_comeback_free(sio_comeback *what);

#endif
