#include "chat/rooms/events.h"

#include "chat/log.h"
#include "chat/rooms/names.h"
#include "chat/rooms/tell.h"

static const char unavailable[] = "Service unavailable.";
static const char room_exists[] = "Room already exist.";
static const char room_failed[] = "Room creation failed.";
static const char room_unknown[] = "Room does not exist.";
static const char name_taken[] = "Username already exists, please choose another username.";
static const char not_a_holder[] = "You are not in this room under this name.";
static const char not_a_member[] = "You are not a member of this room.";
static const char not_allowed[] = "Only members of the room may remove a member who is there.";
static const char too_many_rooms[] = "You are in too many rooms.";

/* ---- what all of them do ---- */

static eio_slice payload_of(const chat_request *request)
{
    const sio_args args = sio_event_args(request->event);

    return args.count == 0 ? (eio_slice){ 0 } : args.json[0];
}

/* The payload as it came, with what it refers to. */
static sio_args echo_of(const chat_request *request)
{
    sio_args args = sio_event_args(request->event);

    args.count = 1;
    return args;
}

static void refuse(chat_request *request, const char *text)
{
    chat_tell_error(request->connection->socket, text);
    chat_request_end(request);
}

/* Read and check the fields; if they are bad the request has ended. */
static bool read_fields(chat_request *request, unsigned wants)
{
    char room[CHAT_LOG_VALUE_BYTES];
    eio_slice id = sio_socket_id(request->connection->socket);
    const char *error = chat_fields_read(&request->fields, payload_of(request),
                                         sio_event_args(request->event).attachment_count == 0,
                                         wants, &request->connection->rooms->options.limits);

    if (chat_log_is_on(CHAT_LOG_DEBUG))
        chat_log(CHAT_LOG_DEBUG, request->kind->name, "id=%.*s room=%s%s", (int)id.len, id.base,
                 chat_log_value(room, error == NULL ? request->fields.room : (eio_slice){ 0 }),
                 error == NULL ? "" : " refused=payload");
    if (error != NULL)
        refuse(request, error);
    return error == NULL;
}

static void ask(chat_request *request, chat_store_op op, bool take_over, chat_store_cb *callback)
{
    const chat_query query = {
        .op = op,
        .room = request->fields.room,
        .username = request->fields.username,
        .text = request->fields.message,
        .take_over = take_over,
        .limit = request->fields.limit,
    };
    const chat_answer failed = { .outcome = CHAT_UNAVAILABLE };

    if (chat_store_ask(request->connection->rooms->store, &query, callback, request) != EIO_OK)
        callback(&failed, request);
}

static chat_member *find_member(const chat_request *request)
{
    return chat_members_find(&request->connection->rooms->members, request->fields.room,
                             request->fields.username);
}

static bool is_full(const chat_connection *connection)
{
    const chat_member *member;
    size_t count = 0;

    LIST_FOREACH(member, &connection->names, holder_link)
        count++;
    return count >= connection->rooms->options.max_rooms;
}

static void tell(chat_request *request, eio_slice event)
{
    const sio_args echo = echo_of(request);

    chat_tell_room(request->connection->rooms, request->fields.room, event, echo);
}

/* ---- create:room and add:member ---- */

/* The store has the name for this connection now. False if somebody else has turned out to hold it. */
static bool enter(chat_request *request)
{
    return chat_name_take(request->connection, request->fields.room, request->fields.username) &&
           chat_room_join(request->connection->socket, request->fields.room) == EIO_OK;
}

static void finish_create_room(const chat_answer *answer, void *data)
{
    chat_request *request = data;

    switch (answer->outcome) {
    case CHAT_DONE:
        if (!enter(request)) {
            refuse(request, room_failed);
            return;
        }
        tell(request, EIO_STR("create:room:success"));
        tell(request, EIO_STR("add:member:success"));
        chat_request_end(request);
        return;
    case CHAT_ROOM_EXISTS: refuse(request, room_exists); return;
    case CHAT_ROOM_UNKNOWN:
    case CHAT_NOT_ALLOWED:
    case CHAT_NAME_TAKEN: refuse(request, room_failed); return;
    case CHAT_UNKNOWN:
        chat_name_doubt(request->connection, request->fields.room, request->fields.username);
        break;
    case CHAT_UNAVAILABLE: break;
    }
    refuse(request, unavailable);
}

static void start_create_room(chat_request *request)
{
    if (!read_fields(request, CHAT_WANTS_USERNAME))
        return;
    if (is_full(request->connection)) {
        refuse(request, too_many_rooms);
        return;
    }
    ask(request, CHAT_CREATE_ROOM, false, finish_create_room);
}

static void finish_add_member(const chat_answer *answer, void *data);

static void ask_to_add(chat_request *request)
{
    ask(request, CHAT_ADD_MEMBER, request->takes_over, finish_add_member);
}

/* The name was taken when we asked. Meanwhile we may have heard that its holder is gone: names are adopted at start. */
static bool can_claim_now(chat_request *request)
{
    if (request->takes_over)
        return false;
    request->takes_over =
        chat_name_claim(request->connection, request->fields.room, request->fields.username);
    return request->takes_over;
}

static void finish_add_member(const chat_answer *answer, void *data)
{
    chat_request *request = data;

    if (answer->outcome == CHAT_NAME_TAKEN && can_claim_now(request)) {
        ask_to_add(request);
        return;
    }
    if (answer->outcome != CHAT_DONE)
        chat_name_unclaim(request->connection, request->fields.room, request->fields.username);
    switch (answer->outcome) {
    case CHAT_DONE:
        if (!enter(request)) {
            refuse(request, name_taken);
            return;
        }
        tell(request, EIO_STR("add:member:success"));
        chat_request_end(request);
        return;
    case CHAT_ROOM_UNKNOWN: refuse(request, room_unknown); return;
    case CHAT_ROOM_EXISTS:
    case CHAT_NOT_ALLOWED:
    case CHAT_NAME_TAKEN: refuse(request, name_taken); return;
    case CHAT_UNKNOWN:
        chat_name_doubt(request->connection, request->fields.room, request->fields.username);
        break;
    case CHAT_UNAVAILABLE: break;
    }
    refuse(request, unavailable);
}

static void start_add_member(chat_request *request)
{
    if (!read_fields(request, CHAT_WANTS_USERNAME))
        return;
    if (is_full(request->connection)) {
        refuse(request, too_many_rooms);
        return;
    }
    request->takes_over =
        chat_name_claim(request->connection, request->fields.room, request->fields.username);
    ask_to_add(request);
}

/* ---- remove:member ---- */

static void remove_found(chat_request *request, chat_member *member)
{
    chat_rooms *rooms = request->connection->rooms;
    const sio_args echo = echo_of(request);
    sio_socket *holder = member == NULL || member->holder == NULL ? NULL : member->holder->socket;

    chat_tell_room_and(rooms, request->fields.room, request->connection->socket,
                       EIO_STR("remove:member:success"), echo);
    if (holder != NULL && holder != request->connection->socket &&
        !chat_room_has(holder, request->fields.room))
        (void)sio_emit(holder, EIO_STR("remove:member:success"), echo);
    if (holder != NULL)
        chat_room_leave(holder, request->fields.room);
    if (member != NULL)
        chat_members_remove(&rooms->members, member);
    else
        chat_tell_servers(rooms, CHAT_SERVERS_REMOVED, request->fields.room,
                          request->fields.username);
}

static void finish_remove_member(const chat_answer *answer, void *data)
{
    chat_request *request = data;
    chat_member *member = find_member(request);

    switch (answer->outcome) {
    case CHAT_DONE:
        /* One that claims the name has asked for it after this removal: its request follows, and stands. */
        remove_found(request,
                     member != NULL && member->state == CHAT_MEMBER_CLAIMED ? NULL : member);
        chat_request_end(request);
        return;
    case CHAT_ROOM_UNKNOWN: refuse(request, room_unknown); return;
    case CHAT_NOT_ALLOWED: refuse(request, not_allowed); return;
    case CHAT_ROOM_EXISTS:
    case CHAT_NAME_TAKEN:
    case CHAT_UNKNOWN:
    case CHAT_UNAVAILABLE: break;
    }
    refuse(request, unavailable);
}

/* The holder itself, another one in the room, or anybody if no live connection holds the name. */
static bool may_remove(const chat_request *request)
{
    const chat_member *member = find_member(request);

    return member == NULL || member->holder == NULL || member->holder == request->connection ||
           chat_room_has(request->connection->socket, request->fields.room);
}

static void start_remove_member(chat_request *request)
{
    if (!read_fields(request, CHAT_WANTS_USERNAME))
        return;
    if (!may_remove(request)) {
        refuse(request, not_allowed);
        return;
    }
    bool knows = find_member(request) != NULL ||
                 chat_room_has(request->connection->socket, request->fields.room);
    ask(request, CHAT_REMOVE_MEMBER, knows, finish_remove_member);
}

/* ---- create:chat ---- */

static void finish_create_chat(const chat_answer *answer, void *data)
{
    chat_request *request = data;

    if (answer->outcome != CHAT_DONE) {
        refuse(request, unavailable);
        return;
    }
    tell(request, EIO_STR("create:chat:success"));
    chat_request_end(request);
}

static void start_create_chat(chat_request *request)
{
    if (!read_fields(request, CHAT_WANTS_USERNAME | CHAT_WANTS_MESSAGE))
        return;
    const chat_member *member = find_member(request);
    if (member == NULL || member->holder != request->connection) {
        refuse(request, not_a_holder);
        return;
    }
    ask(request, CHAT_ADD_CHAT, false, finish_create_chat);
}

/* ---- list:chat ---- */

static void finish_list_chat(const chat_answer *answer, void *data)
{
    chat_request *request = data;
    chat_payload payload;

    if (answer->outcome != CHAT_DONE || !chat_payload_read(&payload, payload_of(request)) ||
        chat_tell_chats(request->connection->socket, payload.room_id, answer->entries,
                        answer->count) != EIO_OK) {
        refuse(request, unavailable);
        return;
    }
    chat_request_end(request);
}

static bool is_member_of(const chat_connection *connection, eio_slice room)
{
    const chat_member *member;

    LIST_FOREACH(member, &connection->names, holder_link)
        if (eio_slice_equal(member->room, room))
            return true;
    return false;
}

static void start_list_chat(chat_request *request)
{
    if (!read_fields(request, CHAT_WANTS_LIMIT))
        return;
    if (!is_member_of(request->connection, request->fields.room)) {
        refuse(request, not_a_member);
        return;
    }
    ask(request, CHAT_LIST_CHATS, false, finish_list_chat);
}

/* ---- the disconnection ---- */

static void start_disconnection(chat_request *request)
{
    chat_names_let_go(request->connection);
    request->connection->ended = true;
    chat_request_end(request);
}

const chat_request_kind chat_events[] = {
    { "create:room", start_create_room },     { "add:member", start_add_member },
    { "remove:member", start_remove_member }, { "create:chat", start_create_chat },
    { "list:chat", start_list_chat },         { NULL, NULL },
};

const chat_request_kind chat_disconnection = { "disconnect", start_disconnection };
