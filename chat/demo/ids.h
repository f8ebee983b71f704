/* The ids of users and rooms, and the limits of the texts that people choose. Pure. */
#ifndef CHAT_DEMO_IDS_H
#define CHAT_DEMO_IDS_H

#include <stdint.h>

#include "engineio/buffer.h"

enum {
    CHAT_MOST_ROOM_ID = 64,
    CHAT_MOST_NAME = 64,     /* characters */
    CHAT_MOST_TEXT = 10000,  /* characters of a message */
    CHAT_MOST_PASSWORD = 72, /* bytes: what bcrypt takes */
    CHAT_ID_BYTES = 24,      /* a number as text, and its NUL */
};

/* A number from 1 to 2^53 in its one decimal form; 0 for anything else. */
uint64_t chat_user_id(eio_slice text);

typedef enum chat_room_kind { CHAT_ROOM_NONE, CHAT_ROOM_NAMED, CHAT_ROOM_PRIVATE } chat_room_kind;

typedef struct chat_room_id {
    chat_room_kind kind;
    uint64_t low, high; /* of a private room: its two users */
} chat_room_id;

/* `low:high`, or 1 to 64 letters, digits, `_` and `-`. */
chat_room_id chat_room_id_read(eio_slice text);
bool chat_room_id_has(const chat_room_id *room, uint64_t user);

/* UTF-8 that is there to be read: 1 to `most` characters, not blank. A name has no control characters. */
bool chat_is_user_name(eio_slice text);
bool chat_is_message_text(eio_slice text);

#endif
