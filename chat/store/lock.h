/* One process at a time: a lock on a file beside the one it guards, gone with the process however that ends. */
#ifndef CHAT_STORE_LOCK_H
#define CHAT_STORE_LOCK_H

#include "engineio/error.h"

/* Lock FILE.lock. EIO_OK and a descriptor to close; EIO_E_EXISTS when another process has it; libuv's codes. */
int chat_lock_take(int *out, const char *file, eio_error *why);

#endif
