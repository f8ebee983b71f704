/* The fields of an event's payload as JSON texts. Pure. */
#ifndef CHAT_ROOMS_PAYLOAD_H
#define CHAT_ROOMS_PAYLOAD_H

#include "chat/json.h"

typedef struct chat_payload {
    eio_slice room_id, username, message, limit; /* {NULL, 0} when absent */
} chat_payload;

/* False unless the text is a JSON object. */
bool chat_payload_read(chat_payload *out, eio_slice json);

#endif
