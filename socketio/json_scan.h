/*
 * JSON as text: check it, and find where an array's elements stand. Pure: no tree, no recursion, no
 * memory.
 *
 * The grammar is RFC 8259's, strictly, as in JSON.parse: lone surrogates in escapes, numbers out of
 * a double's range and repeated keys are fine. Texts are UTF-8 already: the caller has seen to
 * that.
 *
 * Expected load: each event's text once, hundreds of thousands a second; a few instructions a byte
 * in objects, less than two in long strings.
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

/*
 * Check a text that must be an array, and find its elements on the way.
 *
 * elements: room for `max`; each borrows from the text, without blanks around it. As
 * sio_json_check; or EIO_E_LIMIT: more than `max` elements.
 */
int sio_json_split(size_t *count, eio_slice *elements, size_t max, eio_slice text);

/*
 * The same for what begins with an event's name, which would have to be searched once more.
 * escaped: whether any of the strings among the elements has escapes.
 */
int sio_json_split_event(size_t *count, bool *escaped, eio_slice *elements, size_t max,
                         eio_slice text);

#endif
