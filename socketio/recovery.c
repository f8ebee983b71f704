#include "socketio/recovery.h"

#include <stdio.h>
#include <stdlib.h>

#include "socketio/event_log.h"
#include "socketio/json_member.h"
#include "socketio/namespace.h"
#include "socketio/server.h"
#include "socketio/socket.h"

enum { TAG_BYTES = 6, MAX_DIGITS = 19, OFFSET_BYTES = TAG_BYTES + MAX_DIGITS + 3 };

struct sio_recovery {
    sio_server *server;
    sio_namespace *nsp;
    eio_table sessions; /* by pid */
    sio_event_log log;
    eio_deadline log_expiry; /* waits while events are kept */
    char tag[TAG_BYTES];     /* before the numbers, so that no other text is taken for one */
};

struct sio_lost_session {
    eio_deadline expiry; /* first */
    sio_recovery *recovery;
    char pid[EIO_RANDOM_ID_LEN];
    char id[EIO_RANDOM_ID_LEN];
    uint64_t since; /* what it may have missed if it has heard nothing */
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
        eio_deadline_stop(&recovery->server->recovering, &session->expiry);
        free_session(session);
    }
    eio_table_fini(&recovery->sessions);
    eio_deadline_stop(&recovery->server->log_expiries, &recovery->log_expiry);
    sio_event_log_fini(&recovery->log);
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

static size_t print_offset(const sio_recovery *recovery, char out[OFFSET_BYTES], uint64_t number)
{
    int len = snprintf(out, OFFSET_BYTES, "\"%.*s%llu\"", (int)sizeof(recovery->tag), recovery->tag,
                       (unsigned long long)number);

    return (size_t)len;
}

/* A JSON text; 0: none of our numbers. */
static uint64_t read_offset(const sio_recovery *recovery, eio_slice json)
{
    char again[OFFSET_BYTES];
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

int sio_recovery_encode(sio_recovery *recovery, sio_encoded *out, eio_slice nsp,
                        const sio_target *target, eio_slice name, sio_args args)
{
    char offset[OFFSET_BYTES];
    eio_slice *json = malloc((args.count + 1) * sizeof(*json));

    if (json == NULL)
        return EIO_E_NOMEM;
    if (args.count > 0)
        memcpy(json, args.json, args.count * sizeof(*json));
    json[args.count] =
        (eio_slice){ offset, print_offset(recovery, offset, recovery->log.last + 1) };
    args.json = json;
    args.count++;
    int rc = recovery->server->parser->encode_event(out, nsp, false, 0, name, args);
    free(json);
    if (rc != EIO_OK)
        return rc;
    sio_event_log_add(&recovery->log, out, target, now_ms(recovery));
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

    *out = offset.base == NULL ? session->since : read_offset(recovery, offset);
    if (offset.base != NULL && *out == 0)
        return false;
    return *out <= recovery->log.last && *out + 1 >= sio_event_log_first(&recovery->log);
}

static void restore(sio_lost_session *session, sio_socket *socket, uint64_t heard)
{
    sio_socket_recovery *state = &socket->extra->recovery;

    memcpy(socket->id, session->id, sizeof(socket->id));
    memcpy(state->pid, session->pid, sizeof(state->pid));
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

void sio_recovery_send_missed(sio_recovery *recovery, sio_socket *socket)
{
    sio_event_log *log = &recovery->log;
    uint64_t next = socket->extra->recovery.heard + 1;

    if (next < sio_event_log_first(log))
        next = sio_event_log_first(log); /* its middlewares took longer than the log keeps */
    for (; next <= log->last; next++) {
        const sio_logged_event *event = sio_event_log_at(log, next);
        if ((event->rooms.count == 0 || is_in_any(socket, event->rooms)) &&
            !is_in_any(socket, event->except))
            (void)sio_client_send(socket->client, event->text, event->attachments,
                                  event->attachment_count, 0);
    }
}

/* ---- going away ---- */

static bool may_come_back(unsigned reason)
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

    if (!may_come_back(socket->reason) || sio_client_has_protocol4(socket->client) ||
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
    session->data = socket->data;
    session->destroy = socket->destroy;
    socket->data = NULL;
    socket->destroy = NULL;
    eio_deadline_start(&recovery->server->recovering, &session->expiry);
}
