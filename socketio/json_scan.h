/*
 * JSON as text: check it, find where its parts stand, and convert strings. Pure. Nothing here
 * builds a tree, recurses or allocates, but the list of placeholders.
 *
 * The grammar is RFC 8259's, strictly, as in JSON.parse: lone surrogates in escapes, numbers out of
 * a double's range and repeated keys are fine. Texts are UTF-8 already: the caller has seen to
 * that.
 *
 * Expected load: each event's text once, hundreds of thousands a second; long strings at several
 * bytes a cycle.
 */
#ifndef SOCKETIO_JSON_SCAN_H
#define SOCKETIO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "engineio/buffer.h"

enum {
    SIO_JSON_DEPTH_MAX = 128, /* arrays and objects within each other; a flat one is 1 */
};

/* EIO_OK; EIO_E_PROTOCOL: not one JSON text; EIO_E_TOO_BIG: deeper than SIO_JSON_DEPTH_MAX. */
int sio_json_check(eio_slice text);

/* A walk over the elements of an array, which checks the text on its way. Private inside. */
typedef struct sio_json_walk {
    const char *at;
    const char *end;
    bool started;
} sio_json_walk;

/* text: borrowed during the walk. EIO_OK, or EIO_E_PROTOCOL when it is no array. */
int sio_json_walk_init(sio_json_walk *walk, eio_slice text);

/*
 * The next element: borrowed from the text, without blanks around it.
 *
 * 1: there is one. 0: the array ended, and the text with it. Negative: as sio_json_check; the walk
 * is over.
 */
int sio_json_walk_next(sio_json_walk *walk, eio_slice *element);

/* What num is when it is not a plain integer that fits. */
#define SIO_PLACEHOLDER_BAD ((unsigned)-1)

/* One `{"_placeholder":true,"num":N}`, wherever its keys stand and whatever others it has. */
typedef struct sio_placeholder {
    eio_slice digits; /* the N, borrowed from the text */
    unsigned num;     /* its value, or SIO_PLACEHOLDER_BAD */
} sio_placeholder;

/* A list that is kept for reuse. All zeros is an empty one. */
typedef struct sio_placeholders {
    sio_placeholder *items;
    size_t count;
    size_t capacity;
} sio_placeholders;

/*
 * Append the placeholders of a text in the order in which they stand. What is inside of one is no
 * placeholder: it goes where its holder goes.
 *
 * text: one JSON text that was checked. EIO_OK or EIO_E_NOMEM.
 */
int sio_placeholders_find(sio_placeholders *list, eio_slice text);

/* Free what the list holds; it is empty then. */
void sio_placeholders_fini(sio_placeholders *list);

/* Whether a checked JSON string, quotes and all, has escapes; else its value is what they enclose. */
bool sio_json_string_has_escapes(eio_slice string);

/*
 * Write the value of a checked JSON string as UTF-8; lone surrogates become U+FFFD.
 *
 * out: string.len - 2 bytes always suffice; not where the string stands. The bytes written.
 */
size_t sio_json_string_decode(char *out, eio_slice string);

/* The length of JSON.stringify(value), with its quotes: value.len + 2 if nothing needs an escape. */
size_t sio_json_string_encoded_len(eio_slice value);

/* Write JSON.stringify(value): sio_json_string_encoded_len bytes. value: UTF-8. Where it ended. */
char *sio_json_string_encode(char *out, eio_slice value);

#endif
