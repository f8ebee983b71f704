/*
 * A session: one client of Engine.IO, whatever connections it uses. It is on polling (with an upgrade under way or not)
 * or on WebSocket; what only one of these needs is heap of its own, so that an idle WebSocket client costs this struct,
 * its first request's head, and the layers below.
 *
 * open: messages flow. closing: eio_session_close was called, what is queued may still leave (polling waits for the
 * client's polls). ending: nothing more flows, on_close comes with the next loop pass. closed: it has been called.
 * Loop thread only. The server's table holds one reference until closed.
 */
#ifndef ENGINEIO_SESSION_H
#define ENGINEIO_SESSION_H

#include <assert.h>
#include <stdint.h>

#include "engineio/engineio.h"
#include "engineio/head.h"
#include "engineio/net/deadline.h"
#include "engineio/packet.h"

typedef enum session_state {
    SESSION_OPEN,
    SESSION_CLOSING,
    SESSION_ENDING,
    SESSION_CLOSED,
    SESSION_N_STATES
} session_state;

struct eio_session {
    eio_websocket *ws; /* own; NULL unless on WebSocket */
    unsigned refs;
    uint8_t state;
    uint8_t reason;         /* eio_reason, once ending */
    uint8_t protocol;       /* 4, or 3 */
    bool awaiting_pong : 1; /* heartbeat waits for a pong, not to send a ping */
    bool pong_extended : 1; /* that wait was made longer once */
    bool base64 : 1;        /* the client cannot take binary frames (b64 in its query) */
    const eio_session_handler *handler; /* borrowed; NULL: nobody listens */
    void *data;
    eio_server *server;          /* borrowed: outlives its sessions */
    struct eio_polling *polling; /* own; NULL once on WebSocket */
    struct eio_upgrade *upgrade; /* own; NULL unless a probe is under way */
    const char *detail;          /* of the close that is under way; a literal */
    eio_deadline
        heartbeat; /* see heartbeat.h; in the server's `ending` while the state is ending */
    /* Its head follows. */
};

static_assert(sizeof(eio_session) % _Alignof(eio_head) == 0, "the head stands right behind");

/* The first request, which gives the sid. */
static inline eio_head *eio_session_head(const eio_session *session)
{
    return (eio_head *)((uintptr_t)session + sizeof(*session));
}

/* Into the server's table, and known to its family: EIO_OK, EIO_E_EXISTS, EIO_E_NOMEM; and out again. */
int eio_session_enter(eio_session *session);
void eio_session_leave(eio_session *session);

/* New, open, in no table and with no transport; NULL when out of memory. */
eio_session *eio_session_new(eio_server *server, const eio_http_request *request, eio_slice sid);

/* A packet came. The session may be ended by it, but its memory stays until the next loop pass. */
void eio_session_receive(eio_session *session, const eio_packet *packet);
/* Something came that is no packet. */
void eio_session_receive_garbage(eio_session *session);

/* Bytes that wait for it. */
size_t eio_session_queued(const eio_session *session);

/* Hand a sealed packet to the transport. EIO_OK, EIO_E_BACKLOG (the session ends), EIO_E_NOMEM. */
int eio_session_queue(eio_session *session, eio_buffer *packet);

/* End it now: the transports are dropped, on_close follows with the next loop pass. Nothing if it is ending already. */
void eio_session_end(eio_session *session, eio_reason reason, const char *detail);

/* The transport was handed all that was queued. The session may be ended by who hears of it, as by a packet. */
void eio_session_drained(eio_session *session);
/* Whether anybody would. */
bool eio_session_wants_drain(const eio_session *session);

/* From polling to WebSocket: takes the socket, and sends what is queued. */
void eio_session_switch(eio_session *session, eio_websocket *ws);

/* For the server: on_close, now, if it was not called; then out of the table. */
void eio_session_finish(eio_session *session);

#endif
