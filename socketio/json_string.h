/*
 * JSON strings to bytes and back, the way JSON.parse and JSON.stringify do it. Pure. Expected load:
 * the name of each event, which hardly ever has an escape.
 */
#ifndef SOCKETIO_JSON_STRING_H
#define SOCKETIO_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "engineio/buffer.h"
#include "socketio/json_plain.h"

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

/* As sio_json_string_escape, of any length. */
char *sio_json_string_escape_any(char *out, eio_slice value);

/*
 * Copy 4 to 15 bytes, as most names of events have, in words that overlap. False: one is to be
 * escaped.
 */
static inline bool sio_json_copy_name(char *out, eio_slice value)
{
    uint32_t halves[2];
    uint64_t words[2];

    if (value.len < sizeof(words[0])) {
        memcpy(&halves[0], value.base, sizeof(halves[0]));
        memcpy(&halves[1], value.base + value.len - sizeof(halves[1]), sizeof(halves[1]));
        memcpy(out, &halves[0], sizeof(halves[0]));
        memcpy(out + value.len - sizeof(halves[1]), &halves[1], sizeof(halves[1]));
        return sio_json_word_marks((uint64_t)halves[1] << 32 | halves[0]) == 0;
    }
    memcpy(&words[0], value.base, sizeof(words[0]));
    memcpy(&words[1], value.base + value.len - sizeof(words[1]), sizeof(words[1]));
    memcpy(out, &words[0], sizeof(words[0]));
    memcpy(out + value.len - sizeof(words[1]), &words[1], sizeof(words[1]));
    return (sio_json_word_marks(words[0]) | sio_json_word_marks(words[1])) == 0;
}

/* Write a value as in JSON.stringify, but without the quotes. value: UTF-8. Where it ended. */
static inline char *sio_json_string_escape(char *out, eio_slice value)
{
    if (value.len >= 4 && value.len < 16 && sio_json_copy_name(out, value))
        return out + value.len;
    return sio_json_string_escape_any(out, value);
}

/* Write JSON.stringify(value): sio_json_string_encoded_len bytes. value: UTF-8. Where it ended. */
static inline char *sio_json_string_encode(char *out, eio_slice value)
{
    *out++ = '"';
    out = sio_json_string_escape(out, value);
    *out++ = '"';
    return out;
}

#endif
