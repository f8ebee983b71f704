#include "chat/demo/sockets.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/demo/presence.h"
#include "chat/demo/signature.h"
#include "chat/demo/talk.h"
#include "chat/json.h"
#include "chat/log.h"

/* ---- who it is: before it is connected, so that nothing it says can come too early ---- */

/* Nothing is known of it: the client will come back by itself. */
static void turn_away(sio_socket *socket)
{
    eio_session_close(sio_socket_session(socket), true);
}

static void handle_rooms(const chat_demo_answer *answer, void *data)
{
    chat_talker *talker = data;
    sio_socket *socket = talker->socket;
    char name[CHAT_ROOM_NAME_BYTES];

    for (size_t i = 0; i < answer->count; i++) {
        chat_room_id room = chat_room_id_read(answer->texts[i]);
        if (room.kind == CHAT_ROOM_NAMED || chat_room_id_has(&room, talker->user.id))
            (void)sio_join(socket, chat_demo_room(name, 'r', answer->texts[i]));
    }
    if (answer->outcome == CHAT_FAILED)
        turn_away(socket);
    else
        (void)sio_next(socket, NULL);
    sio_socket_unref(socket); /* of the question */
}

static void handle_session(const chat_demo_answer *answer, void *data)
{
    chat_talker *talker = data;
    sio_socket *socket = talker->socket;
    char name[CHAT_ROOM_NAME_BYTES];

    if (answer->outcome == CHAT_FOUND && answer->count == 1)
        (void)chat_session_read(&talker->user, answer->texts[0]);
    if (talker->user.id != 0) {
        (void)chat_demo_number(talker->id, talker->user.id);
        (void)sio_join(socket, EIO_STR("users"));
        (void)sio_join(socket, chat_demo_room(name, 'u', eio_slice_of(talker->id)));
        chat_demo_ask(talker->demo, CHAT_LIST_ROOM_IDS, CHAT_TEXTS(eio_slice_of(talker->id)),
                      handle_rooms, talker);
        return;
    }
    if (answer->outcome == CHAT_FAILED)
        turn_away(socket);
    else
        (void)sio_next(socket, NULL);
    sio_socket_unref(socket); /* of the question */
}

static eio_slice without_scheme(eio_slice origin)
{
    const char *at = origin.len == 0 ? NULL : memmem(origin.base, origin.len, "://", 3);

    return at == NULL ? origin : (eio_slice){ at + 3, origin.len - (size_t)(at + 3 - origin.base) };
}

/* A page of another site opens sockets with its visitor's cookies: such a socket is nobody's. */
static bool is_own_page(const chat_demo *demo, const sio_socket *socket)
{
    eio_slice origin = sio_socket_header(socket, "origin");
    eio_slice host = sio_socket_header(socket, "host");
    const chat_options *options = demo->host->options;
    eio_slice page = eio_slice_of(demo->own->public_url);

    if (origin.base == NULL)
        return true;
    while (page.len > 0 && page.base[page.len - 1] == '/')
        page.len--;
    if (page.len > 0 && eio_slice_equal(origin, page))
        return true;
    for (size_t i = 0; i < options->origin_count; i++)
        if (eio_slice_equal(origin, eio_slice_of(options->origins[i])))
            return true;
    return host.len > 0 && eio_slice_equal(without_scheme(origin), host);
}

/* A cookie of the request that the session began with; not decoded. */
static eio_slice find_cookie(eio_slice header, eio_slice name)
{
    while (header.len > 0) {
        const char *end = memchr(header.base, ';', header.len);
        eio_slice one = { header.base, end == NULL ? header.len : (size_t)(end - header.base) };
        header.base += one.len + (end != NULL);
        header.len -= one.len + (end != NULL);
        while (one.len > 0 && one.base[0] == ' ') {
            one.base++;
            one.len--;
        }
        if (one.len > name.len && memcmp(one.base, name.base, name.len) == 0 &&
            one.base[name.len] == '=')
            return (eio_slice){ one.base + name.len + 1, one.len - name.len - 1 };
    }
    return (eio_slice){ NULL, 0 };
}

static void handle_newcomer(sio_socket *socket, void *data)
{
    chat_demo *demo = data;
    eio_slice cookie = find_cookie(sio_socket_header(socket, "cookie"), EIO_STR("connect.sid"));
    char sid[CHAT_MOST_SID_BYTES + 1], room[CHAT_ROOM_NAME_BYTES];
    chat_talker *talker = NULL;

    if (cookie.base != NULL && is_own_page(demo, socket) &&
        chat_cookie_open(sid, cookie, eio_slice_of(demo->own->secret)))
        talker = chat_talker_new(demo, socket);
    if (talker == NULL) {
        (void)sio_next(socket, NULL);
        return;
    }
    (void)sio_join(socket, chat_demo_room(room, 's', eio_slice_of(sid)));
    sio_socket_set_data(socket, talker, chat_talker_free);
    sio_socket_ref(socket); /* for the questions */
    chat_demo_ask(demo, CHAT_LOAD_SESSION, CHAT_TEXTS(eio_slice_of(sid)), handle_session, talker);
}

/* ---- what it does ---- */

static chat_talker *user_of(sio_socket *socket)
{
    chat_talker *talker = sio_socket_data(socket);

    return talker == NULL || talker->user.id == 0 ? NULL : talker;
}

static void handle_connection(sio_socket *socket, void *data)
{
    chat_talker *talker = user_of(socket);
    eio_slice id = sio_socket_id(socket);

    (void)data;
    chat_log(CHAT_LOG_INFO, "connect", "id=%.*s user=%s", (int)id.len, id.base,
             talker == NULL ? "-" : talker->id);
    if (talker != NULL)
        chat_presence_come(talker);
}

static void handle_disconnect(sio_socket *socket, const char *reason, const char *details,
                              void *data)
{
    chat_talker *talker = user_of(socket);
    eio_slice id = sio_socket_id(socket);
    char why[CHAT_LOG_VALUE_BYTES];

    (void)details;
    (void)data;
    chat_log(CHAT_LOG_INFO, "disconnect", "id=%.*s reason=%s", (int)id.len, id.base,
             chat_log_value(why, eio_slice_of(reason)));
    if (talker != NULL)
        chat_presence_go(talker);
}

static void handle_join(sio_socket *socket, sio_event *event, void *data)
{
    chat_talker *talker = user_of(socket);

    (void)data;
    if (talker != NULL)
        chat_talker_add(talker, true, event);
}

static void handle_message(sio_socket *socket, sio_event *event, void *data)
{
    chat_talker *talker = user_of(socket);

    (void)data;
    if (talker != NULL)
        chat_talker_add(talker, false, event);
}

int chat_demo_sockets_open(chat_demo *demo)
{
    int rc = sio_use(demo->nsp, handle_newcomer, demo);

    if (rc == EIO_OK)
        rc = sio_on_connection(demo->nsp, handle_connection, demo);
    if (rc == EIO_OK)
        rc = sio_on_disconnect(demo->nsp, handle_disconnect, demo);
    if (rc == EIO_OK)
        rc = sio_on(demo->nsp, EIO_STR("room.join"), handle_join, demo);
    if (rc == EIO_OK)
        rc = sio_on(demo->nsp, EIO_STR("message"), handle_message, demo);
    return rc;
}

/* ---- what happens to it ---- */

static bool join_room(sio_socket *socket, void *data)
{
    (void)sio_join(socket, *(const eio_slice *)data);
    return true;
}

/* The rooms of the two users of a private room. */
typedef struct pair_rooms {
    char low[CHAT_ROOM_NAME_BYTES], high[CHAT_ROOM_NAME_BYTES];
    eio_slice names[2];
} pair_rooms;

static sio_target target_pair(pair_rooms *out, const chat_room_id *room)
{
    char id[CHAT_ID_BYTES];

    out->names[0] = chat_demo_room(out->low, 'u', chat_demo_number(id, room->low));
    out->names[1] = chat_demo_room(out->high, 'u', chat_demo_number(id, room->high));
    return (sio_target){ .rooms = { out->names, 2 }, .flags = SIO_LOCAL };
}

void chat_demo_join_pair(chat_demo *demo, const chat_room_id *room)
{
    char low[CHAT_ID_BYTES], high[CHAT_ID_BYTES], id[2 * CHAT_ID_BYTES], name[CHAT_ROOM_NAME_BYTES];
    pair_rooms rooms;
    sio_target target = target_pair(&rooms, room);

    (void)chat_demo_number(low, room->low);
    (void)chat_demo_number(high, room->high);
    (void)snprintf(id, sizeof(id), "%s:%s", low, high);
    eio_slice joined = chat_demo_room(name, 'r', eio_slice_of(id));
    if (demo->nsp != NULL)
        (void)sio_each_socket(demo->nsp, &target, join_room, &joined);
}

static bool send_away(sio_socket *socket, void *data)
{
    (void)data;
    sio_disconnect(socket, true);
    return true;
}

void chat_demo_end_session(chat_demo *demo, eio_slice sid)
{
    char name[CHAT_ROOM_NAME_BYTES];

    if (demo->nsp != NULL)
        (void)sio_each_socket(demo->nsp,
                              &(sio_target){ .rooms = SIO_ROOMS(chat_demo_room(name, 's', sid)) },
                              send_away, NULL);
}

/* ---- news from other servers ---- */

static void hear_message(chat_demo *demo, eio_slice json)
{
    eio_slice room_json, room;
    const chat_json_field fields[] = { { "roomId", &room_json } };
    char name[CHAT_ROOM_NAME_BYTES];

    if (!chat_json_fields(json, fields, 1) || room_json.base == NULL ||
        !chat_json_text(&room, room_json))
        return;
    if (chat_room_id_read(room).kind != CHAT_ROOM_NONE)
        (void)sio_broadcast(demo->nsp,
                            &(sio_target){ .rooms = SIO_ROOMS(chat_demo_room(name, 'r', room)),
                                           .flags = SIO_LOCAL },
                            EIO_STR("message"), SIO_ARGS(json));
    free((void *)(uintptr_t)room.base);
}

static void hear_room(chat_demo *demo, eio_slice json)
{
    eio_slice id_json, id;
    const chat_json_field fields[] = { { "id", &id_json } };
    pair_rooms rooms;

    if (!chat_json_fields(json, fields, 1) || id_json.base == NULL ||
        !chat_json_string(&id, id_json))
        return;
    chat_room_id room = chat_room_id_read(id);
    if (room.kind == CHAT_ROOM_PRIVATE) {
        sio_target target = target_pair(&rooms, &room);
        chat_demo_join_pair(demo, &room);
        (void)sio_broadcast(demo->nsp, &target, EIO_STR("show.room"), SIO_ARGS(json));
    }
    free((void *)(uintptr_t)id.base);
}

static void hear_presence(chat_demo *demo, eio_slice event, eio_slice json)
{
    eio_slice id_json, id;
    const chat_json_field fields[] = { { "id", &id_json } };
    char name[CHAT_ROOM_NAME_BYTES];
    bool leaves = eio_slice_equal(event, EIO_STR("user.disconnected"));

    if (!chat_json_fields(json, fields, 1) || id_json.base == NULL || !chat_json_text(&id, id_json))
        return;
    uint64_t user = chat_user_id(id);
    if (user != 0 && !(leaves && chat_presence_contradict(demo, user)))
        (void)sio_broadcast(demo->nsp,
                            &(sio_target){ .rooms = SIO_ROOMS(EIO_STR("users")),
                                           .except = SIO_ROOMS(chat_demo_room(name, 'u', id)),
                                           .flags = SIO_LOCAL },
                            event, SIO_ARGS(json));
    free((void *)(uintptr_t)id.base);
}

void chat_demo_hear(chat_demo *demo, eio_slice type, eio_slice json)
{
    if (demo->nsp == NULL)
        return;
    if (eio_slice_equal(type, EIO_STR("message")))
        hear_message(demo, json);
    else if (eio_slice_equal(type, EIO_STR("show.room")))
        hear_room(demo, json);
    else if (eio_slice_equal(type, EIO_STR("user.connected")) ||
             eio_slice_equal(type, EIO_STR("user.disconnected")))
        hear_presence(demo, type, json);
}
