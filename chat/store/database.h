/*
 * A SQLite database in WAL mode on a thread of its own (crew.h), for all loops of the process. What waits is written in
 * one transaction, so that a burst costs one commit and not one each. Invariant: only the thread touches the database.
 */
#ifndef CHAT_STORE_DATABASE_H
#define CHAT_STORE_DATABASE_H

#include <sqlite3.h>

#include "chat/crew.h"
#include "engineio/buffer.h"

enum { CHAT_MOST_STATEMENTS = 32 };

/* What the thread works with. */
typedef struct chat_sql {
    sqlite3 *database;
    sqlite3_stmt *statements[CHAT_MOST_STATEMENTS]; /* as its type lists them */
} chat_sql;

/* A kind of database. Static, borrowed for ever. */
typedef struct chat_database_type {
    const char *what; /* "rooms": for refusals */
    int version;      /* of the schema; one made by a newer version is refused */
    const char *schema;
    const char *const *statements;
    size_t statement_count;
    /* On the thread, within a transaction. False: it failed, and so does the whole transaction. */
    bool (*work)(chat_sql *sql, chat_work *job);
    /* On the thread: nothing was written after all, whatever the work has answered. */
    void (*undo)(chat_work *job);
    /* On the loop, also of what `tell` has made. data: of its seat. The job is taken. */
    void (*answer)(chat_work *job, void *data);
    /* On the thread: see chat_crew_options.tell. NULL: loops need not know of each other. */
    chat_work *(*tell)(const chat_work *done);
} chat_database_type;

typedef struct chat_database chat_database;

/*
 * Open. `file` NULL: in memory. Folders are the caller's to make. EIO_OK; EIO_E_EXISTS when another process has it
 * open; EIO_E_INVALID when it is no such database; EIO_E_NOMEM; libuv's codes. `why` says it in one line.
 */
int chat_database_open(chat_database **out, const char *file, const chat_database_type *type,
                       eio_error *why);
/* All desks are closed. May be NULL. Any thread. */
void chat_database_close(chat_database *database);

/* A desk for jobs of one loop. EIO_OK, EIO_E_NOMEM, libuv's codes. */
int chat_database_seat(chat_desk **out, chat_database *database, uv_loop_t *loop, void *data,
                       eio_error *why);

/* ---- on the thread ---- */

/* The text outlives the step. */
bool chat_sql_bind(sqlite3_stmt *statement, int index, eio_slice text);
/* A text or blob of the present row, borrowed until the next step. */
eio_slice chat_sql_column(sqlite3_stmt *statement, int index);
/* One step, and ready for the next use: SQLITE_ROW (its columns are gone), SQLITE_DONE, or an error. */
int chat_sql_step(sqlite3_stmt *statement);

#endif
