/* What rooms and users may be called, and what a message may be. Pure; the texts are what clients are told. */
#ifndef CHAT_ROOMS_VALIDATION_H
#define CHAT_ROOMS_VALIDATION_H

#include "chat/limits.h"
#include "chat/rooms/payload.h"

typedef struct chat_text_limits {
    size_t name_bytes;    /* of a room id or user name */
    size_t message_bytes; /* of a message's text */
} chat_text_limits;

/* The fields of one event, checked. Own heap: chat_fields_fini. */
typedef struct chat_fields {
    eio_slice room, username, message;
    size_t limit;
} chat_fields;

enum { CHAT_WANTS_USERNAME = 1, CHAT_WANTS_MESSAGE = 2, CHAT_WANTS_LIMIT = 4 };

/*
 * Read and check a payload. NULL if all is well, else what to tell the client; the fields are fini'd by the caller in
 * either case. `json` {NULL, 0}: there was no payload. `plain`: the payload refers to no attachments.
 */
const char *chat_fields_read(chat_fields *out, eio_slice json, bool plain, unsigned wants,
                             const chat_text_limits *limits);
void chat_fields_fini(chat_fields *fields);

/* Whether a text may name a room or a user: 1 to max bytes, no control characters, no "::", no ':' at its end. */
bool chat_is_name(eio_slice text, size_t max);

#endif
