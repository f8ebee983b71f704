#include "chat/rooms/sqlite.h"

#include <stdlib.h>

#include "chat/rooms/sqlite_rooms.h"

/* One question, from the loop to the thread and back. */
typedef struct store_job {
    chat_work job; /* first: the database knows no more of it */
    unsigned server;
    chat_query query; /* its texts stand behind the job */
    chat_store_cb *callback;
    void *data;
    sqlite_answer answer;
    char texts[];
} store_job;

typedef struct sqlite_store {
    chat_store store; /* first: chat_store_type's functions are given its address */
    chat_desk *desk;
    unsigned server;
    void (*on_closed)(void *data);
    void *closed_data;
} sqlite_store;

/* ---- the thread ---- */

static bool work(chat_sql *sql, chat_work *base)
{
    store_job *job = (store_job *)base;

    sqlite_rooms_ask(sql, job->server, &job->query, &job->answer);
    return job->answer.outcome != CHAT_UNAVAILABLE;
}

static void undo(chat_work *base)
{
    store_job *job = (store_job *)base;

    sqlite_answer_free(&job->answer);
    job->answer.outcome = CHAT_UNAVAILABLE;
}

/* ---- the loop ---- */

static void answer_job(chat_work *base, void *data)
{
    store_job *job = (store_job *)base;
    const chat_answer answer = { job->answer.outcome, job->answer.entries, job->answer.count,
                                 false };

    (void)data;
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
    job->server = store->server;
    job->callback = callback;
    job->data = data;
    int rc = chat_desk_add(store->desk, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static bool is_ready(const chat_store *base)
{
    return chat_desk_has_room(((const sqlite_store *)base)->desk);
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
    chat_desk_close(store->desk, handle_closed, store);
}

int chat_sqlite_database(chat_database **out, const char *file, eio_error *why)
{
    static const chat_database_type type = {
        .what = "rooms",
        .version = SQL_ROOMS_VERSION,
        .schema = sqlite_rooms_schema,
        .statements = sqlite_rooms_statements,
        .statement_count = SQL_N_STATEMENTS,
        .work = work,
        .undo = undo,
        .answer = answer_job,
    };

    return chat_database_open(out, file, &type, why);
}

int chat_sqlite_open(chat_store **out, uv_loop_t *loop, chat_database *database, unsigned server,
                     eio_error *why)
{
    static const chat_store_type type = { ask, is_ready, close_store };
    sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    store->store.type = &type;
    store->server = server;
    int rc = chat_database_seat(&store->desk, database, loop, store, why);
    if (rc != EIO_OK) {
        free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
