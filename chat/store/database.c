#include "chat/store/database.h"

#include <stdlib.h>
#include <unistd.h>

#include "chat/store/lock.h"

enum {
    MOST_WAITING = 20000,                  /* jobs */
    MOST_WAITING_BYTES = 64 * 1024 * 1024, /* of their texts */
    MOST_IN_TRANSACTION = 512,
};

STAILQ_HEAD(job_list, chat_job);

struct chat_database {
    const chat_database_type *type;
    chat_sql sql; /* the thread's, once it runs */
    int lock;     /* descriptor, or -1 */
    uv_thread_t thread;
    uv_async_t done_signal;
    uv_mutex_t mutex; /* guards what stands below */
    uv_cond_t wanted;
    struct job_list waiting, done;
    bool stopping;
    /* the loop's own: */
    size_t jobs, bytes; /* asked and not answered yet */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
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
    if (!execute(&database->sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL") ||
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

/* The next jobs to do in one transaction; blocks until there are some. Empty: stop. */
static void take_jobs(chat_database *database, struct job_list *out)
{
    size_t count = 0;

    uv_mutex_lock(&database->mutex);
    while (STAILQ_EMPTY(&database->waiting) && !database->stopping)
        uv_cond_wait(&database->wanted, &database->mutex);
    while (!STAILQ_EMPTY(&database->waiting) && count++ < MOST_IN_TRANSACTION) {
        chat_job *job = STAILQ_FIRST(&database->waiting);
        STAILQ_REMOVE_HEAD(&database->waiting, link);
        STAILQ_INSERT_TAIL(out, job, link);
    }
    uv_mutex_unlock(&database->mutex);
}

/* Without a commit nothing was written, whatever the single answers say. */
static void undo_jobs(chat_database *database, struct job_list *jobs)
{
    chat_job *job;

    STAILQ_FOREACH(job, jobs, link)
        database->type->undo(job);
}

static void do_jobs(chat_database *database, struct job_list *jobs)
{
    chat_job *job;

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

static void run_thread(void *data)
{
    chat_database *database = data;

    for (;;) {
        struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
        take_jobs(database, &jobs);
        if (STAILQ_EMPTY(&jobs))
            return;
        do_jobs(database, &jobs);
        uv_mutex_lock(&database->mutex);
        STAILQ_CONCAT(&database->done, &jobs);
        uv_mutex_unlock(&database->mutex);
        uv_async_send(&database->done_signal);
    }
}

/* ---- the loop ---- */

static void database_free(chat_database *database)
{
    close_file(database);
    if (database->lock >= 0)
        close(database->lock);
    uv_mutex_destroy(&database->mutex);
    uv_cond_destroy(&database->wanted);
    free(database);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    chat_database *database = handle->data;
    void (*on_closed)(void *) = database->on_closed;
    void *data = database->closed_data;

    database_free(database);
    if (on_closed != NULL)
        on_closed(data);
}

static void finish_closing(chat_database *database)
{
    uv_mutex_lock(&database->mutex);
    database->stopping = true;
    uv_cond_signal(&database->wanted);
    uv_mutex_unlock(&database->mutex);
    uv_thread_join(&database->thread); /* it has nothing left to do: this does not wait */
    uv_close((uv_handle_t *)&database->done_signal, handle_uv_closed);
}

static void handle_done(uv_async_t *async)
{
    chat_database *database = async->data;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    chat_job *job;

    uv_mutex_lock(&database->mutex);
    STAILQ_CONCAT(&done, &database->done);
    uv_mutex_unlock(&database->mutex);
    while ((job = STAILQ_FIRST(&done)) != NULL) {
        STAILQ_REMOVE_HEAD(&done, link);
        database->jobs--;
        database->bytes -= job->bytes;
        database->type->answer(job);
    }
    if (database->closing && database->jobs == 0 && !uv_is_closing((uv_handle_t *)async))
        finish_closing(database);
}

int chat_database_ask(chat_database *database, chat_job *job)
{
    if (database->closing)
        return EIO_E_CLOSED;
    if (!chat_database_is_ready(database) || database->bytes > MOST_WAITING_BYTES)
        return EIO_E_LIMIT;
    database->jobs++;
    database->bytes += job->bytes;
    uv_mutex_lock(&database->mutex);
    STAILQ_INSERT_TAIL(&database->waiting, job, link);
    uv_cond_signal(&database->wanted);
    uv_mutex_unlock(&database->mutex);
    return EIO_OK;
}

bool chat_database_is_ready(const chat_database *database)
{
    return !database->closing && database->jobs < MOST_WAITING;
}

void chat_database_close(chat_database *database, void (*on_closed)(void *data), void *data)
{
    database->closing = true;
    database->on_closed = on_closed;
    database->closed_data = data;
    if (database->jobs == 0)
        uv_async_send(&database->done_signal); /* the end comes from the loop, as all else */
}

static int start_thread(chat_database *database, uv_loop_t *loop)
{
    int rc = uv_async_init(loop, &database->done_signal, handle_done);
    if (rc != 0)
        return rc;
    database->done_signal.data = database;
    return uv_thread_create(&database->thread, run_thread, database);
}

static void handle_failed_open(uv_handle_t *handle)
{
    database_free(handle->data);
}

int chat_database_open(chat_database **out, uv_loop_t *loop, const char *file,
                       const chat_database_type *type, eio_error *why)
{
    chat_database *database = calloc(1, sizeof(*database));

    if (database == NULL || uv_mutex_init(&database->mutex) != 0) {
        free(database);
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    }
    uv_cond_init(&database->wanted);
    database->type = type;
    database->lock = -1;
    STAILQ_INIT(&database->waiting);
    STAILQ_INIT(&database->done);
    int rc = file == NULL ? EIO_OK : chat_lock_take(&database->lock, file, why);
    if (rc == EIO_OK)
        rc = open_file(database, file, why);
    if (rc != EIO_OK) {
        database_free(database);
        return rc;
    }
    rc = start_thread(database, loop);
    if (rc != 0) {
        eio_error_set(why, rc, "SQLite: cannot start its thread: %s", uv_strerror(rc));
        if (database->done_signal.data != NULL)
            uv_close((uv_handle_t *)&database->done_signal, handle_failed_open);
        else
            database_free(database);
        return rc;
    }
    *out = database;
    return EIO_OK;
}
