/*
 * Connection state recovery of one namespace: a log of the events that were sent, and the sessions
 * of sockets that lost their connection. Each event bears its number as last argument, so that a
 * client that comes back says what it has heard; what it missed is sent before its CONNECT is
 * answered. Both are bounded in number, bytes and time; what had to be dropped makes a recovery
 * fail, never lose an event silently. Expected load: every broadcast once; thousands of sessions.
 *
 * Each worker has a log of its own, of all events of the process in the order in which its own clients get them. Who
 * comes back to another worker than he left is restored there with what that one had for him, see sio_comeback.
 */
#ifndef SOCKETIO_RECOVERY_H
#define SOCKETIO_RECOVERY_H

#include "engineio/net/crypto.h"
#include "engineio/net/deadline.h"
#include "engineio/net/table.h"
#include "socketio/comeback.h"
#include "socketio/event_log.h"
#include "socketio/packet.h"
#include "socketio/socketio.h"

typedef struct sio_recovery sio_recovery;
struct sio_restore;
/* What a socket left behind. */
typedef struct sio_lost_session sio_lost_session;

/* What a socket has of it; zeroed at first. */
typedef struct sio_socket_recovery {
    char pid[EIO_RANDOM_ID_LEN];
    char last[SIO_OFFSET_BYTES]; /* of what it brought along; "": nothing */
    bool is_recovered;
    bool
        is_awaited; /* another worker, or the adapter, is asked for it: nothing else happens until then */
    struct sio_restore *restore; /* the adapter is; ended by that one; NULL */
    sio_socket *next_returning;  /* of the namespace's list */
    uint64_t heard;              /* the number of the last event that is no news for this socket */
    sio_comeback *brought;       /* own, until it is sent; NULL */
} sio_socket_recovery;

int sio_recovery_new(sio_recovery **out, sio_namespace *nsp);
/* May be NULL. */
void sio_recovery_free(sio_recovery *recovery);
/* Whether somebody may come back. */
bool sio_recovery_is_waiting(const sio_recovery *recovery);

/*
 * Encode an event with its number behind the arguments, and keep it for those who miss it. As
 * sio_packet_encode_event.
 */
int sio_recovery_encode(sio_recovery *recovery, sio_encoded *out, const sio_target *target,
                        eio_slice name, sio_args args);

/*
 * The same for an event of another worker, with its serial there. A serial of this one's next events is taken before
 * they leave: sio_recovery_serial is that of the last.
 */
int sio_recovery_encode_of(sio_recovery *recovery, sio_encoded *out, const sio_target *target,
                           eio_slice name, sio_args args, sio_event_origin origin);
uint64_t sio_recovery_serial(const sio_recovery *recovery);

/*
 * A new socket, before its middlewares: restore what its auth speaks of, else give it a pid of its
 * own; is_awaited: that comes later. EIO_OK, EIO_E_NOMEM or EIO_E_RANDOM.
 */
int sio_recovery_start(sio_recovery *recovery, sio_socket *socket, eio_slice auth);
/* Send what a restored socket has missed. Its rooms are joined. recovery: NULL: the adapter's. */
void sio_recovery_send_missed(sio_recovery *recovery, sio_socket *socket);

/* Where the session was lost: give it away, if its auth is right and all is there. New; NULL: it is not. */
sio_comeback *sio_recovery_give(sio_recovery *recovery, eio_slice auth);
/* Where the client is now: `what` of that worker, taken; NULL: it has nothing. The socket goes on joining. */
void sio_recovery_arrive(sio_recovery *recovery, sio_socket *socket, sio_comeback *what,
                         unsigned worker);

/* Whether who left for this reason may come back. */
bool sio_recovery_is_possible(unsigned reason);
/* The socket is about to leave its rooms. NULL unless its reason allows that it comes back. New. */
sio_lost_session *sio_recovery_note(sio_recovery *recovery, const sio_socket *socket);
/* It has left: keep the session, and its data from now on. session: taken, may be NULL. */
void sio_recovery_keep(sio_recovery *recovery, sio_lost_session *session, sio_socket *socket);

/* A session is too old; it is time to look through a log. */
void sio_recovery_handle_expiry(eio_deadline *deadline);
void sio_recovery_handle_log_expiry(eio_deadline *deadline);

#endif
