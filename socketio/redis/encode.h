/* Commands to RESP. Pure. */
#ifndef SOCKETIO_REDIS_ENCODE_H
#define SOCKETIO_REDIS_ENCODE_H

#include "engineio/buffer.h"

enum { SIO_REDIS_MAX_ARGUMENTS = 1000000 };

/* New in *out. EIO_OK; EIO_E_INVALID for none or too many arguments, or more than max_bytes of them; EIO_E_NOMEM. */
int sio_redis_encode(eio_buffer **out, const eio_slice *arguments, size_t count, size_t max_bytes);

#endif
