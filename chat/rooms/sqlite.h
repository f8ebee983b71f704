/* The embedded store of the rooms: a SQLite database (database.h), which all servers of the process share. */
#ifndef CHAT_ROOMS_SQLITE_H
#define CHAT_ROOMS_SQLITE_H

#include "chat/rooms/store.h"

typedef struct chat_database chat_database;

/* The database. `file` NULL: in memory. As chat_database_open. */
int chat_sqlite_database(chat_database **out, const char *file, eio_error *why);

/* The store of one server; `server` is its number in the process, from 1 on. EIO_OK, EIO_E_NOMEM, libuv's codes. */
int chat_sqlite_open(chat_store **out, uv_loop_t *loop, chat_database *database, unsigned server,
                     eio_error *why);

#endif
