#include "chat/demo/store.h"

#include <stdlib.h>

#include "chat/demo/tables.h"

/* One question, to the thread and back. Its texts stand behind it. */
typedef struct sqlite_job {
    chat_job job; /* first: the database is given its address */
    chat_demo_verb verb;
    size_t count;
    chat_demo_cb *callback;
    void *data;
    chat_rows rows;
    eio_slice texts[];
} sqlite_job;

typedef struct sqlite_store {
    chat_demo_store store; /* first: chat_demo_store_type's functions are given its address */
    chat_database *database;
    void (*on_closed)(void *data);
    void *closed_data;
} sqlite_store;

/* ---- the thread ---- */

static bool work(chat_sql *sql, chat_job *base)
{
    sqlite_job *job = (sqlite_job *)base;

    chat_tables_ask(sql, job->verb, job->texts, job->count, &job->rows);
    return job->rows.outcome != CHAT_FAILED;
}

static void undo(chat_job *base)
{
    sqlite_job *job = (sqlite_job *)base;

    chat_rows_fini(&job->rows);
    job->rows.outcome = CHAT_FAILED;
}

/* ---- the loop ---- */

static void answer_job(chat_job *base)
{
    sqlite_job *job = (sqlite_job *)base;
    const chat_demo_answer answer = { job->rows.outcome, job->rows.texts, job->rows.count };

    job->callback(&answer, job->data);
    chat_rows_fini(&job->rows);
    free(job);
}

static sqlite_job *job_new(const eio_slice *texts, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += texts[i].len;
    sqlite_job *job = calloc(1, sizeof(*job) + count * sizeof(*texts) + bytes);
    if (job == NULL)
        return NULL;
    char *at = (char *)(job->texts + count);
    for (size_t i = 0; i < count; i++) {
        job->texts[i] = (eio_slice){ at, texts[i].len };
        if (texts[i].len > 0)
            memcpy(at, texts[i].base, texts[i].len);
        at += texts[i].len;
    }
    job->job.bytes = bytes;
    job->count = count;
    return job;
}

static int ask(chat_demo_store *base, chat_demo_verb verb, const eio_slice *texts, size_t count,
               chat_demo_cb *callback, void *data)
{
    sqlite_store *store = (sqlite_store *)base;
    sqlite_job *job = job_new(texts, count);

    if (job == NULL)
        return EIO_E_NOMEM;
    job->verb = verb;
    job->callback = callback;
    job->data = data;
    int rc = chat_database_ask(store->database, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static bool is_ready(const chat_demo_store *base)
{
    return chat_database_is_ready(((const sqlite_store *)base)->database);
}

static void handle_closed(void *data)
{
    sqlite_store *store = data;
    void (*on_closed)(void *) = store->on_closed;
    void *closed_data = store->closed_data;

    free(store);
    on_closed(closed_data);
}

static void close_store(chat_demo_store *base, void (*on_closed)(void *data), void *data)
{
    sqlite_store *store = (sqlite_store *)base;

    store->on_closed = on_closed;
    store->closed_data = data;
    chat_database_close(store->database, handle_closed, store);
}

int chat_demo_sqlite_open(chat_demo_store **out, uv_loop_t *loop, const char *file, eio_error *why)
{
    static const chat_demo_store_type type = { ask, is_ready, close_store };
    sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    store->store.type = &type;
    static chat_database_type tables = {
        .what = "the chat",
        .version = 1,
        .work = work,
        .undo = undo,
        .answer = answer_job,
    };
    tables.schema = chat_tables_schema;
    tables.statements = chat_tables_statements;
    tables.statement_count = chat_tables_statement_count;
    int rc = chat_database_open(&store->database, loop, file, &tables, why);
    if (rc != EIO_OK) {
        free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
