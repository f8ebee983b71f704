#include "chat/demo/talk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/demo/envelope.h"
#include "chat/json.h"
#include "chat/log.h"

enum {
    MOST_QUEUED = 5000,
    MOST_QUEUED_BYTES = 4 * 1024 * 1024,
};

chat_talker *chat_talker_new(chat_demo *demo, sio_socket *socket)
{
    chat_talker *talker = calloc(1, sizeof(*talker));

    if (talker == NULL)
        return NULL;
    talker->demo = demo;
    talker->socket = socket;
    STAILQ_INIT(&talker->queue);
    chat_rate_init(&talker->rate, (uint64_t)demo->host->options->events_per_second,
                   (uint64_t)demo->host->options->events_at_once, uv_now(demo->host->loop));
    return talker;
}

void chat_talker_free(void *data)
{
    chat_talker *talker = data;

    /* What is queued is under way, and holds the socket: there is nothing left. */
    assert(STAILQ_EMPTY(&talker->queue));
    chat_user_fini(&talker->user);
    free(talker->message);
    free(talker);
}

/* ---- one message ---- */

static void tell_room(chat_talker *talker, eio_slice room)
{
    char name[CHAT_ROOM_NAME_BYTES];
    sio_namespace *nsp = talker->demo->nsp;

    if (nsp != NULL)
        (void)sio_broadcast(nsp,
                            &(sio_target){ .rooms = SIO_ROOMS(chat_demo_room(name, 'r', room)),
                                           .flags = SIO_LOCAL },
                            EIO_STR("message"), SIO_ARGS(eio_slice_of(talker->message)));
}

/* The first message of a private room: both hear of the room, and are in it before the message comes. */
static void show_room(chat_talker *talker, const chat_said *said, const chat_demo_answer *answer)
{
    chat_room_id room = chat_room_id_read(said->room);
    char low[CHAT_ID_BYTES], high[CHAT_ID_BYTES];
    char low_room[CHAT_ROOM_NAME_BYTES], high_room[CHAT_ROOM_NAME_BYTES];

    if (answer->count < 3 || talker->demo->nsp == NULL)
        return;
    char *json = chat_envelope_room(said->room, answer->texts[1], answer->texts[2]);
    chat_demo_join_pair(talker->demo, &room);
    if (json != NULL)
        (void)sio_broadcast_from(
            talker->socket,
            &(sio_target){ .rooms = SIO_ROOMS(
                               chat_demo_room(low_room, 'u', chat_demo_number(low, room.low)),
                               chat_demo_room(high_room, 'u', chat_demo_number(high, room.high))),
                           .flags = SIO_LOCAL },
            EIO_STR("show.room"), SIO_ARGS(eio_slice_of(json)));
    free(json);
}

static void run(chat_talker *talker);

static void drop_first(chat_talker *talker)
{
    chat_said *said = STAILQ_FIRST(&talker->queue);

    STAILQ_REMOVE_HEAD(&talker->queue, link);
    talker->queued--;
    talker->queued_bytes -= said->room.len + said->text.len;
    free(said);
}

static void end_said(chat_talker *talker)
{
    drop_first(talker);
    free(talker->message);
    talker->message = NULL;
    talker->busy = false;
    run(talker);
    sio_socket_unref(talker->socket); /* of what has ended */
}

static void handle_added(const chat_demo_answer *answer, void *data)
{
    chat_talker *talker = data;
    const chat_said *said = STAILQ_FIRST(&talker->queue);

    if (answer->outcome == CHAT_FOUND && answer->count > 0) {
        if (eio_slice_equal(answer->texts[0], EIO_STR("1")))
            show_room(talker, said, answer);
        tell_room(talker, said->room);
    }
    end_said(talker);
}

static void handle_entered(const chat_demo_answer *answer, void *data)
{
    chat_talker *talker = data;
    const chat_said *said = STAILQ_FIRST(&talker->queue);
    char name[CHAT_ROOM_NAME_BYTES];

    if (answer->outcome == CHAT_FOUND)
        (void)sio_join(talker->socket, chat_demo_room(name, 'r', said->room));
    end_said(talker);
}

/* The JSON that is kept and told; `date` as text, too: both must be one number. */
static char *make_message(const chat_talker *talker, const chat_said *said, char date[40])
{
    uint64_t stamp = chat_demo_stamp(talker->demo);
    json_t *text = json_stringn(said->text.base, said->text.len);
    char *quoted = text == NULL ? NULL : json_dumps(text, JSON_ENCODE_ANY);
    char *from = json_dumps(json_object_get(talker->user.shown, "id"), JSON_ENCODE_ANY);
    char *json = NULL;

    (void)snprintf(date, 40, "%llu.%03u", (unsigned long long)(stamp / 1000),
                   (unsigned)(stamp % 1000));
    if (quoted != NULL && from != NULL &&
        asprintf(&json, "{\"from\":%s,\"date\":%s,\"message\":%s,\"roomId\":\"%.*s\"}", from, date,
                 quoted, (int)said->room.len, said->room.base) < 0)
        json = NULL;
    free(from);
    free(quoted);
    json_decref(text);
    return json;
}

/* Ask for what is first; until that is answered, it holds the socket. False: out of memory, and nothing began. */
static bool start(chat_talker *talker, const chat_said *said)
{
    chat_room_id room = chat_room_id_read(said->room);
    bool is_private = room.kind == CHAT_ROOM_PRIVATE;
    eio_slice kind = is_private ? EIO_STR("1") : EIO_STR("0");
    char low[CHAT_ID_BYTES], high[CHAT_ID_BYTES], date[40];

    if (!said->joins && (talker->message = make_message(talker, said, date)) == NULL)
        return false;
    talker->busy = true;
    sio_socket_ref(talker->socket);
    if (said->joins) {
        chat_demo_ask(talker->demo, CHAT_ENTER_ROOM,
                      CHAT_TEXTS(said->room, eio_slice_of(talker->id), kind), handle_entered,
                      talker);
        return true;
    }
    chat_demo_ask(talker->demo, CHAT_ADD_MESSAGE,
                  CHAT_TEXTS(said->room, eio_slice_of(talker->id), kind, eio_slice_of(date),
                             eio_slice_of(talker->message), chat_demo_number(low, room.low),
                             chat_demo_number(high, room.high)),
                  handle_added, talker);
    return true;
}

static void run(chat_talker *talker)
{
    const chat_said *said;

    while (!talker->busy && (said = STAILQ_FIRST(&talker->queue)) != NULL)
        if (!start(talker, said))
            drop_first(talker);
}

/* ---- events ---- */

static eio_slice place(char **at, eio_slice text)
{
    char *copy = *at;

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    *at += text.len;
    return (eio_slice){ copy, text.len };
}

static void enqueue(chat_talker *talker, bool joins, eio_slice room, eio_slice text)
{
    size_t bytes = room.len + text.len;
    chat_said *said = NULL;

    if (talker->queued < MOST_QUEUED && talker->queued_bytes + bytes <= MOST_QUEUED_BYTES)
        said = calloc(1, sizeof(*said) + bytes);
    if (said == NULL) {
        chat_log(CHAT_LOG_WARN, "dropped", "user=%s why=flood", talker->id);
        sio_disconnect(talker->socket, true);
        return;
    }
    char *at = said->bytes;
    said->joins = joins;
    said->room = place(&at, room);
    said->text = place(&at, text);
    STAILQ_INSERT_TAIL(&talker->queue, said, link);
    talker->queued++;
    talker->queued_bytes += bytes;
    run(talker);
}

/* Whether somebody with this id could be in there at all. */
static bool may_enter(const chat_talker *talker, eio_slice room)
{
    chat_room_id id = chat_room_id_read(room);

    return id.kind == CHAT_ROOM_NAMED ||
           (id.kind == CHAT_ROOM_PRIVATE && chat_room_id_has(&id, talker->user.id));
}

/* Every < and > as the original stores it: without a semicolon. New. */
static bool sanitise(eio_slice *out, eio_slice text)
{
    size_t len = 0;
    char *copy = malloc(3 * text.len + 1);

    if (copy == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        if (c == '<' || c == '>') {
            copy[len++] = '&';
            copy[len++] = c == '<' ? 'l' : 'g';
            copy[len++] = 't';
        } else {
            copy[len++] = c;
        }
    }
    *out = (eio_slice){ copy, len };
    return true;
}

static void add_join(chat_talker *talker, eio_slice json)
{
    eio_slice room;

    if (!chat_json_text(&room, json))
        return;
    if (may_enter(talker, room))
        enqueue(talker, true, room, (eio_slice){ NULL, 0 });
    free((void *)(uintptr_t)room.base);
}

static void add_message(chat_talker *talker, eio_slice json)
{
    eio_slice room_json, text_json, room = { NULL, 0 }, text = { NULL, 0 }, clean = { NULL, 0 };
    const chat_json_field fields[] = { { "roomId", &room_json }, { "message", &text_json } };

    if (!chat_json_fields(json, fields, 2) || room_json.base == NULL || text_json.base == NULL)
        return;
    if (chat_json_text(&room, room_json) && chat_json_string(&text, text_json) &&
        may_enter(talker, room) && chat_is_message_text(text) && sanitise(&clean, text))
        enqueue(talker, false, room, clean);
    free((void *)(uintptr_t)room.base);
    free((void *)(uintptr_t)text.base);
    free((void *)(uintptr_t)clean.base);
}

void chat_talker_add(chat_talker *talker, bool joins, const sio_event *event)
{
    const sio_args args = sio_event_args(event);

    if (args.count == 0 || !chat_rate_take(&talker->rate, uv_now(talker->demo->host->loop)))
        return;
    if (joins)
        add_join(talker, args.json[0]);
    else
        add_message(talker, args.json[0]);
}
