/*
 * What an object of JSON text holds at its top level, without a tree: what is echoed or passed on as it came is never
 * parsed into one. The text was checked before. Pure. Expected load: once an event.
 */
#ifndef CHAT_JSON_H
#define CHAT_JSON_H

#include "engineio/buffer.h"

typedef struct chat_json_field {
    const char *name;
    eio_slice *
        value; /* out: the JSON text; {NULL, 0} when absent. The last duplicate counts, as in JavaScript */
} chat_json_field;

/* Whether these bytes are UTF-8, as all that leaves as text has to be: else clients end the connection. */
bool chat_json_is_utf8(eio_slice bytes);

/* False unless the text is a JSON object. */
bool chat_json_fields(eio_slice json, const chat_json_field *fields, size_t count);

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
