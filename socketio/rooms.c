#include "socketio/rooms.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_MEMBERS = 4 };

static eio_slice key_of_room(const void *item)
{
    return sio_room_name(item);
}

void sio_rooms_init(eio_table *rooms)
{
    eio_table_init(rooms, key_of_room);
}

void sio_rooms_fini(eio_table *rooms)
{
    assert(rooms->count == 0);
    eio_table_fini(rooms);
}

sio_room *sio_rooms_find(const eio_table *rooms, eio_slice name)
{
    return eio_table_find(rooms, name);
}

static sio_place *places_of(sio_occupant *who)
{
    return who->capacity == 0 ? who->places.few : who->places.many;
}

bool sio_occupant_is_in(const sio_occupant *who, const sio_room *room)
{
    const sio_place *places = sio_occupant_places(who);

    if (room->count < who->count) { /* one socket in a great many rooms: ask the smaller side */
        for (uint32_t i = 0; i < room->count; i++) {
            if (room->members[i].who == who)
                return true;
        }
        return false;
    }
    for (uint32_t i = 0; i < who->count; i++) {
        if (places[i].room == room)
            return true;
    }
    return false;
}

static sio_room *new_room(eio_table *rooms, eio_slice name)
{
    sio_room *room = malloc(sizeof(*room) + name.len);

    if (room == NULL)
        return NULL;
    *room = (sio_room){ .name_len = name.len };
    if (name.len > 0)
        memcpy(room->name, name.base, name.len);
    if (eio_table_add(rooms, room) != EIO_OK) {
        free(room);
        return NULL;
    }
    return room;
}

static int reserve_member(sio_room *room)
{
    if (room->count < room->capacity)
        return EIO_OK;
    if (room->capacity > UINT32_MAX / 2)
        return EIO_E_NOMEM;
    uint32_t capacity = room->capacity == 0 ? FIRST_MEMBERS : room->capacity * 2;
    sio_member *members = realloc(room->members, capacity * sizeof(*members));
    if (members == NULL)
        return EIO_E_NOMEM;
    room->members = members;
    room->capacity = capacity;
    return EIO_OK;
}

static int reserve_place(sio_occupant *who)
{
    uint32_t capacity = who->capacity == 0 ? SIO_FEW_PLACES : who->capacity;

    if (who->count < capacity)
        return EIO_OK;
    if (capacity > UINT32_MAX / 2)
        return EIO_E_NOMEM;
    sio_place *old = who->capacity == 0 ? NULL : who->places.many;
    sio_place *many = realloc(old, 2 * (size_t)capacity * sizeof(*many));
    if (many == NULL)
        return EIO_E_NOMEM;
    if (who->capacity == 0)
        memcpy(many, who->places.few, sizeof(who->places.few));
    who->places.many = many;
    who->capacity = capacity * 2;
    return EIO_OK;
}

int sio_rooms_join(eio_table *rooms, sio_occupant *who, eio_slice name, sio_room **out,
                   bool *created)
{
    sio_room *room = eio_table_find(rooms, name);
    bool is_new = room == NULL;

    if (!is_new && sio_occupant_is_in(who, room))
        return EIO_E_EXISTS;
    if (is_new)
        room = new_room(rooms, name);
    if (room == NULL)
        return EIO_E_NOMEM;
    if (reserve_member(room) != EIO_OK || reserve_place(who) != EIO_OK) {
        sio_rooms_drop_empty(rooms, room);
        return EIO_E_NOMEM;
    }
    room->members[room->count] = (sio_member){ who, who->count };
    places_of(who)[who->count] = (sio_place){ room, room->count };
    room->count++;
    who->count++;
    *out = room;
    *created = is_new;
    return EIO_OK;
}

/* A room that was large once gives memory back when three quarters have left. */
static void shrink_room(sio_room *room)
{
    uint32_t capacity = room->capacity / 2;

    if (capacity < FIRST_MEMBERS || room->count > room->capacity / 4)
        return;
    sio_member *members = realloc(room->members, capacity * sizeof(*members));
    if (members == NULL)
        return; /* it stays large */
    room->members = members;
    room->capacity = capacity;
}

static void remove_member(sio_room *room, uint32_t index)
{
    sio_member last = room->members[--room->count];

    if (index < room->count) {
        room->members[index] = last;
        places_of(last.who)[last.slot].index = index;
    }
    shrink_room(room);
}

static void remove_place(sio_occupant *who, uint32_t slot)
{
    sio_place *places = places_of(who);
    sio_place last = places[--who->count];

    if (slot < who->count) {
        places[slot] = last;
        last.room->members[last.index].slot = slot;
    }
    if (who->count == 0 && who->capacity != 0) {
        free(who->places.many);
        who->capacity = 0;
    }
}

void sio_rooms_leave(sio_occupant *who, uint32_t slot)
{
    assert(slot < who->count);
    const sio_place place = sio_occupant_places(who)[slot];

    remove_member(place.room, place.index);
    remove_place(who, slot);
}

bool sio_rooms_drop_empty(eio_table *rooms, sio_room *room)
{
    if (room->count > 0)
        return false;
    eio_table_remove(rooms, room);
    free(room->members);
    free(room);
    return true;
}
