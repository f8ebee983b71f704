/*
 * The embedded store: SQLite in WAL mode on a thread of its own, behind a bounded queue. What waits is written in one
 * transaction, so that a burst costs one commit and not one each. Invariant: only the thread touches the database.
 */
#ifndef CHAT_STORE_SQLITE_H
#define CHAT_STORE_SQLITE_H

#include "chat/store/store.h"

/*
 * Open. `file` NULL: in memory. Folders are the caller's to make. EIO_OK; EIO_E_EXISTS when another
 * process has it open; EIO_E_INVALID when it is no such database; EIO_E_NOMEM; libuv's codes. `why`
 * says it in one line.
 */
int chat_sqlite_open(chat_store **out, uv_loop_t *loop, const char *file, eio_error *why);

#endif
