/* The arguments of an event or an acknowledgement: JSON texts, and the bytes they refer to. */
#ifndef SOCKETIO_ARGS_H
#define SOCKETIO_ARGS_H

#include <stddef.h>

#include "engineio/buffer.h"

/**
 * Arguments, passed by value. Each of `json` is one JSON text (`1`, `"a"`, `{"b":[]}`): what a
 * client sent was checked, what an application passes is trusted. Bytes stand in the JSON as
 * `{"_placeholder":true,"num":N}`, at any depth, and are attachments[N]. Attachments that no
 * placeholder names are not sent; a part of the arguments of another event may be sent with all of
 * that event's attachments.
 *
 * Who receives this borrows all of it, who passes it lends all of it, until the callback or the
 * call returns.
 */
typedef struct sio_args {
    const eio_slice *json; /**< NULL when count is 0 */
    size_t count;
    eio_buffer *const *attachments; /**< NULL when attachment_count is 0 */
    size_t attachment_count;
} sio_args;

/** No arguments at all. */
#define SIO_NO_ARGS ((sio_args){ NULL, 0, NULL, 0 })

#endif
