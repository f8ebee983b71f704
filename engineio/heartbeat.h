/*
 * Heartbeats (Engine.IO protocol v4): the server pings every ping_interval_ms, and closes a client that does not pong
 * within ping_timeout_ms. Clients of protocol 3 ping themselves, at least once in the sum of both. The one deadline of
 * a session is in the server's queue for what it waits for.
 */
#ifndef ENGINEIO_HEARTBEAT_H
#define ENGINEIO_HEARTBEAT_H

#include "engineio/session.h"

/* Wait for the next ping: at the handshake, and whenever the client's heartbeat comes. */
void eio_heartbeat_restart(eio_session *session);
/* Another packet came. The first one while a pong is awaited makes that wait longer, once. */
void eio_heartbeat_sign_of_life(eio_session *session);
/* The transport changed: a pong that was on its way gets its full time again. */
void eio_heartbeat_transport_changed(eio_session *session);
void eio_heartbeat_stop(eio_session *session);

/* The queues' callbacks. */
void eio_heartbeat_handle_interval(eio_deadline *deadline);
void eio_heartbeat_handle_timeout(eio_deadline *deadline);
void eio_heartbeat_handle_silence(eio_deadline *deadline);

#endif
