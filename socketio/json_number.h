/*
 * JSON's numbers as doubles and back, as JSON.parse and JSON.stringify do it: in the shortest form
 * that reads back equal. Pure, and the same in every locale. Expected load: msgpack only, where
 * nearly all numbers are small integers.
 */
#ifndef SOCKETIO_JSON_NUMBER_H
#define SOCKETIO_JSON_NUMBER_H

#include <stddef.h>

#include "engineio/buffer.h"

enum { SIO_JSON_NUMBER_MAX = 32 }; /* bytes that sio_json_number_write writes at most */

/* The value of a number in checked JSON. What is out of range is infinite, or zero. */
double sio_json_number_read(eio_slice token);

/* Write a value; `null` if it is not finite. The bytes written. */
size_t sio_json_number_write(char *out, double value);

#endif
