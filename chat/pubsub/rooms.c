#include "chat/pubsub/rooms.h"

#include <search.h>
#include <stdlib.h>

#include "chat/json.h"
#include "chat/pubsub/pubsub.h"

enum { SLACK_MS = 5000 }; /* by which the clocks of servers may differ */

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
    LIST_INSERT_HEAD(&room->seats, seat, of_room);
    LIST_INSERT_HEAD(&connection->seats, seat, of_connection);
    connection->seat_count++;
    return seat;
}

void pubsub_seat_leave(pubsub_rooms *rooms, pubsub_seat *seat)
{
    LIST_REMOVE(seat, of_room);
    LIST_REMOVE(seat, of_connection);
    seat->connection->seat_count--;
    drop_if_empty(rooms, seat->room);
    free(seat);
}

/* ---- what has been passed on ---- */

/* The id and time of a message; false for any other object. */
static bool read_message(pubsub_known *out, eio_slice json)
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

static bool knows(const pubsub_room *room, const pubsub_known *message)
{
    for (size_t i = 0; i < room->known_count; i++)
        if (memcmp(room->known[i].id, message->id, sizeof(message->id)) == 0)
            return true;
    return false;
}

bool pubsub_room_remember(pubsub_room *room, eio_slice json)
{
    pubsub_known message;

    if (!read_message(&message, json))
        return true;
    if (room->known == NULL)
        room->known = calloc(PUBSUB_REMEMBERED, sizeof(*room->known));
    if (room->known == NULL)
        return true;
    if (knows(room, &message))
        return false;
    pubsub_known *place = &room->known[room->known_next];
    if (room->known_count == PUBSUB_REMEMBERED && place->ms > room->floor_ms)
        room->floor_ms = place->ms;
    *place = message;
    room->known_next = (room->known_next + 1) % PUBSUB_REMEMBERED;
    if (room->known_count < PUBSUB_REMEMBERED)
        room->known_count++;
    if (message.ms > room->newest_ms)
        room->newest_ms = message.ms;
    return true;
}

double pubsub_room_since(const pubsub_room *room)
{
    double since = room->newest_ms - SLACK_MS;

    return since > room->floor_ms ? since : room->floor_ms;
}

void pubsub_room_show(pubsub_room *room, const eio_slice *messages, size_t count)
{
    pubsub_known oldest;

    /* There may be older ones that were not shown, and are not to be told later. */
    if (count == PUBSUB_SHOWN && read_message(&oldest, messages[0]) && oldest.ms > room->floor_ms)
        room->floor_ms = oldest.ms;
    for (size_t i = 0; i < count; i++)
        (void)pubsub_room_remember(room, messages[i]);
}
