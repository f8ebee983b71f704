/*
 * The fields of an event's payload, out of its JSON text, which is echoed as it came and so is
 * never made into a tree. The text was checked by the library; what is read here is only the top
 * level, and each field's value as a slice. Pure. Expected load: once an event.
 */
#ifndef CHAT_ROOMS_PAYLOAD_H
#define CHAT_ROOMS_PAYLOAD_H

#include "engineio/buffer.h"

typedef struct chat_payload {
    /* The JSON text of each value; {NULL, 0} when absent. The last duplicate counts, as in JavaScript. */
    eio_slice room_id, username, message, limit;
} chat_payload;

/* False unless the text is a JSON object. */
bool chat_payload_read(chat_payload *out, eio_slice json);

/*
 * Decode one JSON value that is a text, or a finite number (then as JavaScript prints it: 7.0 is 7). New, to be freed,
 * in out->base, not NUL-terminated; an empty text has a base too. False for any other value, or out of memory.
 */
bool chat_json_text(eio_slice *out, eio_slice json);
/* The same for texts alone. */
bool chat_json_string(eio_slice *out, eio_slice json);
/* A number without a fraction from 1 to max. */
bool chat_json_count(size_t *out, eio_slice json, size_t max);

#endif
