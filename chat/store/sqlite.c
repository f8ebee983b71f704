#include "chat/store/sqlite.h"

#include <stdlib.h>

#include "chat/store/sqlite_rooms.h"

/* One question, from the loop to the thread and back. */
typedef struct store_job {
    chat_job job; /* first: the database knows no more of it */
    struct sqlite_store *store;
    chat_query query; /* its texts stand behind the job */
    chat_store_cb *callback;
    void *data;
    sqlite_answer answer;
    char texts[];
} store_job;

typedef struct sqlite_store {
    chat_store store; /* first: chat_store_type's functions are given its address */
    chat_database *database;
    bool adopted; /* the thread's: the members that were there at the start were handed out */
    void (*on_closed)(void *data);
    void *closed_data;
} sqlite_store;

/* ---- the thread ---- */

static bool work(chat_sql *sql, chat_job *base)
{
    store_job *job = (store_job *)base;

    sqlite_rooms_ask(sql, &job->store->adopted, &job->query, &job->answer);
    return job->answer.outcome != CHAT_UNAVAILABLE;
}

static void undo(chat_job *base)
{
    store_job *job = (store_job *)base;

    if (job->query.op == CHAT_ADOPT_MEMBERS)
        job->store->adopted = false;
    sqlite_answer_free(&job->answer);
    job->answer.outcome = CHAT_UNAVAILABLE;
}

/* ---- the loop ---- */

static void answer_job(chat_job *base)
{
    store_job *job = (store_job *)base;
    const chat_answer answer = { job->answer.outcome, job->answer.entries, job->answer.count,
                                 false };

    job->callback(&answer, job->data);
    sqlite_answer_free(&job->answer);
    free(job);
}

static eio_slice copy_text(char **at, eio_slice text)
{
    char *copy = *at;

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    *at += text.len;
    return (eio_slice){ copy, text.len };
}

static store_job *job_new(const chat_query *query)
{
    size_t bytes = query->room.len + query->username.len + query->text.len;
    store_job *job = calloc(1, sizeof(*job) + bytes);
    if (job == NULL)
        return NULL;
    char *at = job->texts;
    job->query = *query;
    job->query.room = copy_text(&at, query->room);
    job->query.username = copy_text(&at, query->username);
    job->query.text = copy_text(&at, query->text);
    job->job.bytes = bytes;
    return job;
}

static int ask(chat_store *base, const chat_query *query, chat_store_cb *callback, void *data)
{
    sqlite_store *store = (sqlite_store *)base;
    store_job *job = job_new(query);

    if (job == NULL)
        return EIO_E_NOMEM;
    job->store = store;
    job->callback = callback;
    job->data = data;
    int rc = chat_database_ask(store->database, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static bool is_ready(const chat_store *base)
{
    return chat_database_is_ready(((const sqlite_store *)base)->database);
}

static void handle_closed(void *data)
{
    sqlite_store *store = data;
    void (*on_closed)(void *) = store->on_closed;
    void *closed_data = store->closed_data;

    free(store);
    if (on_closed != NULL)
        on_closed(closed_data);
}

static void close_store(chat_store *base, void (*on_closed)(void *data), void *data)
{
    sqlite_store *store = (sqlite_store *)base;

    store->on_closed = on_closed;
    store->closed_data = data;
    chat_database_close(store->database, handle_closed, store);
}

int chat_sqlite_open(chat_store **out, uv_loop_t *loop, const char *file, eio_error *why)
{
    static const chat_store_type type = { ask, is_ready, close_store };
    static const chat_database_type database_type = {
        .what = "rooms",
        .version = SQL_ROOMS_VERSION,
        .schema = sqlite_rooms_schema,
        .statements = sqlite_rooms_statements,
        .statement_count = SQL_N_STATEMENTS,
        .work = work,
        .undo = undo,
        .answer = answer_job,
    };
    sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    store->store.type = &type;
    int rc = chat_database_open(&store->database, loop, file, &database_type, why);
    if (rc != EIO_OK) {
        free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
