/*
 * The rooms of this server: who sits in which, and which messages have been passed on, so that what was missed while
 * the link to Redis was down can be told later, and nothing twice. Expected load: a walk over a room for each message.
 */
#ifndef CHAT_PUBSUB_ROOMS_H
#define CHAT_PUBSUB_ROOMS_H

#include <sys/queue.h>

#include "chat/pubsub/store.h"

struct pubsub_connection;

enum { PUBSUB_REMEMBERED = 128 }; /* messages of a room that are known by id */

typedef struct pubsub_room pubsub_room;

typedef struct pubsub_seat {
    pubsub_room *room;
    struct pubsub_connection *connection;
    LIST_ENTRY(pubsub_seat) of_room, of_connection;
} pubsub_seat;

LIST_HEAD(pubsub_seat_list, pubsub_seat);

typedef struct pubsub_known {
    char id[PUBSUB_ID_BYTES];
    double ms;
} pubsub_known;

struct pubsub_room {
    LIST_ENTRY(pubsub_room) link;
    eio_slice name; /* behind the struct */
    struct pubsub_seat_list seats;
    pubsub_known *known; /* a ring of PUBSUB_REMEMBERED; NULL before the first */
    size_t known_count, known_next;
    double newest_ms;
    double floor_ms; /* what is not newer may have been passed on without being known any more */
    char text[];
};

typedef struct pubsub_rooms {
    void *tree; /* tsearch: ordered, so no choice of names can make it slow */
    LIST_HEAD(, pubsub_room) list;
    size_t count;
} pubsub_rooms;

/* Borrowed; NULL if nobody of this server is in it. */
pubsub_room *pubsub_rooms_find(const pubsub_rooms *rooms, eio_slice name);

/* NULL if it does not sit there. */
pubsub_seat *pubsub_seat_find(const struct pubsub_connection *connection, eio_slice room);
/* Sit down; the room is made if it is not there. NULL when out of memory. */
pubsub_seat *pubsub_seat_take(pubsub_rooms *rooms, struct pubsub_connection *connection,
                              eio_slice room);
/* Get up; an empty room is gone. */
void pubsub_seat_leave(pubsub_rooms *rooms, pubsub_seat *seat);

/* A told object, JSON that was checked. False: it is a message that was passed on already. */
bool pubsub_room_remember(pubsub_room *room, eio_slice json);
/* From where on messages may have been missed. */
double pubsub_room_since(const pubsub_room *room);
/* What was shown of the history, oldest first. */
void pubsub_room_show(pubsub_room *room, const eio_slice *messages, size_t count);

#endif
