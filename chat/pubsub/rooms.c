#include "chat/pubsub/rooms.h"

#include <search.h>
#include <stdlib.h>

#include "chat/json.h"
#include "chat/pubsub/pubsub.h"

enum {
    SLACK_MS = 5000,   /* by which the clocks of servers may differ */
    MOST_EARLY = 1000, /* more in the time of one answer is a flood, and is lost to who joins */
};

static int compare(const void *a, const void *b)
{
    eio_slice one = ((const pubsub_room *)a)->name, other = ((const pubsub_room *)b)->name;
    size_t common = one.len < other.len ? one.len : other.len;
    int order = memcmp(one.base, other.base, common);

    if (order != 0)
        return order;
    return one.len < other.len ? -1 : one.len > other.len;
}

pubsub_room *pubsub_rooms_find(const pubsub_rooms *rooms, eio_slice name)
{
    const pubsub_room wanted = { .name = name };
    void *tree = rooms->tree;
    void *found = tfind(&wanted, &tree, compare);

    return found == NULL ? NULL : *(pubsub_room *const *)found;
}

static pubsub_room *room_new(pubsub_rooms *rooms, eio_slice name)
{
    pubsub_room *room = calloc(1, sizeof(*room) + name.len);

    if (room == NULL)
        return NULL;
    memcpy(room->text, name.base, name.len);
    room->name = (eio_slice){ room->text, name.len };
    if (tsearch(room, &rooms->tree, compare) == NULL) {
        free(room);
        return NULL;
    }
    LIST_INIT(&room->seats);
    LIST_INSERT_HEAD(&rooms->list, room, link);
    rooms->count++;
    return room;
}

static void drop_if_empty(pubsub_rooms *rooms, pubsub_room *room)
{
    if (!LIST_EMPTY(&room->seats))
        return;
    (void)tdelete(room, &rooms->tree, compare);
    LIST_REMOVE(room, link);
    rooms->count--;
    free(room->known);
    free(room);
}

pubsub_seat *pubsub_seat_find(const pubsub_connection *connection, eio_slice room)
{
    pubsub_seat *seat;

    LIST_FOREACH(seat, &connection->seats, of_connection)
        if (eio_slice_equal(seat->room->name, room))
            return seat;
    return NULL;
}

pubsub_seat *pubsub_seat_take(pubsub_rooms *rooms, pubsub_connection *connection, eio_slice name)
{
    pubsub_room *room = pubsub_rooms_find(rooms, name);
    pubsub_seat *seat = calloc(1, sizeof(*seat));

    if (room == NULL && seat != NULL)
        room = room_new(rooms, name);
    if (seat == NULL || room == NULL) {
        free(seat);
        return NULL;
    }
    seat->room = room;
    seat->connection = connection;
    seat->coming = true;
    STAILQ_INIT(&seat->early);
    LIST_INSERT_HEAD(&room->seats, seat, of_room);
    LIST_INSERT_HEAD(&connection->seats, seat, of_connection);
    connection->seat_count++;
    return seat;
}

void pubsub_seat_leave(pubsub_rooms *rooms, pubsub_seat *seat)
{
    eio_buffer *early;

    while ((early = pubsub_seat_take_early(seat)) != NULL)
        eio_buffer_unref(early);
    LIST_REMOVE(seat, of_room);
    LIST_REMOVE(seat, of_connection);
    seat->connection->seat_count--;
    drop_if_empty(rooms, seat->room);
    free(seat->shown);
    free(seat);
}

/* ---- what has been passed on ---- */

bool pubsub_message_read(pubsub_known *out, eio_slice json)
{
    eio_slice type, id, timestamp;
    const chat_json_field fields[] = { { "type", &type },
                                       { "id", &id },
                                       { "timestamp", &timestamp } };
    size_t ms;

    if (!chat_json_fields(json, fields, 3) || !eio_slice_equal(type, EIO_STR("\"message\"")) ||
        id.len != PUBSUB_ID_BYTES + 1 || *id.base != '"' ||
        !chat_json_count(&ms, timestamp, (size_t)1 << 52))
        return false;
    memcpy(out->id, id.base + 1, PUBSUB_ID_BYTES - 1);
    out->id[PUBSUB_ID_BYTES - 1] = '\0';
    out->ms = (double)ms;
    return true;
}

static bool is_among(const pubsub_known *list, size_t count, const pubsub_known *message)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(list[i].id, message->id, sizeof(message->id)) == 0)
            return true;
    return false;
}

bool pubsub_room_remember(pubsub_room *room, const pubsub_known *message)
{
    if (room->known == NULL)
        room->known = calloc(PUBSUB_REMEMBERED, sizeof(*room->known));
    if (room->known == NULL)
        return true;
    if (is_among(room->known, room->known_count, message))
        return false;
    pubsub_known *place = &room->known[room->known_next];
    if (room->known_count == PUBSUB_REMEMBERED && place->ms > room->floor_ms)
        room->floor_ms = place->ms;
    *place = *message;
    room->known_next = (room->known_next + 1) % PUBSUB_REMEMBERED;
    if (room->known_count < PUBSUB_REMEMBERED)
        room->known_count++;
    if (message->ms > room->newest_ms)
        room->newest_ms = message->ms;
    return true;
}

double pubsub_room_since(const pubsub_room *room)
{
    double since = room->newest_ms - SLACK_MS;

    return since > room->floor_ms ? since : room->floor_ms;
}

/* ---- a seat and its history ---- */

void pubsub_seat_keep(pubsub_seat *seat, eio_buffer *json)
{
    pubsub_early *early = seat->early_count < MOST_EARLY ? malloc(sizeof(*early)) : NULL;

    if (early == NULL)
        return;
    early->json = eio_buffer_ref(json);
    STAILQ_INSERT_TAIL(&seat->early, early, link);
    seat->early_count++;
}

eio_buffer *pubsub_seat_take_early(pubsub_seat *seat)
{
    pubsub_early *early = STAILQ_FIRST(&seat->early);
    eio_buffer *json = NULL;

    if (early != NULL) {
        STAILQ_REMOVE_HEAD(&seat->early, link);
        seat->early_count--;
        json = early->json;
        free(early);
    }
    return json;
}

/* Where nobody sat before, what is missed later is what is newer than this history. */
static void begin_room(pubsub_room *room, const pubsub_seat *seat, bool is_whole)
{
    if (LIST_NEXT(LIST_FIRST(&room->seats), of_room) != NULL || room->known_count > 0)
        return;
    for (size_t i = 0; i < seat->shown_count; i++)
        if (seat->shown[i].ms > room->newest_ms)
            room->newest_ms = seat->shown[i].ms;
    if (!is_whole && seat->shown_count > 0)
        room->floor_ms = seat->shown[0].ms;
}

void pubsub_seat_show(pubsub_seat *seat, const eio_slice *messages, size_t count)
{
    free(seat->shown);
    seat->shown = calloc(count + 1, sizeof(*seat->shown));
    seat->shown_count = 0;
    seat->coming = false;
    for (size_t i = 0; i < count && seat->shown != NULL; i++)
        if (pubsub_message_read(&seat->shown[seat->shown_count], messages[i]))
            seat->shown_count++;
    begin_room(seat->room, seat, count < PUBSUB_SHOWN);
}

bool pubsub_seat_expects(pubsub_seat *seat, const pubsub_known *message)
{
    if (seat->shown_count == 0)
        return true;
    if (is_among(seat->shown, seat->shown_count, message))
        return false;
    if (message->ms > seat->shown[seat->shown_count - 1].ms + 2 * SLACK_MS) {
        free(seat->shown);
        seat->shown = NULL;
        seat->shown_count = 0;
        return true;
    }
    return seat->shown_count < PUBSUB_SHOWN || message->ms >= seat->shown[0].ms;
}

/* ---- telling ---- */

/* One frame for all of them. */
void pubsub_rooms_tell(const pubsub_rooms *rooms, eio_slice name, eio_slice json,
                       const pubsub_connection *except)
{
    pubsub_room *room = pubsub_rooms_find(rooms, name);
    eio_buffer *frame = room == NULL ? NULL : eio_buffer_copy(json);
    pubsub_seat *seat;

    if (frame == NULL)
        return;
    LIST_FOREACH(seat, &room->seats, of_room)
        if (seat->connection != except && !seat->coming && seat->connection->client.ws != NULL)
            (void)eio_websocket_send(seat->connection->client.ws, frame, false);
    eio_buffer_unref(frame);
}

void pubsub_seat_pass_on(pubsub_seat *seat, eio_buffer *json)
{
    pubsub_known message;

    if (seat->connection->client.ws != NULL &&
        (!pubsub_message_read(&message, eio_buffer_slice(json)) ||
         pubsub_seat_expects(seat, &message)))
        (void)eio_websocket_send(seat->connection->client.ws, json, false);
}

void pubsub_room_pass_on(pubsub_room *room, eio_slice json)
{
    pubsub_known message;
    pubsub_seat *seat;

    if (pubsub_message_read(&message, json) && !pubsub_room_remember(room, &message))
        return;
    eio_buffer *frame = eio_buffer_copy(json);
    if (frame == NULL)
        return;
    LIST_FOREACH(seat, &room->seats, of_room)
        if (seat->coming)
            pubsub_seat_keep(seat, frame);
        else
            pubsub_seat_pass_on(seat, frame);
    eio_buffer_unref(frame);
}
