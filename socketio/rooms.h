/*
 * Rooms of one namespace: named, dense arrays of who is inside, so that a broadcast is a linear
 * walk. Joining and leaving are O(1): each member knows its place in the room, and the room its
 * place in the member's list. A room exists while somebody is inside. The room that bears a
 * socket's own id is not among them unless somebody else joins it: the table of sockets stands for
 * it. Expected load: a hundred thousand sockets with two or three rooms each, or a room with all of
 * them.
 */
#ifndef SOCKETIO_ROOMS_H
#define SOCKETIO_ROOMS_H

#include <stdint.h>

#include "engineio/net/table.h"

struct sio_occupant;

typedef struct sio_member {
    struct sio_occupant *who;
    uint32_t slot; /* which of who's places this is */
} sio_member;

typedef struct sio_room {
    sio_member *members; /* own heap */
    uint32_t count;
    uint32_t capacity;
    size_t name_len;
    char name[];
} sio_room;

typedef struct sio_place {
    sio_room *room;
    uint32_t index; /* of the member in the room */
} sio_place;

enum { SIO_FEW_PLACES = 1 };

/* What a socket knows of its rooms; embedded in it and zeroed at first. */
typedef struct sio_occupant {
    uint64_t mark; /* the last broadcast that dealt with this one */
    uint32_t count;
    uint32_t capacity; /* 0: the places are `few` */
    union {
        sio_place few[SIO_FEW_PLACES];
        sio_place *many; /* own heap */
    } places;
} sio_occupant;

static inline const sio_place *sio_occupant_places(const sio_occupant *who)
{
    return who->capacity == 0 ? who->places.few : who->places.many;
}

static inline eio_slice sio_room_name(const sio_room *room)
{
    return (eio_slice){ room->name, room->name_len };
}

void sio_rooms_init(eio_table *rooms);
/* All must have left. */
void sio_rooms_fini(eio_table *rooms);
/* Borrowed; NULL if nobody is inside. */
sio_room *sio_rooms_find(const eio_table *rooms, eio_slice name);

bool sio_occupant_is_in(const sio_occupant *who, const sio_room *room);

/*
 * Enter a room, which is made if need be: then *created is set. out: the room, borrowed.
 * EIO_OK, EIO_E_EXISTS if it is inside already, EIO_E_NOMEM.
 */
int sio_rooms_join(eio_table *rooms, sio_occupant *who, eio_slice name, sio_room **out,
                   bool *created);
/*
 * Leave the room of a place. It stays, even empty, until sio_rooms_drop, so that its name can still
 * be told.
 */
void sio_rooms_leave(sio_occupant *who, uint32_t slot);
/* Free a room if nobody is inside; whether it did. */
bool sio_rooms_drop_empty(eio_table *rooms, sio_room *room);

#endif
