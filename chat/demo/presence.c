#include "chat/demo/presence.h"

#include <stdlib.h>

/* One change that is under way. */
typedef struct presence_change {
    chat_demo *demo;
    bool comes;
    sio_socket *socket; /* who is not told, a reference; or NULL */
    char id[CHAT_ID_BYTES];
    char *json;   /* what is told, own */
    char *former; /* key of what a dead server held, own; or NULL */
} presence_change;

static void change_free(presence_change *change)
{
    sio_socket_unref(change->socket);
    free(change->former);
    free(change->json);
    free(change);
}

/* `{"id","username","online"}`; the id as in the session, or as text. New. */
static char *describe(json_t *id, eio_slice name, bool online)
{
    json_t *json =
        json_pack("{s:o, s:s%, s:b}", "id", id, "username", name.base, name.len, "online", online);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return text;
}

static presence_change *change_new(chat_demo *demo, uint64_t user, json_t *id, eio_slice name,
                                   bool comes)
{
    presence_change *change = calloc(1, sizeof(*change));

    if (change == NULL) {
        json_decref(id);
        return NULL;
    }
    change->demo = demo;
    change->comes = comes;
    change->json = describe(id, name, comes);
    (void)chat_demo_number(change->id, user);
    if (change->json != NULL)
        return change;
    change_free(change);
    return NULL;
}

static void tell(const presence_change *change)
{
    char own[CHAT_ROOM_NAME_BYTES];
    eio_slice event = change->comes ? EIO_STR("user.connected") : EIO_STR("user.disconnected");

    if (change->demo->nsp != NULL)
        (void)sio_broadcast(
            change->demo->nsp,
            &(sio_target){ .rooms = SIO_ROOMS(EIO_STR("users")),
                           .except = SIO_ROOMS(chat_demo_room(own, 'u', eio_slice_of(change->id))),
                           .flags = SIO_LOCAL },
            event, SIO_ARGS(eio_slice_of(change->json)));
}

static void handle_changed(const chat_demo_answer *answer, void *data)
{
    presence_change *change = data;

    if (answer->outcome == CHAT_FOUND && answer->count > 0 &&
        eio_slice_equal(answer->texts[0], EIO_STR("1")))
        tell(change);
    change_free(change);
}

static void hold(presence_change *change, bool always)
{
    if (change != NULL)
        chat_demo_ask(change->demo, CHAT_HOLD_USER,
                      CHAT_TEXTS(eio_slice_of(change->id), eio_slice_of(change->json),
                                 always ? EIO_STR("1") : EIO_STR("0")),
                      handle_changed, change);
}

static void release(presence_change *change)
{
    if (change != NULL)
        chat_demo_ask(
            change->demo, CHAT_RELEASE_USER,
            CHAT_TEXTS(eio_slice_of(change->id), eio_slice_of(change->json),
                       change->former == NULL ? EIO_STR("") : eio_slice_of(change->former)),
            handle_changed, change);
}

/* ---- sockets of this server ---- */

static presence_change *change_of(const chat_talker *talker, bool comes)
{
    return change_new(talker->demo, talker->user.id,
                      json_incref(json_object_get(talker->user.shown, "id")),
                      (eio_slice){ talker->user.name, talker->user.name_bytes }, comes);
}

static bool take_first(sio_socket *socket, void *data)
{
    *(sio_socket **)data = socket;
    return false;
}

/* A socket of a user here; borrowed, NULL: none. */
static sio_socket *find_socket(chat_demo *demo, eio_slice id)
{
    char room[CHAT_ROOM_NAME_BYTES];
    sio_socket *found = NULL;

    if (demo->nsp != NULL)
        (void)sio_each_socket(demo->nsp,
                              &(sio_target){ .rooms = SIO_ROOMS(chat_demo_room(room, 'u', id)) },
                              take_first, &found);
    return found;
}

void chat_presence_come(chat_talker *talker)
{
    hold(change_of(talker, true), false);
}

void chat_presence_go(chat_talker *talker)
{
    if (find_socket(talker->demo, eio_slice_of(talker->id)) == NULL)
        release(change_of(talker, false));
}

bool chat_presence_contradict(chat_demo *demo, uint64_t user)
{
    char id[CHAT_ID_BYTES];
    sio_socket *socket = find_socket(demo, chat_demo_number(id, user));
    chat_talker *talker = socket == NULL ? NULL : sio_socket_data(socket);

    if (talker == NULL)
        return false;
    hold(change_of(talker, true), true);
    return true;
}

/* ---- what only the store knows ---- */

typedef struct presence_list {
    chat_demo *demo;
    char *former;
} presence_list;

/* Those that have no socket here are let go: their names are known now. */
static void handle_named(const chat_demo_answer *answer, void *data)
{
    presence_list *list = data;

    for (size_t i = 0; answer->outcome == CHAT_FOUND && i + 2 < answer->count; i += 3) {
        const eio_slice *at = answer->texts + i;
        if (chat_user_id(at[0]) == 0 || find_socket(list->demo, at[0]) != NULL)
            continue;
        presence_change *change = change_new(list->demo, chat_user_id(at[0]),
                                             json_stringn(at[0].base, at[0].len), at[1], false);
        if (change != NULL && list->former != NULL)
            change->former = strdup(list->former);
        release(change);
    }
    free(list->former);
    free(list);
}

static void release_unheld(chat_demo *demo, const char *former, const eio_slice *users,
                           size_t count)
{
    enum { AT_ONCE = 500 };

    for (size_t i = 0; i < count; i += AT_ONCE) {
        presence_list *list = calloc(1, sizeof(*list));
        if (list == NULL)
            return;
        list->demo = demo;
        list->former = former == NULL ? NULL : strdup(former);
        chat_demo_ask(demo, CHAT_LIST_USERS, users + i, count - i < AT_ONCE ? count - i : AT_ONCE,
                      handle_named, list);
    }
}

void chat_presence_adopt(chat_demo *demo, const char *from, const eio_slice *users, size_t count)
{
    release_unheld(demo, from, users, count);
}

static void handle_held(const chat_demo_answer *answer, void *data)
{
    if (answer->outcome == CHAT_FOUND)
        release_unheld(data, NULL, answer->texts, answer->count);
}

static bool hold_again(sio_socket *socket, void *data)
{
    chat_talker *talker = sio_socket_data(socket);

    (void)data;
    if (talker != NULL)
        chat_presence_come(talker);
    return true;
}

void chat_presence_repeat(chat_demo *demo)
{
    if (demo->nsp == NULL)
        return;
    (void)sio_each_socket(demo->nsp, &(sio_target){ .rooms = SIO_ROOMS(EIO_STR("users")) },
                          hold_again, NULL);
    chat_demo_ask(demo, CHAT_LIST_HELD, NULL, 0, handle_held, demo);
}
