#include "chat/rooms/tell.h"

#include <stdio.h>

#include <jansson.h>

#include "chat/rooms/connection.h"

/* ---- names inside: a room may be called like a socket's id, and must not be taken for it ---- */

typedef struct inner_name {
    char text[CHAT_MOST_NAME_BYTES + 8];
    size_t len;
} inner_name;

static eio_slice name_inside(inner_name *out, eio_slice room)
{
    static const char prefix[] = "room:";

    memcpy(out->text, prefix, sizeof(prefix) - 1);
    memcpy(out->text + sizeof(prefix) - 1, room.base, room.len);
    return (eio_slice){ out->text, sizeof(prefix) - 1 + room.len };
}

int chat_room_join(sio_socket *socket, eio_slice room)
{
    inner_name name;

    return sio_join(socket, name_inside(&name, room));
}

void chat_room_leave(sio_socket *socket, eio_slice room)
{
    inner_name name;

    sio_leave(socket, name_inside(&name, room));
}

bool chat_room_has(const sio_socket *socket, eio_slice room)
{
    inner_name name;

    return sio_socket_is_in(socket, name_inside(&name, room));
}

/* ---- telling ---- */

void chat_tell_error(sio_socket *socket, const char *text)
{
    char json[512];
    eio_slice arg;

    (void)snprintf(json, sizeof(json), "{\"message\":\"%s\"}", text);
    arg = eio_slice_of(json);
    (void)sio_emit(socket, EIO_STR("error"), (sio_args){ .json = &arg, .count = 1 });
}

void chat_tell_room(chat_rooms *rooms, eio_slice room, eio_slice event, sio_args args)
{
    inner_name name;
    eio_slice inside = name_inside(&name, room);

    if (rooms->nsp == NULL)
        return;
    (void)sio_broadcast(rooms->nsp, &(sio_target){ .rooms = { &inside, 1 } }, event, args);
}

void chat_tell_room_and(chat_rooms *rooms, eio_slice room, sio_socket *socket, eio_slice event,
                        sio_args args)
{
    chat_tell_room(rooms, room, event, args);
    if (!chat_room_has(socket, room))
        (void)sio_emit(socket, event, args);
}

/* ---- JSON of our own ---- */

static int append_dump(const char *bytes, size_t len, void *data)
{
    eio_buffer **out = data;

    return eio_buffer_append(out, (eio_slice){ bytes, len }) == EIO_OK ? 0 : -1;
}

/* A text as JSON. False if it is not UTF-8, or out of memory; then something may have been appended. */
static bool append_text(eio_buffer **out, eio_slice text)
{
    json_t *value = json_stringn(text.base, text.len);
    bool done = value != NULL && json_dump_callback(value, append_dump, out, JSON_ENCODE_ANY) == 0;

    json_decref(value);
    return done;
}

static bool append_literal(eio_buffer **out, const char *text)
{
    return eio_buffer_append(out, eio_slice_of(text)) == EIO_OK;
}

/* {roomId, username}; NULL when out of memory, or if they are no UTF-8. */
static eio_buffer *print_pair(eio_slice room, eio_slice username)
{
    eio_buffer *json = eio_buffer_new(128);

    if (json != NULL && append_literal(&json, "{\"roomId\":") && append_text(&json, room) &&
        append_literal(&json, ",\"username\":") && append_text(&json, username) &&
        append_literal(&json, "}"))
        return json;
    eio_buffer_unref(json);
    return NULL;
}

void chat_tell_gone(chat_rooms *rooms, eio_slice room, eio_slice username)
{
    eio_buffer *json = print_pair(room, username);
    inner_name name;
    eio_slice inside = name_inside(&name, room);

    if (json != NULL && rooms->nsp != NULL) {
        eio_slice arg = eio_buffer_slice(json);
        (void)sio_broadcast(rooms->nsp, &(sio_target){ .rooms = { &inside, 1 } },
                            EIO_STR("remove:member:success"),
                            (sio_args){ .json = &arg, .count = 1 });
    }
    eio_buffer_unref(json);
}

/* ---- servers among themselves ---- */

static const eio_slice news_names[] = {
    [CHAT_SERVERS_REMOVED] = { "chat:removed", 12 },
    [CHAT_SERVERS_GONE] = { "chat:gone", 9 },
};

void chat_tell_servers(chat_rooms *rooms, chat_servers_news news, eio_slice room,
                       eio_slice username)
{
    eio_buffer *json = rooms->clustered && rooms->nsp != NULL ? print_pair(room, username) : NULL;

    if (json != NULL) {
        eio_slice arg = eio_buffer_slice(json);
        (void)sio_server_side_emit(rooms->nsp, news_names[news],
                                   (sio_args){ .json = &arg, .count = 1 });
    }
    eio_buffer_unref(json);
}

/* What another server says is checked as what a client says. */
static bool read_news(chat_rooms *rooms, chat_fields *fields, sio_args args)
{
    return args.count == 1 && chat_fields_read(fields, args.json[0], true, CHAT_WANTS_USERNAME,
                                               &rooms->options.limits) == NULL;
}

static void handle_removed(sio_namespace *nsp, sio_args args, sio_server_reply *reply, void *data)
{
    chat_rooms *rooms = data;
    chat_fields fields = { 0 };

    (void)nsp;
    (void)reply;
    chat_member *member = read_news(rooms, &fields, args)
                              ? chat_members_find(&rooms->members, fields.room, fields.username)
                              : NULL;
    if (member != NULL && member->state == CHAT_MEMBER_HELD)
        chat_room_leave(member->holder->socket, fields.room);
    if (member != NULL && member->state == CHAT_MEMBER_HELD)
        chat_members_remove(&rooms->members, member);
    chat_fields_fini(&fields);
}

static bool tell_one(sio_socket *socket, void *data)
{
    const sio_args *args = data;

    (void)sio_emit(socket, EIO_STR("remove:member:success"), *args);
    return true;
}

/* Each worker of each server hears it, and tells those whom it has itself. */
static void handle_gone(sio_namespace *nsp, sio_args args, sio_server_reply *reply, void *data)
{
    chat_rooms *rooms = data;
    chat_fields fields = { 0 };
    inner_name name;

    (void)reply;
    if (read_news(rooms, &fields, args)) {
        eio_slice inside = name_inside(&name, fields.room);
        (void)sio_each_socket(nsp, &(sio_target){ .rooms = { &inside, 1 } }, tell_one, &args);
    }
    chat_fields_fini(&fields);
}

int chat_hear_servers(chat_rooms *rooms)
{
    int rc =
        sio_on_server_side(rooms->nsp, news_names[CHAT_SERVERS_REMOVED], handle_removed, rooms);

    return rc != EIO_OK
               ? rc
               : sio_on_server_side(rooms->nsp, news_names[CHAT_SERVERS_GONE], handle_gone, rooms);
}

/* One message, complete or not at all: a text that cannot be sent is passed over. */
static int append_chat(eio_buffer **out, const chat_entry *entry, bool first)
{
    eio_buffer *json = eio_buffer_new(64 + entry->username.len + entry->text.len);

    if (json == NULL)
        return EIO_E_NOMEM;
    bool whole = append_literal(&json, first ? "{\"username\":" : ",{\"username\":") &&
                 append_text(&json, entry->username) && append_literal(&json, ",\"message\":") &&
                 append_text(&json, entry->text) && append_literal(&json, "}");
    int rc = whole ? eio_buffer_append(out, eio_buffer_slice(json)) : EIO_E_UTF8;
    eio_buffer_unref(json);
    return rc;
}

static int append_chats(eio_buffer **out, eio_slice room_json, const chat_entry *entries,
                        size_t count)
{
    bool first = true;

    if (!append_literal(out, "{\"roomId\":") || eio_buffer_append(out, room_json) != EIO_OK ||
        !append_literal(out, ",\"chats\":["))
        return EIO_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        int rc = append_chat(out, &entries[i], first);
        if (rc == EIO_E_NOMEM)
            return rc;
        first = first && rc != EIO_OK;
    }
    return append_literal(out, "]}") ? EIO_OK : EIO_E_NOMEM;
}

int chat_tell_chats(sio_socket *socket, eio_slice room_json, const chat_entry *entries,
                    size_t count)
{
    eio_buffer *json = eio_buffer_new(4096);

    if (json == NULL)
        return EIO_E_NOMEM;
    int rc = append_chats(&json, room_json, entries, count);
    if (rc == EIO_OK) {
        eio_slice arg = eio_buffer_slice(json);
        (void)sio_emit(socket, EIO_STR("list:chat:success"),
                       (sio_args){ .json = &arg, .count = 1 });
    }
    eio_buffer_unref(json);
    return rc;
}
