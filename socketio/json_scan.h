/*
 * JSON as text: check it, and find where an array's elements stand. Pure: no tree, no recursion, no
 * memory.
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

#endif
