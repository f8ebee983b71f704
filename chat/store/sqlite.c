#include "chat/store/sqlite.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "chat/store/lock.h"
#include "chat/store/sqlite_rooms.h"

enum {
    MOST_WAITING = 20000,                  /* questions */
    MOST_WAITING_BYTES = 64 * 1024 * 1024, /* of their texts */
    MOST_IN_TRANSACTION = 512,
};

/* One question, from the loop to the thread and back. */
typedef struct store_job {
    STAILQ_ENTRY(store_job) link;
    chat_query query; /* its texts stand behind the job */
    size_t bytes;
    chat_store_cb *callback;
    void *data;
    sqlite_answer answer;
    char texts[];
} store_job;

STAILQ_HEAD(job_list, store_job);

typedef struct sqlite_store {
    chat_store store;   /* first: chat_store_type's functions are given its address */
    sqlite_rooms rooms; /* the thread's, once it runs */
    int lock;           /* descriptor, or -1 */
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
} sqlite_store;

/* ---- the thread ---- */

/* The next jobs to do in one transaction; blocks until there are some. Empty: stop. */
static void take_jobs(sqlite_store *store, struct job_list *out)
{
    size_t count = 0;

    uv_mutex_lock(&store->mutex);
    while (STAILQ_EMPTY(&store->waiting) && !store->stopping)
        uv_cond_wait(&store->wanted, &store->mutex);
    while (!STAILQ_EMPTY(&store->waiting) && count++ < MOST_IN_TRANSACTION) {
        store_job *job = STAILQ_FIRST(&store->waiting);
        STAILQ_REMOVE_HEAD(&store->waiting, link);
        STAILQ_INSERT_TAIL(out, job, link);
    }
    uv_mutex_unlock(&store->mutex);
}

/* Without a commit nothing was written, whatever the single answers say. */
static void fail_jobs(sqlite_store *store, struct job_list *jobs)
{
    store_job *job;

    STAILQ_FOREACH(job, jobs, link) {
        if (job->query.op == CHAT_ADOPT_MEMBERS)
            store->rooms.adopted = false;
        sqlite_answer_free(&job->answer);
        job->answer.outcome = CHAT_UNAVAILABLE;
    }
}

static void do_jobs(sqlite_store *store, struct job_list *jobs)
{
    store_job *job;

    if (!sqlite_rooms_run(&store->rooms, SQL_BEGIN)) {
        fail_jobs(store, jobs);
        return;
    }
    bool failed = false;
    STAILQ_FOREACH(job, jobs, link) {
        sqlite_rooms_ask(&store->rooms, &job->query, &job->answer);
        failed |= job->answer.outcome == CHAT_UNAVAILABLE;
    }
    /* A question that failed half-way must leave nothing behind. */
    if (failed || !sqlite_rooms_run(&store->rooms, SQL_COMMIT)) {
        (void)sqlite_rooms_run(&store->rooms, SQL_ROLLBACK);
        fail_jobs(store, jobs);
    }
}

static void run_thread(void *data)
{
    sqlite_store *store = data;

    for (;;) {
        struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
        take_jobs(store, &jobs);
        if (STAILQ_EMPTY(&jobs))
            return;
        do_jobs(store, &jobs);
        uv_mutex_lock(&store->mutex);
        STAILQ_CONCAT(&store->done, &jobs);
        uv_mutex_unlock(&store->mutex);
        uv_async_send(&store->done_signal);
    }
}

/* ---- the loop ---- */

static void store_free(sqlite_store *store)
{
    sqlite_rooms_close(&store->rooms);
    if (store->lock >= 0)
        close(store->lock);
    uv_mutex_destroy(&store->mutex);
    uv_cond_destroy(&store->wanted);
    free(store);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    sqlite_store *store = handle->data;
    void (*on_closed)(void *) = store->on_closed;
    void *data = store->closed_data;

    store_free(store);
    if (on_closed != NULL)
        on_closed(data);
}

static void finish_closing(sqlite_store *store)
{
    uv_mutex_lock(&store->mutex);
    store->stopping = true;
    uv_cond_signal(&store->wanted);
    uv_mutex_unlock(&store->mutex);
    uv_thread_join(&store->thread); /* it has nothing left to do: this does not wait */
    uv_close((uv_handle_t *)&store->done_signal, handle_uv_closed);
}

static void answer_job(store_job *job)
{
    const chat_answer answer = { job->answer.outcome, job->answer.entries, job->answer.count };

    job->callback(&answer, job->data);
    sqlite_answer_free(&job->answer);
    free(job);
}

static void handle_done(uv_async_t *async)
{
    sqlite_store *store = async->data;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    store_job *job;

    uv_mutex_lock(&store->mutex);
    STAILQ_CONCAT(&done, &store->done);
    uv_mutex_unlock(&store->mutex);
    while ((job = STAILQ_FIRST(&done)) != NULL) {
        STAILQ_REMOVE_HEAD(&done, link);
        store->jobs--;
        store->bytes -= job->bytes;
        answer_job(job);
    }
    if (store->closing && store->jobs == 0 && !uv_is_closing((uv_handle_t *)async))
        finish_closing(store);
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
    job->bytes = bytes;
    return job;
}

static int ask(chat_store *base, const chat_query *query, chat_store_cb *callback, void *data)
{
    sqlite_store *store = (sqlite_store *)base;

    if (store->closing)
        return EIO_E_CLOSED;
    if (store->jobs >= MOST_WAITING || store->bytes > MOST_WAITING_BYTES)
        return EIO_E_LIMIT;
    store_job *job = job_new(query);
    if (job == NULL)
        return EIO_E_NOMEM;
    job->callback = callback;
    job->data = data;
    store->jobs++;
    store->bytes += job->bytes;
    uv_mutex_lock(&store->mutex);
    STAILQ_INSERT_TAIL(&store->waiting, job, link);
    uv_cond_signal(&store->wanted);
    uv_mutex_unlock(&store->mutex);
    return EIO_OK;
}

static bool is_ready(const chat_store *base)
{
    const sqlite_store *store = (const sqlite_store *)base;

    return !store->closing && store->jobs < MOST_WAITING;
}

static void close_store(chat_store *base, void (*on_closed)(void *data), void *data)
{
    sqlite_store *store = (sqlite_store *)base;

    store->closing = true;
    store->on_closed = on_closed;
    store->closed_data = data;
    if (store->jobs == 0)
        uv_async_send(&store->done_signal); /* the end comes from the loop, as all else */
}

static int start_thread(sqlite_store *store, uv_loop_t *loop)
{
    int rc = uv_async_init(loop, &store->done_signal, handle_done);
    if (rc != 0)
        return rc;
    store->done_signal.data = store;
    return uv_thread_create(&store->thread, run_thread, store);
}

static void handle_failed_open(uv_handle_t *handle)
{
    store_free(handle->data);
}

int chat_sqlite_open(chat_store **out, uv_loop_t *loop, const char *file, eio_error *why)
{
    static const chat_store_type type = { ask, is_ready, close_store };
    sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL || uv_mutex_init(&store->mutex) != 0) {
        free(store);
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    }
    uv_cond_init(&store->wanted);
    store->store.type = &type;
    store->lock = -1;
    STAILQ_INIT(&store->waiting);
    STAILQ_INIT(&store->done);
    int rc = file == NULL ? EIO_OK : chat_lock_take(&store->lock, file, why);
    if (rc == EIO_OK)
        rc = sqlite_rooms_open(&store->rooms, file, why);
    if (rc != EIO_OK) {
        store_free(store);
        return rc;
    }
    rc = start_thread(store, loop);
    if (rc != 0) {
        eio_error_set(why, rc, "SQLite: cannot start its thread: %s", uv_strerror(rc));
        if (store->done_signal.data != NULL)
            uv_close((uv_handle_t *)&store->done_signal, handle_failed_open);
        else
            store_free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
