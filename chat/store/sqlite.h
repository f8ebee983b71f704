/* The embedded store of the rooms: a SQLite database (database.h). */
#ifndef CHAT_STORE_SQLITE_H
#define CHAT_STORE_SQLITE_H

#include "chat/store/store.h"

/* Open. `file` NULL: in memory. As chat_database_open. */
int chat_sqlite_open(chat_store **out, uv_loop_t *loop, const char *file, eio_error *why);

#endif
