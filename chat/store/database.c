#include "chat/store/database.h"

#include <stdlib.h>
#include <unistd.h>

#include "chat/store/lock.h"

enum {
    MOST_WAITING = 20000,                  /* jobs */
    MOST_WAITING_BYTES = 64 * 1024 * 1024, /* of their texts */
    MOST_IN_TRANSACTION = 512,
};

struct chat_database {
    const chat_database_type *type;
    chat_sql sql;    /* the thread's, once it runs */
    int lock;        /* descriptor, or -1 */
    chat_crew *crew; /* one thread */
};

/* ---- statements ---- */

bool chat_sql_bind(sqlite3_stmt *statement, int index, eio_slice text)
{
    /* An empty one must not become NULL. */
    return sqlite3_bind_text64(statement, index, text.len == 0 ? "" : text.base, text.len,
                               SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

eio_slice chat_sql_column(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    return (eio_slice){ text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, index) };
}

int chat_sql_step(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static bool execute(chat_sql *sql, const char *text)
{
    return sqlite3_exec(sql->database, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* ---- opening ---- */

static int explain(const chat_database *database, const char *file, eio_error *why)
{
    int code = sqlite3_errcode(database->sql.database);
    const char *name = file == NULL ? "memory" : file;

    if (code == SQLITE_NOMEM)
        return eio_error_set(why, EIO_E_NOMEM, "%s: out of memory", name);
    return eio_error_set(why, code == SQLITE_NOTADB ? (int)EIO_E_INVALID : (int)UV_EIO,
                         "cannot keep %s in %s: %s", database->type->what, name,
                         sqlite3_errmsg(database->sql.database));
}

static int version_of(chat_sql *sql, int *out)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(sql->database, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return UV_EIO;
    int rc = sqlite3_step(statement);
    *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? (int)EIO_OK : (int)UV_EIO;
}

static bool prepare_all(chat_database *database)
{
    const chat_database_type *type = database->type;

    for (size_t i = 0; i < type->statement_count; i++)
        if (sqlite3_prepare_v3(database->sql.database, type->statements[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &database->sql.statements[i],
                               NULL) != SQLITE_OK)
            return false;
    return true;
}

static bool make_schema(chat_database *database)
{
    char version[40];

    sqlite3_snprintf(sizeof(version), version, "PRAGMA user_version = %d", database->type->version);
    return execute(&database->sql, database->type->schema) && execute(&database->sql, version);
}

static int open_file(chat_database *database, const char *file, eio_error *why)
{
    int version;

    /* One thread at a time uses it: no mutex of SQLite's own. */
    if (sqlite3_open_v2(file == NULL ? ":memory:" : file, &database->sql.database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return explain(database, file, why);
    /* Somebody may look into the file with another program. */
    sqlite3_busy_timeout(database->sql.database, 2000);
    /* WAL with synchronous=NORMAL: a crash of the machine may lose the last moment, never the file. */
    if (!execute(&database->sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                                 "PRAGMA temp_store = MEMORY") ||
        version_of(&database->sql, &version) != EIO_OK)
        return explain(database, file, why);
    if (version > database->type->version)
        return eio_error_set(why, EIO_E_INVALID, "%s was made by a newer chatd", file);
    if (!make_schema(database) || !prepare_all(database))
        return explain(database, file, why);
    return EIO_OK;
}

static void close_file(chat_database *database)
{
    for (size_t i = 0; i < database->type->statement_count; i++)
        sqlite3_finalize(database->sql.statements[i]);
    sqlite3_close(database->sql.database);
}

/* ---- the thread ---- */

/* Without a commit nothing was written, whatever the single answers say. */
static void undo_jobs(chat_database *database, struct chat_work_list *jobs)
{
    chat_work *job;

    STAILQ_FOREACH(job, jobs, link)
        database->type->undo(job);
}

static void do_jobs(struct chat_work_list *jobs, void *data)
{
    chat_database *database = data;
    chat_work *job;

    if (!execute(&database->sql, "BEGIN")) {
        undo_jobs(database, jobs);
        return;
    }
    bool failed = false;
    STAILQ_FOREACH(job, jobs, link) {
        failed |= !database->type->work(&database->sql, job);
    }
    /* A job that failed half-way must leave nothing behind. */
    if (failed || !execute(&database->sql, "COMMIT")) {
        (void)execute(&database->sql, "ROLLBACK");
        undo_jobs(database, jobs);
    }
}

static chat_work *tell(const chat_work *done, void *data)
{
    const chat_database *database = data;

    return database->type->tell(done);
}

/* ---- the process ---- */

static int start_thread(chat_database *database)
{
    const chat_crew_options options = {
        .threads = 1,
        .batch = MOST_IN_TRANSACTION,
        .most_jobs = MOST_WAITING,
        .most_bytes = MOST_WAITING_BYTES,
        .work = do_jobs,
        .tell = database->type->tell == NULL ? NULL : tell,
        .data = database,
    };

    return chat_crew_new(&database->crew, &options);
}

int chat_database_open(chat_database **out, const char *file, const chat_database_type *type,
                       eio_error *why)
{
    chat_database *database = calloc(1, sizeof(*database));

    if (database == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    database->type = type;
    database->lock = -1;
    int rc = file == NULL ? EIO_OK : chat_lock_take(&database->lock, file, why);
    if (rc == EIO_OK)
        rc = open_file(database, file, why);
    if (rc == EIO_OK) {
        rc = start_thread(database);
        if (rc != EIO_OK)
            eio_error_set(why, rc, "SQLite: cannot start its thread: %s", eio_strerror(rc));
    }
    if (rc != EIO_OK) {
        chat_database_close(database);
        return rc;
    }
    *out = database;
    return EIO_OK;
}

void chat_database_close(chat_database *database)
{
    if (database == NULL)
        return;
    chat_crew_free(database->crew);
    close_file(database);
    if (database->lock >= 0)
        close(database->lock);
    free(database);
}

/* ---- a loop ---- */

int chat_database_seat(chat_desk **out, chat_database *database, uv_loop_t *loop, void *data,
                       eio_error *why)
{
    int rc = chat_desk_open(out, database->crew, loop, database->type->answer, data);

    return rc == EIO_OK ? rc : eio_error_set(why, rc, "SQLite: %s", eio_strerror(rc));
}
