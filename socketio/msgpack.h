/*
 * MessagePack and JSON text, one from the other without trees. Pure: no recursion, no memory but the
 * output and, where JSON is read, four bytes for each array and object and a copy of an escaped
 * string.
 *
 * Read is all that notepack and @msgpack/msgpack understand; written is what notepack writes, in its
 * shortest forms. Bytes stand in JSON as `{"_placeholder":true,"num":N}`. The packets of the msgpack
 * parser and the messages of the Redis adapters are put together and taken apart item by item.
 *
 * Expected load: each packet of clients with the msgpack parser, each message between servers.
 */
#ifndef SOCKETIO_MSGPACK_H
#define SOCKETIO_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engineio/buffer.h"
#include "socketio/args.h"

enum { SIO_MSGPACK_DEPTH_MAX = 128 }; /* arrays and maps within each other; a flat one is 1 */

/* ---- Reading ---- */

typedef enum sio_msgpack_kind {
    SIO_MSGPACK_NIL,
    SIO_MSGPACK_UNDEFINED, /* ext 0 of one byte: old notepack's */
    SIO_MSGPACK_BOOL,      /* integer: 0 or 1 */
    SIO_MSGPACK_INTEGER,   /* integer; up to 2^63 - 1 */
    SIO_MSGPACK_NUMBER,    /* number: a float, or an integer from 2^63 on */
    SIO_MSGPACK_DATE,      /* number: milliseconds since 1970, whole, perhaps out of Date's range */
    SIO_MSGPACK_STRING,    /* bytes: perhaps not UTF-8 */
    SIO_MSGPACK_BINARY,    /* bytes; also old notepack's ArrayBuffer, ext 0 */
    SIO_MSGPACK_EXT,       /* bytes, and integer: the type */
    SIO_MSGPACK_ARRAY,     /* count items follow */
    SIO_MSGPACK_MAP,       /* count pairs of items follow */
} sio_msgpack_kind;

typedef struct sio_msgpack_item {
    sio_msgpack_kind kind;
    int64_t integer;
    double number;   /* of an integer, too */
    eio_slice bytes; /* borrowed from the input */
    size_t count;
} sio_msgpack_item;

/*
 * The next item; of an array or map its head only.
 *
 * in: in and out; shortened by what was read. EIO_OK, or EIO_E_PROTOCOL: not MessagePack, or cut,
 * and so is an array with more items than bytes follow.
 */
int sio_msgpack_read(sio_msgpack_item *out, eio_slice *in);

/* Pass over one whole value. As sio_msgpack_read; EIO_E_TOO_BIG: nested too deeply. */
int sio_msgpack_skip(eio_slice *in);

/* Whether it is this string: a key, say. */
bool sio_msgpack_is(const sio_msgpack_item *item, eio_slice text);

/* What placeholders stand for, in the order of their numbers. */
typedef struct sio_msgpack_binaries {
    eio_slice *items; /* the caller's, for `max`; borrowed from the input */
    size_t max;
    size_t count;
} sio_msgpack_binaries;

/*
 * Append one whole value as JSON.stringify would write it. Dates become ISO text, what is no UTF-8
 * U+FFFD, lone surrogates escapes; undefined members are left out, unknown exts are [type, bytes].
 * Keys are strings or integers.
 *
 * json:     in and out, not shared; at most some 20 times what was read. Of no use after a failure.
 * binaries: what is found is added
 * in:       in and out; shortened by what was read
 * EIO_OK; EIO_E_PROTOCOL; EIO_E_TOO_BIG: nested too deeply; EIO_E_LIMIT: more binaries than
 * `max`; EIO_E_NOMEM.
 */
int sio_msgpack_to_json(eio_buffer **json, sio_msgpack_binaries *binaries, eio_slice *in);

/* ---- Writing: all append to *out, which is not shared. EIO_OK or EIO_E_NOMEM. ---- */

int sio_msgpack_put_nil(eio_buffer **out);
int sio_msgpack_put_bool(eio_buffer **out, bool value);
int sio_msgpack_put_integer(eio_buffer **out, int64_t value);

/* Whole numbers that 64 bits hold go as integers, and so do 1.0 and -0; all others as float64. */
int sio_msgpack_put_number(eio_buffer **out, double value);

/* text: UTF-8, at most 4 GiB; as bytes, so are arrays and maps. */
int sio_msgpack_put_string(eio_buffer **out, eio_slice text);
int sio_msgpack_put_binary(eio_buffer **out, eio_slice bytes);

/* The head; `count` values are to follow, or for a map pairs of key and value. */
int sio_msgpack_put_array(eio_buffer **out, size_t count);
int sio_msgpack_put_map(eio_buffer **out, size_t count);

/*
 * Append a JSON text. Lone surrogates become U+FFFD; members stand as they stood.
 *
 * attachments: what placeholders mean, copied; when count is 0 they are plain data.
 * EIO_OK; EIO_E_INVALID: not JSON, or a placeholder names no attachment; EIO_E_TOO_BIG: nested too
 * deeply, or a text over 4 GiB; EIO_E_NOMEM.
 */
int sio_msgpack_put_json(eio_buffer **out, eio_slice json, eio_buffer *const *attachments,
                         size_t count);

#endif
