#include "chat/demo/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/demo/envelope.h"
#include "chat/demo/tables.h"

typedef struct sqlite_store {
    chat_demo_store store; /* first: chat_demo_store_type's functions are given its address */
    chat_desk *desk;
    char number[16];
    chat_demo_hearer hearer;
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
} sqlite_store;

/* One question, to the thread and back. Its texts stand behind it. As news it has those that are told. */
typedef struct sqlite_job {
    chat_work job;      /* first: the database is given its address */
    const char *server; /* the store's number: it outlives the question */
    chat_demo_verb verb;
    size_t count;
    chat_demo_cb *callback;
    void *data;
    chat_rows rows;
    eio_slice texts[];
} sqlite_job;

/* ---- the thread ---- */

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

static bool work(chat_sql *sql, chat_work *base)
{
    sqlite_job *job = (sqlite_job *)base;

    chat_tables_ask(sql, eio_slice_of(job->server), job->verb, job->texts, job->count, &job->rows);
    return job->rows.outcome != CHAT_FAILED;
}

static void undo(chat_work *base)
{
    sqlite_job *job = (sqlite_job *)base;

    chat_rows_fini(&job->rows);
    job->rows.outcome = CHAT_FAILED;
}

/*
 * What other servers have to know of, as store_redis.c's scripts tell it: the type of an envelope and its data; a
 * private room's first message with its id and names. Or `session`, and that of one that has ended.
 */
typedef sqlite_job *teller(const eio_slice *texts, const chat_rows *rows);

static bool is_one(eio_slice text)
{
    return eio_slice_equal(text, EIO_STR("1"));
}

static sqlite_job *tell_message(const eio_slice *texts, const chat_rows *rows)
{
    return is_one(rows->texts[0]) && rows->count == 3
               ? job_new(CHAT_TEXTS(EIO_STR("message"), texts[4], texts[0], rows->texts[1],
                                    rows->texts[2]))
               : job_new(CHAT_TEXTS(EIO_STR("message"), texts[4]));
}

static sqlite_job *tell_held(const eio_slice *texts, const chat_rows *rows)
{
    return is_one(rows->texts[0]) || is_one(texts[2])
               ? job_new(CHAT_TEXTS(EIO_STR("user.connected"), texts[1]))
               : NULL;
}

static sqlite_job *tell_released(const eio_slice *texts, const chat_rows *rows)
{
    return is_one(rows->texts[0]) ? job_new(CHAT_TEXTS(EIO_STR("user.disconnected"), texts[1]))
                                  : NULL;
}

static sqlite_job *tell_saved(const eio_slice *texts, const chat_rows *rows)
{
    (void)rows;
    return texts[2].len > 0 ? job_new(CHAT_TEXTS(EIO_STR("session"), texts[2])) : NULL;
}

static sqlite_job *tell_dropped(const eio_slice *texts, const chat_rows *rows)
{
    (void)rows;
    return job_new(CHAT_TEXTS(EIO_STR("session"), texts[0]));
}

static chat_work *tell(const chat_work *base)
{
    static teller *const tellers[CHAT_N_VERBS] = {
        [CHAT_ADD_MESSAGE] = tell_message,   [CHAT_HOLD_USER] = tell_held,
        [CHAT_RELEASE_USER] = tell_released, [CHAT_SAVE_SESSION] = tell_saved,
        [CHAT_DROP_SESSION] = tell_dropped,
    };
    const sqlite_job *done = (const sqlite_job *)base;
    teller *told_by = done->rows.outcome == CHAT_FOUND ? tellers[done->verb] : NULL;
    sqlite_job *news = told_by == NULL ? NULL : told_by(done->texts, &done->rows);

    return news == NULL ? NULL : &news->job;
}

/* ---- the loop ---- */

static void hear(const chat_demo_hearer *hearer, const sqlite_job *news)
{
    const eio_slice *texts = news->texts;
    char *room = news->count == 5 ? chat_envelope_room(texts[2], texts[3], texts[4]) : NULL;

    if (room != NULL)
        hearer->on_envelope(EIO_STR("show.room"), eio_slice_of(room), hearer->data);
    if (eio_slice_equal(texts[0], EIO_STR("session")))
        hearer->on_session_end(texts[1], hearer->data);
    else
        hearer->on_envelope(texts[0], texts[1], hearer->data);
    free(room);
}

static void answer_job(chat_work *base, void *data)
{
    const sqlite_store *store = data;
    sqlite_job *job = (sqlite_job *)base;
    const chat_demo_answer answer = { job->rows.outcome, job->rows.texts, job->rows.count };

    if (!base->is_news)
        job->callback(&answer, job->data);
    else if (!store->closing)
        hear(&store->hearer, job);
    chat_rows_fini(&job->rows);
    free(job);
}

static int ask(chat_demo_store *base, chat_demo_verb verb, const eio_slice *texts, size_t count,
               chat_demo_cb *callback, void *data)
{
    sqlite_store *store = (sqlite_store *)base;
    sqlite_job *job = job_new(texts, count);

    if (job == NULL)
        return EIO_E_NOMEM;
    job->server = store->number;
    job->verb = verb;
    job->callback = callback;
    job->data = data;
    int rc = chat_desk_add(store->desk, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static bool is_ready(const chat_demo_store *base)
{
    return chat_desk_has_room(((const sqlite_store *)base)->desk);
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

    store->closing = true;
    store->on_closed = on_closed;
    store->closed_data = data;
    chat_desk_close(store->desk, handle_closed, store);
}

int chat_demo_sqlite_database(chat_database **out, const char *file, eio_error *why)
{
    static chat_database_type type = {
        .what = "the chat",
        .version = 1,
        .work = work,
        .undo = undo,
        .answer = answer_job,
        .tell = tell,
    };

    type.schema = chat_tables_schema;
    type.statements = chat_tables_statements;
    type.statement_count = chat_tables_statement_count;
    return chat_database_open(out, file, &type, why);
}

int chat_demo_sqlite_open(chat_demo_store **out, uv_loop_t *loop, chat_database *database,
                          unsigned server, const chat_demo_hearer *hearer, eio_error *why)
{
    static const chat_demo_store_type type = { ask, is_ready, close_store };
    sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    store->store.type = &type;
    store->hearer = *hearer;
    (void)snprintf(store->number, sizeof(store->number), "%u", server);
    int rc = chat_database_seat(&store->desk, database, loop, store, why);
    if (rc != EIO_OK) {
        free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
