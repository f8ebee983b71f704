/*
 * JSON strings to bytes and back, the way JSON.parse and JSON.stringify do it. Pure. Expected load:
 * the name of each event, which hardly ever has an escape.
 */
#ifndef SOCKETIO_JSON_STRING_H
#define SOCKETIO_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "engineio/buffer.h"

/* Whether a checked JSON string (with its quotes) has escapes; else they enclose its value. */
bool sio_json_string_has_escapes(eio_slice string);

/*
 * Write the value of a checked JSON string as UTF-8; lone surrogates become U+FFFD.
 *
 * out: string.len - 2 bytes always suffice; not where the string stands. The bytes written.
 */
size_t sio_json_string_decode(char *out, eio_slice string);

/* The length of JSON.stringify(value), quotes included. value: UTF-8. */
size_t sio_json_string_encoded_len(eio_slice value);

/* No less than that, and at once; of long values it is the very length. */
static inline size_t sio_json_string_encoded_max(eio_slice value)
{
    return value.len <= 32 ? 2 + 6 * value.len : sio_json_string_encoded_len(value);
}

/* Write JSON.stringify(value): sio_json_string_encoded_len bytes. value: UTF-8. Where it ended. */
char *sio_json_string_encode(char *out, eio_slice value);

/* The same without the quotes, for values that are written part by part. */
char *sio_json_string_escape(char *out, eio_slice value);

#endif
