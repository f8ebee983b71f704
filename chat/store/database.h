/*
 * A SQLite database in WAL mode on a thread of its own, behind a bounded queue. What waits is written in one
 * transaction, so that a burst costs one commit and not one each. Invariant: only the thread touches the database.
 */
#ifndef CHAT_STORE_DATABASE_H
#define CHAT_STORE_DATABASE_H

#include <sqlite3.h>
#include <sys/queue.h>
#include <uv.h>

#include "engineio/buffer.h"

enum { CHAT_MOST_STATEMENTS = 32 };

/* What the thread works with. */
typedef struct chat_sql {
    sqlite3 *database;
    sqlite3_stmt *statements[CHAT_MOST_STATEMENTS]; /* as its type lists them */
} chat_sql;

/* One question, from the loop to the thread and back; first member of a struct of its owner's. */
typedef struct chat_job {
    STAILQ_ENTRY(chat_job) link;
    size_t bytes; /* that it takes, roughly */
} chat_job;

/* A kind of database. Static, borrowed for ever. */
typedef struct chat_database_type {
    const char *what; /* "rooms": for refusals */
    int version;      /* of the schema; one made by a newer version is refused */
    const char *schema;
    const char *const *statements;
    size_t statement_count;
    /* On the thread, within a transaction. False: it failed, and so does the whole transaction. */
    bool (*work)(chat_sql *sql, chat_job *job);
    /* On the thread: nothing was written after all, whatever the work has answered. */
    void (*undo)(chat_job *job);
    /* On the loop. The job is taken. */
    void (*answer)(chat_job *job);
} chat_database_type;

typedef struct chat_database chat_database;

/*
 * Open. `file` NULL: in memory. Folders are the caller's to make. EIO_OK; EIO_E_EXISTS when another process has it
 * open; EIO_E_INVALID when it is no such database; EIO_E_NOMEM; libuv's codes. `why` says it in one line.
 */
int chat_database_open(chat_database **out, uv_loop_t *loop, const char *file,
                       const chat_database_type *type, eio_error *why);

/* Jobs are done and answered in order. The job is taken if EIO_OK is returned; EIO_E_CLOSED, EIO_E_LIMIT: it is not. */
int chat_database_ask(chat_database *database, chat_job *job);
bool chat_database_is_ready(const chat_database *database);

/* What was asked is finished, then on_closed is called. Taken. */
void chat_database_close(chat_database *database, void (*on_closed)(void *data), void *data);

/* ---- on the thread ---- */

/* The text outlives the step. */
bool chat_sql_bind(sqlite3_stmt *statement, int index, eio_slice text);
/* A text or blob of the present row, borrowed until the next step. */
eio_slice chat_sql_column(sqlite3_stmt *statement, int index);
/* One step, and ready for the next use: SQLITE_ROW (its columns are gone), SQLITE_DONE, or an error. */
int chat_sql_step(sqlite3_stmt *statement);

#endif
