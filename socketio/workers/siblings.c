#include "socketio/workers/siblings.h"

#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/recovery.h"
#include "socketio/server.h"
#include "socketio/workers/relay.h"

bool sio_siblings_are_there(const sio_namespace *nsp)
{
    const sio_sibling *member = nsp->server->member;

    return member != NULL && sio_sibling_others(member) > 0;
}

/* The draft with its sender, and its number if answers are wanted. EIO_OK or EIO_E_NOMEM. */
static int seal_draft(sio_letter **out, sio_namespace *nsp, sio_letter *draft, sio_gather *gather,
                      unsigned answers)
{
    sio_sibling *member = nsp->server->member;

    draft->family = member->family;
    draft->from = member->worker->index;
    draft->is_binary = (nsp->server->parser->packet_flags & EIO_SEND_BINARY) != 0;
    draft->nsp = sio_namespace_name(nsp);
    if (gather != NULL) {
        draft->pending_id = sio_relay_expect(member, gather, answers);
        draft->timeout_ms = sio_relay_left_ms(gather);
        if (draft->pending_id == 0)
            return EIO_E_NOMEM;
    }
    *out = sio_letter_new(draft);
    return *out == NULL ? EIO_E_NOMEM : EIO_OK;
}

/* The worker that this one speaks for has done its part; unless it is asked something, as all are. */
static bool has_done(const sio_server *server, unsigned index, const sio_gather *gather)
{
    const sio_letter *letter = server->speaking_for;

    return letter != NULL && gather == NULL && letter->from == index;
}

int sio_siblings_write(sio_namespace *nsp, sio_letter draft, sio_gather *gather)
{
    sio_letter *letter;
    const sio_sibling *member = nsp->server->member;

    if (!sio_siblings_are_there(nsp))
        return EIO_OK;
    int rc = seal_draft(&letter, nsp, &draft, gather, sio_sibling_others(member));
    if (rc != EIO_OK)
        return rc;
    for (unsigned i = 0; i < member->worker->group->options.count; i++) {
        bool knows = i == member->worker->index || has_done(nsp->server, i, gather);
        int posted = knows ? EIO_OK : sio_letter_post(letter, i);
        if (posted != EIO_OK && posted != EIO_E_CLOSED)
            rc = posted;
    }
    sio_letter_unref(letter);
    return rc;
}

int sio_hub_write(sio_namespace *nsp, sio_letter draft, sio_gather *gather)
{
    sio_letter *letter;

    draft.for_adapter = true;
    int rc = seal_draft(&letter, nsp, &draft, gather, 1);
    if (rc != EIO_OK)
        return rc;
    rc = sio_letter_post(letter, 0);
    sio_letter_unref(letter);
    return rc;
}

/* ---- writing ---- */

int sio_siblings_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target,
                           uint64_t serial)
{
    sio_letter draft = {
        .kind = SIO_LETTER_DELIVER,
        .target = *target,
        .packet = message->packet,
        .packets = { .attachments = message->attachments,
                     .attachment_count = message->attachment_count },
    };

    if (nsp->outgoing.count > 0 || serial > 0) { /* those of the siblings want to see it, too */
        draft.name = message->name;
        draft.args = message->args;
    }
    if (serial > 0) {
        draft.packet = NULL;
        draft.packets = SIO_NO_ARGS;
        draft.serial = serial;
    }
    return sio_siblings_write(nsp, draft, NULL);
}

int sio_siblings_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    return sio_siblings_write(
        nsp, (sio_letter){ .kind = SIO_LETTER_JOIN, .target = *target, .rooms = rooms }, NULL);
}

int sio_siblings_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    return sio_siblings_write(
        nsp, (sio_letter){ .kind = SIO_LETTER_LEAVE, .target = *target, .rooms = rooms }, NULL);
}

int sio_siblings_disconnect(sio_namespace *nsp, const sio_target *target, bool close)
{
    return sio_siblings_write(
        nsp, (sio_letter){ .kind = SIO_LETTER_DISCONNECT, .target = *target, .close = close },
        NULL);
}

int sio_siblings_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather)
{
    return sio_siblings_write(nsp, (sio_letter){ .kind = SIO_LETTER_FETCH, .target = *target },
                              gather);
}

int sio_siblings_count(sio_namespace *nsp, const sio_target *target, sio_gather *gather)
{
    return sio_siblings_write(nsp, (sio_letter){ .kind = SIO_LETTER_COUNT, .target = *target },
                              gather);
}

int sio_siblings_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                               sio_args args, sio_gather *gather)
{
    return sio_siblings_write(
        nsp, (sio_letter){ .kind = SIO_LETTER_ASK, .target = *target, .name = name, .args = args },
        gather);
}

int sio_siblings_server_side(sio_namespace *nsp, eio_slice name, sio_args args, sio_gather *gather)
{
    return sio_siblings_write(
        nsp, (sio_letter){ .kind = SIO_LETTER_SERVER_SIDE, .name = name, .args = args }, gather);
}

/* ---- reading: the siblings' part ---- */

/* Small packets are copied once a worker: its clients then count references in its own cache. */
static eio_buffer *take_packet(const sio_letter *letter)
{
    enum { SMALL_BYTES = 4096 };
    const eio_slice bytes = eio_buffer_slice(letter->packet);

    return bytes.len <= SMALL_BYTES ? eio_buffer_copy(bytes) : eio_buffer_ref(letter->packet);
}

static void speak_event(sio_namespace *nsp, const sio_message *message, const sio_letter *letter)
{
    const sio_adapter_type *type = nsp->adapter->type;

    nsp->server->speaking_for = type->delivers_late ? NULL : letter;
    (void)type->broadcast(nsp->adapter, message, &letter->target);
    nsp->server->speaking_for = NULL;
}

/* With recovery the clients of each worker have numbers of its own log. */
static void deliver_logged(sio_namespace *nsp, const sio_letter *letter)
{
    sio_encoded packet;

    if (nsp->recovery == NULL ||
        sio_recovery_encode_of(nsp->recovery, &packet, &letter->target, letter->name, letter->args,
                               (sio_event_origin){ letter->from, letter->serial }) != EIO_OK) {
        sio_server_log(nsp->server, 'e', "a broadcast of another worker is lost");
        return;
    }
    const sio_message message = { .name = letter->name,
                                  .args = letter->args,
                                  .packet = packet.text,
                                  .attachments = packet.attachments,
                                  .attachment_count = packet.attachment_count };
    (void)sio_here_broadcast(nsp, &message, &letter->target);
    eio_buffer_unref(packet.text);
}

static void deliver(sio_namespace *nsp, const sio_letter *letter)
{
    if (letter->serial > 0) {
        deliver_logged(nsp, letter);
        return;
    }
    const sio_message message = { .name = letter->name,
                                  .args = letter->args,
                                  .packet = take_packet(letter),
                                  .attachments = letter->packets.attachments,
                                  .attachment_count = letter->packets.attachment_count };

    if (message.packet == NULL)
        sio_server_log(nsp->server, 'e', "a broadcast of another worker is lost: out of memory");
    else if (letter->for_adapter)
        speak_event(nsp, &message, letter);
    else
        (void)sio_here_broadcast(nsp, &message, &letter->target);
    eio_buffer_unref(message.packet);
}

/* rc: whether all could be asked. */
static void finish_asking(sio_gather *gather, const sio_letter *letter, int rc)
{
    if (rc == EIO_OK) {
        sio_gather_release(gather);
        return;
    }
    sio_gather_cancel(gather);
    sio_relay_end(letter, rc);
    sio_letter_unref((sio_letter *)(uintptr_t)letter); /* the gathering's */
}

static void ask(sio_namespace *nsp, const sio_letter *letter)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;
    int rc = sio_relay_gather_responses(&gather, nsp, letter);

    if (rc != EIO_OK) {
        sio_relay_end(letter, rc);
        return;
    }
    if (!letter->for_adapter)
        rc = sio_here_emit_with_ack(nsp, &letter->target, letter->name, letter->args, gather);
    else if (type->emit_with_ack == NULL)
        rc = sio_local_emit_with_ack(nsp, &letter->target, letter->name, letter->args, gather);
    else
        rc = type->emit_with_ack(nsp->adapter, &letter->target, letter->name, letter->args,
                                 letter->timeout_ms, gather);
    finish_asking(gather, letter, rc);
}

static void fetch(sio_namespace *nsp, const sio_letter *letter)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather;
    int rc = sio_relay_gather_found(&gather, nsp, letter);

    if (rc != EIO_OK) {
        sio_relay_end(letter, rc);
        return;
    }
    if (!letter->for_adapter)
        rc = sio_here_fetch(nsp, &letter->target, gather);
    else if (type->fetch == NULL)
        rc = sio_local_fetch(nsp, &letter->target, gather);
    else
        rc = type->fetch(nsp->adapter, &letter->target, gather);
    finish_asking(gather, letter, rc);
}

static void count(sio_namespace *nsp, const sio_letter *letter)
{
    sio_gather *gather;

    if (!letter->for_adapter) {
        sio_relay_end_count(letter, EIO_OK, sio_here_count(nsp, &letter->target));
        return;
    }
    int rc = sio_relay_gather_count(&gather, nsp, letter);
    if (rc != EIO_OK) {
        sio_relay_end(letter, rc);
        return;
    }
    const sio_adapter_type *type = nsp->adapter->type;
    if (type->count == NULL && type->fetch == NULL)
        rc = sio_local_count(nsp, &letter->target, gather);
    else
        rc = (type->count != NULL ? type->count : type->fetch)(nsp->adapter, &letter->target,
                                                               gather);
    finish_asking(gather, letter, rc);
}

typedef struct sibling_reply {
    sio_server_reply base;
    const sio_letter *letter;
} sibling_reply;

static void send_reply(sio_server_reply *reply, sio_args args)
{
    const sibling_reply *mine = (const sibling_reply *)(const void *)reply;

    sio_relay_respond(mine->letter, args);
    sio_relay_end(mine->letter, EIO_OK);
}

/* Who does not reply makes the asking side wait for its time-out, as in Node. */
static void hear_server_side(sio_namespace *nsp, const sio_letter *letter)
{
    sibling_reply reply = { { .send = send_reply }, letter };
    bool wanted = letter->pending_id != 0;

    sio_here_server_side(nsp, letter->name, letter->args, wanted ? &reply.base : NULL);
    if (wanted && !reply.base.is_sent)
        sio_relay_end(letter, EIO_E_TIMEOUT);
}

static void pass_server_side(sio_namespace *nsp, const sio_letter *letter)
{
    const sio_adapter_type *type = nsp->adapter->type;
    sio_gather *gather = NULL;
    int rc = EIO_OK;

    if (letter->pending_id != 0)
        rc = sio_relay_gather_responses(&gather, nsp, letter);
    if (rc != EIO_OK) {
        sio_relay_end(letter, rc);
        return;
    }
    if (type->server_side != NULL)
        rc = type->server_side(nsp->adapter, letter->name, letter->args, gather);
    if (gather != NULL)
        finish_asking(gather, letter, rc);
}

static void change_rooms(sio_namespace *nsp, const sio_letter *letter)
{
    if (letter->kind == SIO_LETTER_JOIN)
        (void)sio_here_join(nsp, &letter->target, letter->rooms);
    else
        (void)sio_here_leave(nsp, &letter->target, letter->rooms);
}

static void disconnect(sio_namespace *nsp, const sio_letter *letter)
{
    (void)sio_here_disconnect(nsp, &letter->target, letter->close);
}

/* What its adapter can is done for all servers, the rest for this process. */
static void speak_change(sio_namespace *nsp, const sio_letter *letter)
{
    nsp->server->speaking_for = letter;
    if (letter->kind == SIO_LETTER_JOIN)
        (void)sio_sockets_join(nsp, &letter->target, letter->rooms);
    else if (letter->kind == SIO_LETTER_LEAVE)
        (void)sio_sockets_leave(nsp, &letter->target, letter->rooms);
    else
        (void)sio_disconnect_sockets(nsp, &letter->target, letter->close);
    nsp->server->speaking_for = NULL;
}

static void read_change(sio_namespace *nsp, const sio_letter *letter)
{
    if (letter->for_adapter)
        speak_change(nsp, letter);
    else if (letter->kind == SIO_LETTER_DISCONNECT)
        disconnect(nsp, letter);
    else
        change_rooms(nsp, letter);
}

static void server_side(sio_namespace *nsp, const sio_letter *letter)
{
    if (letter->for_adapter)
        pass_server_side(nsp, letter);
    else
        hear_server_side(nsp, letter);
}

/* The hub speaks for namespaces of other workers that it has not seen yet. */
static sio_namespace *find_namespace(const sio_letter *letter, sio_server *server)
{
    return letter->for_adapter ? sio_server_of(server, letter->nsp)
                               : sio_server_find_namespace(server, letter->nsp);
}

static void change_room(sio_namespace *nsp, const sio_letter *letter)
{
    const sio_adapter_type *type = nsp->adapter->type;
    bool created = letter->kind == SIO_LETTER_ROOM_CREATED;

    if (type->on_room != NULL)
        type->on_room(nsp->adapter, created ? SIO_ROOM_CREATED : SIO_ROOM_DELETED, letter->name,
                      (eio_slice){ NULL, 0 });
}

void sio_letter_read(const sio_letter *letter, sio_sibling *member)
{
    static void (*const readers[SIO_LETTER_N_KINDS])(sio_namespace *, const sio_letter *) = {
        [SIO_LETTER_DELIVER] = deliver,
        [SIO_LETTER_ASK] = ask,
        [SIO_LETTER_JOIN] = read_change,
        [SIO_LETTER_LEAVE] = read_change,
        [SIO_LETTER_DISCONNECT] = read_change,
        [SIO_LETTER_FETCH] = fetch,
        [SIO_LETTER_COUNT] = count,
        [SIO_LETTER_SERVER_SIDE] = server_side,
        [SIO_LETTER_ROOM_CREATED] = change_room,
        [SIO_LETTER_ROOM_DELETED] = change_room,
    };
    sio_server *server = member->server;
    sio_namespace *nsp =
        server == NULL || server->is_closing ? NULL : find_namespace(letter, server);

    if (nsp == NULL) {
        sio_letter_refuse(letter);
        return;
    }
    readers[letter->kind](nsp, letter);
    sio_server_wake(server);
}

void sio_letter_refuse(const sio_letter *letter)
{
    sio_relay_end(letter, EIO_OK);
}
