/* A member of a JSON object, found in its text. Pure. Expected load: once a CONNECT. */
#ifndef SOCKETIO_JSON_MEMBER_H
#define SOCKETIO_JSON_MEMBER_H

#include "engineio/buffer.h"

/*
 * The value of the last member of that name, as JSON text; {NULL, 0} if there is none. A name that
 * is written with escapes is not found.
 *
 * object: one JSON object that was checked
 */
eio_slice sio_json_member(eio_slice object, eio_slice name);

#endif
