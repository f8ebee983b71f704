#include "engineio/heartbeat.h"

#include "engineio/server.h"

static eio_session *session_of(eio_deadline *deadline)
{
    return (eio_session *)((char *)deadline - offsetof(eio_session, heartbeat));
}

static eio_deadline_queue *queue_of(const eio_session *session)
{
    if (session->protocol == 3)
        return &session->server->silences;
    return session->awaiting_pong ? &session->server->ping_timeouts
                                  : &session->server->ping_intervals;
}

void eio_heartbeat_stop(eio_session *session)
{
    eio_deadline_stop(queue_of(session), &session->heartbeat);
}

void eio_heartbeat_restart(eio_session *session)
{
    eio_heartbeat_stop(session);
    session->awaiting_pong = false;
    eio_deadline_start(queue_of(session), &session->heartbeat);
}

void eio_heartbeat_sign_of_life(eio_session *session)
{
    if (!session->awaiting_pong || session->pong_extended)
        return;
    session->pong_extended = true;
    eio_deadline_start(queue_of(session), &session->heartbeat);
}

void eio_heartbeat_transport_changed(eio_session *session)
{
    if (session->awaiting_pong || session->protocol == 3)
        eio_deadline_start(queue_of(session), &session->heartbeat);
}

void eio_heartbeat_handle_interval(eio_deadline *deadline)
{
    eio_session *session = session_of(deadline);

    session->awaiting_pong = true;
    session->pong_extended = false;
    eio_deadline_start_from(queue_of(session), deadline, deadline->due_ms);
    /* A closing session sends nothing more, but its client has to prove that it lives all the same. */
    if (session->state == SESSION_OPEN)
        (void)eio_session_queue(session, session->server->packets.ping);
}

void eio_heartbeat_handle_silence(eio_deadline *deadline)
{
    eio_session *session = session_of(deadline);

    session->server->counters.ping_timeouts++;
    eio_session_end(session, EIO_REASON_PING_TIMEOUT, "no ping in time");
}

void eio_heartbeat_handle_timeout(eio_deadline *deadline)
{
    eio_session *session = session_of(deadline);

    session->server->counters.ping_timeouts++;
    eio_session_end(session, EIO_REASON_PING_TIMEOUT, "no pong in time");
}
