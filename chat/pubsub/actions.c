#include "chat/pubsub/actions.h"

#include <stdlib.h>

#include "chat/json.h"
#include "chat/log.h"
#include "chat/pubsub/told.h"
#include "socketio/socketio.h"

/* What a message may hold, as JSON. */
typedef struct fields {
    eio_slice type, user, room, content, is_typing;
} fields;

static void refuse(pubsub_connection *connection, const char *text)
{
    eio_buffer *json = pubsub_told_error(text);

    if (json != NULL)
        pubsub_tell(connection, eio_buffer_slice(json));
    eio_buffer_unref(json);
}

/* A text or number that may name a user or a room; new, to be freed. */
static bool read_name(const pubsub_connection *connection, eio_slice *out, eio_slice json)
{
    size_t most = (size_t)connection->owner->host->options->max_name_bytes;

    if (!chat_json_text(out, json))
        return false;
    if (out->len >= 1 && out->len <= most)
        return true;
    free((char *)(uintptr_t)out->base);
    return false;
}

static eio_slice copy_slice(eio_slice text)
{
    char *copy = malloc(text.len + 1);

    if (copy == NULL)
        return (eio_slice){ 0 };
    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    return (eio_slice){ copy, text.len };
}

/* ---- questions that an action waits for ---- */

/* What it was about: it has to be known when the answer comes. */
typedef struct question {
    pubsub_connection *connection;
    eio_buffer *json;    /* what is told; a reference */
    eio_slice room;      /* new */
    eio_slice room_json; /* new */
} question;

static void question_free(question *asked)
{
    eio_buffer_unref(asked->json);
    free((char *)(uintptr_t)asked->room.base);
    free((char *)(uintptr_t)asked->room_json.base);
    free(asked);
}

/* It ends here, whatever became of it. */
static void end(question *asked)
{
    pubsub_connection *connection = asked->connection;

    question_free(asked);
    pubsub_connection_go_on(connection);
}

/* `room` is taken, `json` is given away. False: it was refused. */
static bool ask(pubsub_connection *connection, pubsub_op op, eio_slice room, eio_slice room_json,
                eio_buffer *json, pubsub_answer_cb *callback)
{
    pubsub *owner = connection->owner;
    question *asked = calloc(1, sizeof(*asked));
    double score = (double)pubsub_now_ms();

    if (asked == NULL || (json == NULL && op != PUBSUB_ONLINE)) {
        free(asked);
        free((char *)(uintptr_t)room.base);
        eio_buffer_unref(json);
        refuse(connection, "Service unavailable");
        return false;
    }
    /* Messages of one millisecond keep their order: the score grows, the timestamp stays whole. */
    if (op == PUBSUB_MESSAGE && score <= owner->last_score)
        score = owner->last_score + 1.0 / 1024;
    if (op == PUBSUB_MESSAGE)
        owner->last_score = score;
    *asked = (question){ connection, json, room, copy_slice(room_json) };
    const pubsub_query query = {
        .op = op,
        .connection = eio_slice_of(connection->id),
        .user = connection->user,
        .room = room,
        .json = json == NULL ? (eio_slice){ 0 } : eio_buffer_slice(json),
        .score = score,
    };
    if (pubsub_store_ask(owner->store, &query, callback, asked) == EIO_OK) {
        connection->waiting++;
        return true;
    }
    question_free(asked);
    refuse(connection, "Service unavailable");
    return false;
}

/* ---- auth ---- */

static void finish_auth(const pubsub_answer *answer, void *data)
{
    question *asked = data;
    pubsub_connection *connection = asked->connection;

    if (answer->status == EIO_OK)
        pubsub_tell(connection, eio_buffer_slice(asked->json));
    else
        refuse(connection, "Service unavailable");
    end(asked);
}

static void forget_user(pubsub_connection *connection)
{
    free((char *)(uintptr_t)connection->user.base);
    free((char *)(uintptr_t)connection->user_json.base);
    connection->user = connection->user_json = (eio_slice){ 0 };
}

static void auth(pubsub_connection *connection, const fields *said)
{
    eio_slice user;

    if (!read_name(connection, &user, said->user)) {
        refuse(connection, "Invalid userId");
        return;
    }
    /* Under another name: who it was before leaves as on a disconnection. */
    if (connection->user.base != NULL && !eio_slice_equal(connection->user, user))
        pubsub_depart(connection);
    forget_user(connection);
    connection->user = user;
    connection->user_json = copy_slice(said->user);
    if (connection->user_json.base == NULL) {
        forget_user(connection);
        refuse(connection, "Service unavailable");
        return;
    }
    (void)ask(connection, PUBSUB_ONLINE, (eio_slice){ 0 }, (eio_slice){ 0 },
              pubsub_told_authenticated(said->user), finish_auth);
}

/* ---- join and leave ---- */

static void refuse_join(pubsub_connection *connection, pubsub_seat *seat, eio_slice room)
{
    pubsub *owner = connection->owner;
    const pubsub_query doubtful = { .connection = eio_slice_of(connection->id),
                                    .user = connection->user,
                                    .room = room };

    if (seat->coming) {
        pubsub_seat_leave(&owner->rooms, seat);
        pubsub_let_go(owner, NULL, PUBSUB_LEAVE, &doubtful);
    }
    refuse(connection, "Service unavailable");
}

static void show_history(pubsub_seat *seat, eio_slice room_json, const pubsub_answer *answer)
{
    eio_buffer *json = pubsub_told_history(room_json, answer->texts, answer->count);

    if (json != NULL)
        pubsub_tell(seat->connection, eio_buffer_slice(json));
    eio_buffer_unref(json);
    while ((json = pubsub_seat_take_early(seat)) != NULL) {
        pubsub_seat_pass_on(seat, json);
        eio_buffer_unref(json);
    }
}

/* To the room if the user is new in it, else only to this connection, whose seat is new. */
static void finish_join(const pubsub_answer *answer, void *data)
{
    question *asked = data;
    pubsub_connection *connection = asked->connection;
    pubsub_seat *seat = pubsub_seat_find(connection, asked->room);
    eio_slice told = eio_buffer_slice(asked->json);

    if (answer->status != EIO_OK) {
        refuse_join(connection, seat, asked->room);
        end(asked);
        return;
    }
    bool is_new = seat->coming;
    pubsub_seat_show(seat, answer->texts, answer->count);
    if (answer->changed)
        pubsub_rooms_tell(&connection->owner->rooms, asked->room, told, NULL);
    else if (is_new)
        pubsub_tell(connection, told);
    show_history(seat, asked->room_json, answer);
    end(asked);
}

/* It sits down before it asks: what others say from then on comes to it, if the history has not got it. */
static void join(pubsub_connection *connection, const fields *said, eio_slice room)
{
    pubsub *owner = connection->owner;
    pubsub_seat *seat = pubsub_seat_find(connection, room);

    if (seat == NULL && connection->seat_count >= (size_t)owner->host->options->max_rooms) {
        free((char *)(uintptr_t)room.base);
        refuse(connection, "Too many rooms");
        return;
    }
    if (seat == NULL)
        seat = pubsub_seat_take(&owner->rooms, connection, room);
    if (seat == NULL) {
        free((char *)(uintptr_t)room.base);
        refuse(connection, "Service unavailable");
        return;
    }
    bool asked = ask(connection, PUBSUB_JOIN, room, said->room,
                     pubsub_told_presence("user_joined", said->room, connection->user_json,
                                          owner->store->server_id),
                     finish_join);
    if (!asked && seat->coming)
        pubsub_seat_leave(&owner->rooms, seat);
}

/* The seat is given up at once; who remains hears of it when the store has agreed that it was the last one. */
static void give_up_seat(pubsub_connection *connection, pubsub_seat *seat, eio_slice room_json)
{
    pubsub *owner = connection->owner;
    const char *server = owner->store->server_id;
    eio_slice room = copy_slice(seat->room->name);
    eio_buffer *json = room_json.len > 0 ? pubsub_told_presence("user_left", room_json,
                                                                connection->user_json, server)
                                         : pubsub_told_departure(room, connection->user, server);

    pubsub_seat_leave(&owner->rooms, seat);
    if (json != NULL && room.base != NULL) {
        const pubsub_query query = { .connection = eio_slice_of(connection->id),
                                     .user = connection->user,
                                     .room = room,
                                     .json = eio_buffer_slice(json) };
        pubsub_let_go(owner, connection, PUBSUB_LEAVE, &query);
    }
    eio_buffer_unref(json);
    free((char *)(uintptr_t)room.base);
}

void pubsub_depart(pubsub_connection *connection)
{
    pubsub_seat *seat;
    const pubsub_query query = { .connection = eio_slice_of(connection->id),
                                 .user = connection->user };

    while ((seat = LIST_FIRST(&connection->seats)) != NULL)
        give_up_seat(connection, seat, (eio_slice){ 0 });
    if (connection->user.base != NULL)
        pubsub_let_go(connection->owner, connection, PUBSUB_OFFLINE, &query);
}

/* ---- message and typing ---- */

static void finish_message(const pubsub_answer *answer, void *data)
{
    question *asked = data;
    pubsub_connection *connection = asked->connection;
    eio_slice told = eio_buffer_slice(asked->json);
    pubsub_room *room = pubsub_rooms_find(&connection->owner->rooms, asked->room);
    pubsub_known message;

    if (answer->status != EIO_OK)
        refuse(connection, "Service unavailable");
    else if (room != NULL && pubsub_message_read(&message, told) &&
             pubsub_room_remember(room, &message))
        pubsub_rooms_tell(&connection->owner->rooms, asked->room, told, connection);
    end(asked);
}

static void finish_typing(const pubsub_answer *answer, void *data)
{
    question *asked = data;

    if (answer->status == EIO_OK)
        pubsub_rooms_tell(&asked->connection->owner->rooms, asked->room,
                          eio_buffer_slice(asked->json), asked->connection);
    end(asked);
}

static void say(pubsub_connection *connection, const fields *said, eio_slice room)
{
    if (said->content.len == 0) {
        free((char *)(uintptr_t)room.base);
        refuse(connection, "Invalid content");
        return;
    }
    (void)ask(connection, PUBSUB_MESSAGE, room, said->room,
              pubsub_told_message(said->room, connection->user_json, said->content, pubsub_now_ms(),
                                  connection->owner->store->server_id),
              finish_message);
}

static void type(pubsub_connection *connection, const fields *said, eio_slice room)
{
    if (!chat_rate_take(&connection->typing, uv_now(connection->owner->host->loop))) {
        free((char *)(uintptr_t)room.base);
        return;
    }
    (void)ask(connection, PUBSUB_TELL, room, said->room,
              pubsub_told_typing(said->room, connection->user_json, said->is_typing,
                                 connection->owner->store->server_id),
              finish_typing);
}

static void leave(pubsub_connection *connection, const fields *said, eio_slice room)
{
    give_up_seat(connection, pubsub_seat_find(connection, room), said->room);
    free((char *)(uintptr_t)room.base);
}

/* ---- all of them ---- */

typedef struct action_kind {
    const char *type; /* as JSON */
    bool in_room;     /* who sends it has to be there */
    void (*act)(pubsub_connection *connection, const fields *said, eio_slice room);
} action_kind;

static const action_kind room_actions[] = {
    { "\"join\"", false, join },
    { "\"leave\"", true, leave },
    { "\"message\"", true, say },
    { "\"typing\"", true, type },
};

/* What is about a room: who, then which, then whether it may. The room's name is given away. */
static void act_in_room(pubsub_connection *connection, const action_kind *kind, const fields *said)
{
    eio_slice room;

    if (connection->user.base == NULL) {
        refuse(connection, "Not authenticated");
        return;
    }
    if (!read_name(connection, &room, said->room)) {
        refuse(connection, "Invalid roomId");
        return;
    }
    if (kind->in_room && pubsub_seat_find(connection, room) == NULL) {
        free((char *)(uintptr_t)room.base);
        refuse(connection, "Not in room");
        return;
    }
    kind->act(connection, said, room);
}

static void dispatch(pubsub_connection *connection, const fields *said)
{
    if (eio_slice_equal(said->type, EIO_STR("\"auth\""))) {
        auth(connection, said);
        return;
    }
    for (size_t i = 0; i < sizeof(room_actions) / sizeof(room_actions[0]); i++)
        if (eio_slice_equal(said->type, eio_slice_of(room_actions[i].type))) {
            act_in_room(connection, &room_actions[i], said);
            return;
        }
    refuse(connection, "Unknown message type");
}

void pubsub_act(pubsub_connection *connection, eio_slice text, bool too_fast)
{
    fields said = { 0 };
    const chat_json_field wanted[] = {
        { "type", &said.type },       { "userId", &said.user },        { "roomId", &said.room },
        { "content", &said.content }, { "isTyping", &said.is_typing },
    };

    if (too_fast) {
        refuse(connection, "Too many messages");
    } else if (!sio_json_is_valid(text)) {
        refuse(connection, "Invalid JSON");
    } else if (!pubsub_is_object(text) ||
               !chat_json_fields(text, wanted, sizeof(wanted) / sizeof(wanted[0]))) {
        refuse(connection, "Unknown message type");
    } else {
        dispatch(connection, &said);
    }
}

/* ---- after others have released it ---- */

static void finish_again(const pubsub_answer *answer, void *data)
{
    question *asked = data;

    if (answer->status == EIO_OK && answer->changed)
        pubsub_rooms_tell(&asked->connection->owner->rooms, asked->room,
                          eio_buffer_slice(asked->json), NULL);
    end(asked);
}

static void finish_online_again(const pubsub_answer *answer, void *data)
{
    (void)answer;
    end(data);
}

void pubsub_register_again(pubsub_connection *connection)
{
    pubsub_seat *seat;

    if (connection->user.base == NULL || connection->leaving)
        return;
    (void)ask(connection, PUBSUB_ONLINE, (eio_slice){ 0 }, (eio_slice){ 0 }, NULL,
              finish_online_again);
    LIST_FOREACH(seat, &connection->seats, of_connection) {
        eio_buffer *name = eio_buffer_new(64);
        if (name != NULL && sio_json_append_string(&name, seat->room->name) == EIO_OK)
            (void)ask(connection, PUBSUB_JOIN, copy_slice(seat->room->name), (eio_slice){ 0 },
                      pubsub_told_presence("user_joined", eio_buffer_slice(name),
                                           connection->user_json,
                                           connection->owner->store->server_id),
                      finish_again);
        eio_buffer_unref(name);
    }
}
