#include "socketio/recovery.h"

#include <stdio.h>
#include <stdlib.h>

#include "socketio/adapter.h"
#include "socketio/emit.h"
#include "socketio/json_member.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"
#include "socketio/workers/comeback.h"

enum { TAG_BYTES = 6 };

struct sio_recovery {
    sio_server *server;
    sio_namespace *nsp;
    eio_table sessions; /* by pid */
    sio_event_log log;
    eio_deadline log_expiry; /* waits while events are kept */
    char tag[TAG_BYTES];     /* before the numbers, so that no other text is taken for one */
    unsigned worker;         /* this one */
    uint64_t *
        seen; /* own: serials of the last events of all workers; of this one's the last that was taken */
    unsigned worker_count;
};

struct sio_lost_session {
    eio_deadline expiry; /* first */
    sio_recovery *recovery;
    char pid[EIO_RANDOM_ID_LEN];
    char id[EIO_RANDOM_ID_LEN];
    char last[SIO_OFFSET_BYTES]; /* of what it brought along; "": nothing */
    uint64_t since; /* what it may have missed if it has heard nothing, or nothing after that */
    void *data;
    void (*destroy)(void *data);
    size_t room_count;
    eio_slice rooms[]; /* and their names: one block */
};

static eio_slice pid_of(const void *item)
{
    const sio_lost_session *session = item;

    return (eio_slice){ session->pid, sizeof(session->pid) };
}

/* ---- life ---- */

int sio_recovery_new(sio_recovery **out, sio_namespace *nsp)
{
    sio_recovery *recovery = calloc(1, sizeof(*recovery));
    sio_server *server = nsp->server;
    char id[EIO_RANDOM_ID_LEN];

    if (recovery == NULL)
        return EIO_E_NOMEM;
    int rc = eio_random_id(id);
    if (rc != EIO_OK) {
        free(recovery);
        return rc;
    }
    recovery->worker_count = server->member == NULL ? 1 : sio_sibling_others(server->member) + 1;
    recovery->worker = server->member == NULL ? 0 : server->member->worker->index;
    recovery->seen = calloc(recovery->worker_count, sizeof(*recovery->seen));
    if (recovery->seen == NULL) {
        free(recovery);
        return EIO_E_NOMEM;
    }
    memcpy(recovery->tag, id, sizeof(recovery->tag));
    recovery->server = server;
    recovery->nsp = nsp;
    recovery->log.max_events = server->recovery.max_events;
    recovery->log.max_bytes = server->recovery.max_bytes;
    recovery->log.max_age_ms = server->recovery.max_disconnection_ms;
    eio_table_init(&recovery->sessions, pid_of);
    *out = recovery;
    return EIO_OK;
}

static void free_session(sio_lost_session *session)
{
    if (session->destroy != NULL)
        session->destroy(session->data);
    free(session);
}

static void forget(sio_lost_session *session)
{
    sio_comeback_forget(session->recovery->nsp, pid_of(session));
    eio_deadline_stop(&session->recovery->server->recovering, &session->expiry);
    eio_table_remove(&session->recovery->sessions, session);
}

void sio_recovery_free(sio_recovery *recovery)
{
    sio_lost_session *session;
    size_t at = 0;

    if (recovery == NULL)
        return;
    while ((session = eio_table_next(&recovery->sessions, &at)) != NULL) {
        sio_comeback_forget(recovery->nsp, pid_of(session));
        eio_deadline_stop(&recovery->server->recovering, &session->expiry);
        free_session(session);
    }
    eio_table_fini(&recovery->sessions);
    eio_deadline_stop(&recovery->server->log_expiries, &recovery->log_expiry);
    sio_event_log_fini(&recovery->log);
    free(recovery->seen);
    free(recovery);
}

bool sio_recovery_is_waiting(const sio_recovery *recovery)
{
    return recovery != NULL && recovery->sessions.count > 0;
}

void sio_recovery_handle_expiry(eio_deadline *deadline)
{
    sio_lost_session *session = (sio_lost_session *)(void *)deadline;

    sio_namespace *nsp = session->recovery->nsp;

    forget(session);
    free_session(session);
    sio_server_check_empty(nsp);
}

/* ---- numbers ---- */

static size_t print_offset(const sio_recovery *recovery, char out[SIO_OFFSET_BYTES],
                           uint64_t number)
{
    int len = snprintf(out, SIO_OFFSET_BYTES, "\"%.*s%llu\"", (int)sizeof(recovery->tag),
                       recovery->tag, (unsigned long long)number);

    return (size_t)len;
}

/* A JSON text; 0: none of our numbers. */
static uint64_t read_offset(const sio_recovery *recovery, eio_slice json)
{
    char again[SIO_OFFSET_BYTES];
    uint64_t number = 0;

    if (json.len < sizeof(recovery->tag) + 3 || json.len > sizeof(again) - 1)
        return 0;
    for (size_t i = 1 + sizeof(recovery->tag); i < json.len - 1; i++) {
        if (json.base[i] < '0' || json.base[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(json.base[i] - '0');
    }
    const eio_slice printed = { again, print_offset(recovery, again, number) };
    return eio_slice_equal(printed, json) ? number : 0;
}

/* ---- events on their way out ---- */

static uint64_t now_ms(const sio_recovery *recovery)
{
    return uv_now(recovery->server->loop->uv);
}

/* The log of a namespace where nothing is sent any more goes as well. */
void sio_recovery_handle_log_expiry(eio_deadline *deadline)
{
    sio_recovery *recovery =
        (sio_recovery *)((char *)deadline - offsetof(sio_recovery, log_expiry));

    sio_event_log_expire(&recovery->log, now_ms(recovery));
    if (recovery->log.count > 0)
        eio_deadline_start(&recovery->server->log_expiries, deadline);
}

uint64_t sio_recovery_serial(const sio_recovery *recovery)
{
    return recovery->seen[recovery->worker];
}

int sio_recovery_encode(sio_recovery *recovery, sio_encoded *out, const sio_target *target,
                        eio_slice name, sio_args args)
{
    const sio_event_origin own = { recovery->worker, recovery->seen[recovery->worker] + 1 };

    return sio_recovery_encode_of(recovery, out, target, name, args, own);
}

int sio_recovery_encode_of(sio_recovery *recovery, sio_encoded *out, const sio_target *target,
                           eio_slice name, sio_args args, sio_event_origin origin)
{
    char text[SIO_OFFSET_BYTES];
    size_t len = print_offset(recovery, text, recovery->log.last + 1);
    const eio_slice offset = { text + 1, len - 2 }; /* without its quotes */

    int rc = sio_encode_with_offset(out, recovery->nsp, name, args, offset);
    if (rc != EIO_OK)
        return rc;
    recovery->seen[origin.worker] = origin.serial;
    sio_event_log_add(&recovery->log, out, target, origin, now_ms(recovery));
    if (!eio_deadline_is_waiting(&recovery->log_expiry))
        eio_deadline_start(&recovery->server->log_expiries, &recovery->log_expiry);
    return EIO_OK;
}

/* ---- coming back ---- */

static sio_lost_session *find_session(const sio_recovery *recovery, eio_slice auth)
{
    eio_slice pid = sio_json_member(auth, EIO_STR("pid"));

    if (pid.len != EIO_RANDOM_ID_LEN + 2)
        return NULL;
    return eio_table_find(&recovery->sessions,
                          (eio_slice){ pid.base + 1, (size_t)EIO_RANDOM_ID_LEN });
}

/* What the client has heard; false if what followed is not there any more, or cannot be. */
static bool find_heard(uint64_t *out, const sio_recovery *recovery, const sio_lost_session *session,
                       eio_slice auth)
{
    eio_slice offset = sio_json_member(auth, EIO_STR("offset"));
    const eio_slice brought = eio_slice_of(session->last);
    const bool is_old = eio_slice_equal(offset, brought) || offset.base == NULL;

    *out = is_old ? session->since : read_offset(recovery, offset);
    if (!is_old && (*out == 0 || (brought.len > 0 && *out < session->since)))
        return false; /* no number of ours; or it has got but a part of what it brought along */
    return *out <= recovery->log.last && *out + 1 >= sio_event_log_first(&recovery->log);
}

static void restore(sio_lost_session *session, sio_socket *socket, uint64_t heard)
{
    sio_socket_recovery *state = &socket->extra->recovery;

    memcpy(socket->id, session->id, sizeof(socket->id));
    memcpy(state->pid, session->pid, sizeof(state->pid));
    if (heard == session->since)
        memcpy(state->last, session->last, sizeof(state->last));
    state->heard = heard;
    state->is_recovered = true;
    for (size_t i = 0; i < session->room_count; i++)
        (void)sio_join(socket, session->rooms[i]);
    sio_socket_set_data(socket, session->data, session->destroy);
    session->destroy = NULL;
}

int sio_recovery_start(sio_recovery *recovery, sio_socket *socket, eio_slice auth)
{
    sio_socket_extra *extra = sio_socket_need_extra(socket);
    sio_lost_session *session = find_session(recovery, auth);
    uint64_t heard;

    if (extra == NULL)
        return EIO_E_NOMEM;
    if (sio_client_has_protocol4(socket->client))
        return EIO_OK; /* there it cannot be told its pid */
    if (session != NULL && find_heard(&heard, recovery, session, auth)) {
        forget(session);
        restore(session, socket, heard);
        free_session(session);
        return EIO_OK;
    }
    if (session == NULL)
        extra->recovery.is_awaited =
            sio_comeback_ask(socket, sio_json_member(auth, EIO_STR("pid")), auth);
    extra->recovery.heard = recovery->log.last;
    return eio_random_id(extra->recovery.pid);
}

/* ---- what was missed ---- */

static bool is_in_any(const sio_socket *socket, sio_rooms rooms)
{
    for (size_t i = 0; i < rooms.count; i++) {
        if (sio_socket_is_in(socket, rooms.names[i]))
            return true;
    }
    return false;
}

static bool is_meant(const sio_socket *socket, const sio_logged_event *event)
{
    return (event->rooms.count == 0 || is_in_any(socket, event->rooms)) &&
           !is_in_any(socket, event->except);
}

static void send_again(sio_socket *socket, const sio_logged_event *event)
{
    (void)sio_client_send(socket->client, event->text, event->attachments, event->attachment_count,
                          0);
}

static void send_brought(sio_socket *socket)
{
    sio_comeback *brought = socket->extra->recovery.brought;

    if (brought == NULL)
        return;
    socket->extra->recovery.brought = NULL;
    for (size_t i = 0; i < brought->event_count; i++)
        send_again(socket, brought->events[i]);
    sio_comeback_free(brought);
}

void sio_recovery_send_missed(sio_recovery *recovery, sio_socket *socket)
{
    uint64_t next = socket->extra->recovery.heard + 1;

    send_brought(socket);
    if (recovery == NULL)
        return;
    const sio_event_log *log = &recovery->log;
    if (next < sio_event_log_first(log))
        next = sio_event_log_first(log); /* its middlewares took longer than the log keeps */
    for (; next <= log->last; next++) {
        const sio_logged_event *event = sio_event_log_at(log, next);
        if (is_meant(socket, event))
            send_again(socket, event);
    }
}

/* ---- from one worker to another ---- */

static bool has_room(const sio_lost_session *session, sio_rooms rooms)
{
    for (size_t i = 0; i < rooms.count; i++) {
        if (eio_slice_equal(rooms.names[i], (eio_slice){ session->id, sizeof(session->id) }))
            return true;
        for (size_t k = 0; k < session->room_count; k++)
            if (eio_slice_equal(rooms.names[i], session->rooms[k]))
                return true;
    }
    return false;
}

/* One more event that it missed, which bears this number here. */
static bool add_missed(sio_comeback *to, const sio_recovery *recovery, uint64_t number)
{
    (void)print_offset(recovery, to->last, number);
    return sio_comeback_add_event(to,
                                  sio_logged_event_copy(sio_event_log_at(&recovery->log, number)));
}

/* Its names, and what it has seen so far; no events yet. */
static sio_comeback *comeback_of(const sio_recovery *recovery, const sio_lost_session *session)
{
    sio_comeback *what =
        sio_comeback_new(&(sio_session){ .id = { session->id, sizeof(session->id) },
                                         .pid = pid_of(session),
                                         .rooms = { session->rooms, session->room_count } });

    if (what == NULL)
        return NULL;
    what->seen = calloc(recovery->worker_count, sizeof(*what->seen));
    if (what->seen == NULL) {
        sio_comeback_free(what);
        return NULL;
    }
    memcpy(what->seen, recovery->seen, recovery->worker_count * sizeof(*what->seen));
    return what;
}

/* The offset that the client has told: it keeps it until it hears something new. */
static void keep_offset(sio_comeback *what, eio_slice auth)
{
    eio_slice offset = sio_json_member(auth, EIO_STR("offset"));

    if (offset.base != NULL && offset.len < sizeof(what->last))
        memcpy(what->last, offset.base, offset.len);
}

sio_comeback *sio_recovery_give(sio_recovery *recovery, eio_slice auth)
{
    sio_lost_session *session = find_session(recovery, auth);
    sio_comeback *what = NULL;
    uint64_t heard = 0;
    bool whole = true;

    if (session == NULL || !find_heard(&heard, recovery, session, auth))
        return NULL;
    what = comeback_of(recovery, session);
    if (what == NULL)
        return NULL;
    keep_offset(what, auth);
    for (uint64_t n = heard + 1; n <= recovery->log.last && whole; n++) {
        const sio_logged_event *event = sio_event_log_at(&recovery->log, n);
        if ((event->rooms.count == 0 || has_room(session, event->rooms)) &&
            !has_room(session, event->except))
            whole = add_missed(what, recovery, n);
    }
    if (!whole) {
        sio_comeback_free(what);
        return NULL;
    }
    forget(session);
    free_session(session);
    return what;
}

/*
 * Mail of one worker comes in order, so all events of the one that gave it away are here; of a third one some may still
 * be on their way, which then would come twice.
 */
static bool has_caught_up(const sio_recovery *recovery, const sio_comeback *what, unsigned giver)
{
    for (unsigned i = 0; i < recovery->worker_count; i++)
        if (i != giver && what->seen[i] > recovery->seen[i])
            return false;
    return true;
}

/* What went by here before the giver had it. */
static bool add_own(sio_comeback *what, const sio_recovery *recovery, const sio_socket *socket,
                    unsigned giver)
{
    const sio_event_log *log = &recovery->log;
    bool whole = true;

    for (uint64_t n = sio_event_log_first(log); n <= log->last && whole; n++) {
        const sio_logged_event *event = sio_event_log_at(log, n);
        if (event->worker != giver && event->serial > what->seen[event->worker] &&
            is_meant(socket, event))
            whole = add_missed(what, recovery, n);
    }
    return whole;
}

static void arrive(sio_recovery *recovery, sio_socket *socket, sio_comeback *what, unsigned giver)
{
    sio_socket_recovery *state = &socket->extra->recovery;

    sio_comeback_take(socket, what);
    if (!add_own(what, recovery, socket, giver)) {
        sio_client_close(socket->client); /* out of memory: it may try again */
        return;
    }
    memcpy(state->last, what->last, sizeof(state->last));
    state->heard = recovery->log.last;
}

void sio_recovery_arrive(sio_recovery *recovery, sio_socket *socket, sio_comeback *what,
                         unsigned worker)
{
    if (socket->state != SOCKET_JOINING || !socket->extra->recovery.is_awaited) {
        sio_comeback_free(what);
        return;
    }
    socket->extra->recovery.is_awaited = false;
    if (what != NULL && has_caught_up(recovery, what, worker))
        arrive(recovery, socket, what, worker);
    else
        sio_comeback_free(what);
    sio_server_schedule(recovery->server, socket);
}

/* ---- going away ---- */

bool sio_recovery_is_possible(unsigned reason)
{
    switch (reason) {
    case EIO_REASON_TRANSPORT_CLOSE:
    case EIO_REASON_TRANSPORT_ERROR:
    case EIO_REASON_PING_TIMEOUT:
    case EIO_REASON_FORCED_CLOSE:
    case LEAVE_FORCED_SERVER_CLOSE: return true;
    default: return false; /* on purpose, or the server closes and forgets all */
    }
}

static size_t measure_rooms(const sio_socket *socket, size_t *count)
{
    size_t bytes = 0;
    eio_slice room;

    *count = 0;
    while (sio_socket_room_at(socket, *count, &room)) {
        bytes += room.len;
        (*count)++;
    }
    return bytes;
}

sio_lost_session *sio_recovery_note(sio_recovery *recovery, const sio_socket *socket)
{
    size_t count;

    if (!sio_recovery_is_possible(socket->reason) || sio_client_has_protocol4(socket->client) ||
        socket->nsp->server->is_closing ||
        recovery->sessions.count >= recovery->server->recovery.max_sessions)
        return NULL;
    size_t bytes = measure_rooms(socket, &count);
    sio_lost_session *session = calloc(1, sizeof(*session) + count * sizeof(eio_slice) + bytes);
    if (session == NULL)
        return NULL;
    char *text = (char *)(session->rooms + count);
    session->recovery = recovery;
    session->room_count = count;
    session->since = socket->extra->recovery.heard;
    memcpy(session->pid, socket->extra->recovery.pid, sizeof(session->pid));
    memcpy(session->last, socket->extra->recovery.last, sizeof(session->last));
    memcpy(session->id, socket->id, sizeof(session->id));
    for (size_t i = 0; i < count; i++) {
        eio_slice *room = &session->rooms[i];
        (void)sio_socket_room_at(socket, i, room);
        if (room->len > 0)
            memcpy(text, room->base, room->len);
        room->base = text;
        text += room->len;
    }
    return session;
}

void sio_recovery_keep(sio_recovery *recovery, sio_lost_session *session, sio_socket *socket)
{
    if (session == NULL)
        return;
    if (eio_table_add(&recovery->sessions, session) != EIO_OK) {
        free(session);
        return;
    }
    sio_comeback_announce(recovery->nsp, pid_of(session));
    session->data = socket->data;
    session->destroy = socket->destroy;
    socket->data = NULL;
    socket->destroy = NULL;
    eio_deadline_start(&recovery->server->recovering, &session->expiry);
}
