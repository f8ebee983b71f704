/*
 * The rooms of this server: who sits in which, and which messages have been passed on, so that what was missed while
 * the link to Redis was down can be told later, and nothing twice. What others say comes on another link than the
 * history: a seat takes what comes before its history afterwards, and leaves out what the history has shown already.
 * Expected load: a walk over a room for each message.
 */
#ifndef CHAT_PUBSUB_ROOMS_H
#define CHAT_PUBSUB_ROOMS_H

#include <sys/queue.h>

#include "chat/pubsub/store.h"

struct pubsub_connection;

enum { PUBSUB_REMEMBERED = 128 }; /* messages of a room that are known by id */

typedef struct pubsub_room pubsub_room;

typedef struct pubsub_known {
    char id[PUBSUB_ID_BYTES];
    double ms;
} pubsub_known;

/* What was told before the history. */
typedef struct pubsub_early {
    STAILQ_ENTRY(pubsub_early) link;
    eio_buffer *json; /* a reference */
} pubsub_early;

STAILQ_HEAD(pubsub_early_list, pubsub_early);

typedef struct pubsub_seat {
    pubsub_room *room;
    struct pubsub_connection *connection;
    LIST_ENTRY(pubsub_seat) of_room, of_connection;
    bool coming; /* the store has not answered yet */
    struct pubsub_early_list early;
    size_t early_count;
    pubsub_known *shown; /* of its history, oldest first; NULL: too long ago to be told still */
    size_t shown_count;
} pubsub_seat;

LIST_HEAD(pubsub_seat_list, pubsub_seat);

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
/* Sit down, coming; the room is made if it is not there. NULL when out of memory. */
pubsub_seat *pubsub_seat_take(pubsub_rooms *rooms, struct pubsub_connection *connection,
                              eio_slice room);
/* Get up; an empty room is gone. */
void pubsub_seat_leave(pubsub_rooms *rooms, pubsub_seat *seat);

/* The id and time of a told object, JSON that was checked, that is a message. */
bool pubsub_message_read(pubsub_known *out, eio_slice json);
/* False: it was passed on already. */
bool pubsub_room_remember(pubsub_room *room, const pubsub_known *message);
/* From where on messages may have been missed. */
double pubsub_room_since(const pubsub_room *room);

/* Keep what others tell while the seat is coming. Shared. */
void pubsub_seat_keep(pubsub_seat *seat, eio_buffer *json);
/* The next that was kept; NULL: none. To be unref'd. */
eio_buffer *pubsub_seat_take_early(pubsub_seat *seat);
/* The seat is shown this history, oldest first: it has come. */
void pubsub_seat_show(pubsub_seat *seat, const eio_slice *messages, size_t count);
/* False: the history had this message, or went back no further than to newer ones. */
bool pubsub_seat_expects(pubsub_seat *seat, const pubsub_known *message);

/* What this server says: to everybody in the room at it who has come, but one (may be NULL). */
void pubsub_rooms_tell(const pubsub_rooms *rooms, eio_slice room, eio_slice json,
                       const struct pubsub_connection *except);
/* What another server has said, on the channel or in the history: to everybody in the room whom it is new to. */
void pubsub_room_pass_on(pubsub_room *room, eio_slice json);
/* The same, to one who has come. Shared. */
void pubsub_seat_pass_on(pubsub_seat *seat, eio_buffer *json);

#endif
