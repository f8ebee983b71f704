#include "chat/workers.h"

#include <stdlib.h>

struct chat_workers {
    chat_workers_options options;
    uv_thread_t threads[CHAT_MOST_WORKERS];
    size_t started;
    uv_async_t done_signal;
    uv_mutex_t mutex; /* guards what stands below */
    uv_cond_t wanted;
    struct chat_work_list waiting, done;
    bool stopping;
    /* the loop's own: */
    size_t jobs, bytes; /* added and not finished yet */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* ---- a thread ---- */

/* The next jobs; blocks until there are some. Empty: stop. */
static void take_jobs(chat_workers *workers, struct chat_work_list *out)
{
    size_t count = 0;

    uv_mutex_lock(&workers->mutex);
    while (STAILQ_EMPTY(&workers->waiting) && !workers->stopping)
        uv_cond_wait(&workers->wanted, &workers->mutex);
    while (!STAILQ_EMPTY(&workers->waiting) && count++ < workers->options.batch) {
        chat_work *job = STAILQ_FIRST(&workers->waiting);
        STAILQ_REMOVE_HEAD(&workers->waiting, link);
        STAILQ_INSERT_TAIL(out, job, link);
    }
    uv_mutex_unlock(&workers->mutex);
}

static void run_thread(void *data)
{
    chat_workers *workers = data;

    for (;;) {
        struct chat_work_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
        take_jobs(workers, &jobs);
        if (STAILQ_EMPTY(&jobs))
            return;
        workers->options.work(&jobs, workers->options.data);
        uv_mutex_lock(&workers->mutex);
        STAILQ_CONCAT(&workers->done, &jobs);
        uv_mutex_unlock(&workers->mutex);
        uv_async_send(&workers->done_signal);
    }
}

/* ---- the loop ---- */

static void handle_uv_closed(uv_handle_t *handle)
{
    chat_workers *workers = handle->data;
    void (*on_closed)(void *) = workers->on_closed;
    void *data = workers->closed_data;

    uv_mutex_destroy(&workers->mutex);
    uv_cond_destroy(&workers->wanted);
    free(workers);
    if (on_closed != NULL)
        on_closed(data);
}

static void finish_closing(chat_workers *workers)
{
    uv_mutex_lock(&workers->mutex);
    workers->stopping = true;
    uv_cond_broadcast(&workers->wanted);
    uv_mutex_unlock(&workers->mutex);
    for (size_t i = 0; i < workers->started; i++)
        uv_thread_join(&workers->threads[i]); /* they have nothing left to do: this does not wait */
    uv_close((uv_handle_t *)&workers->done_signal, handle_uv_closed);
}

static void handle_done(uv_async_t *async)
{
    chat_workers *workers = async->data;
    struct chat_work_list done = STAILQ_HEAD_INITIALIZER(done);
    chat_work *job;

    uv_mutex_lock(&workers->mutex);
    STAILQ_CONCAT(&done, &workers->done);
    uv_mutex_unlock(&workers->mutex);
    while ((job = STAILQ_FIRST(&done)) != NULL) {
        STAILQ_REMOVE_HEAD(&done, link);
        workers->jobs--;
        workers->bytes -= job->bytes;
        workers->options.finish(job, workers->options.data);
    }
    if (workers->closing && workers->jobs == 0 && !uv_is_closing((uv_handle_t *)async))
        finish_closing(workers);
}

bool chat_workers_have_room(const chat_workers *workers)
{
    return !workers->closing && workers->jobs < workers->options.most_jobs &&
           workers->bytes <= workers->options.most_bytes;
}

int chat_workers_add(chat_workers *workers, chat_work *job)
{
    if (workers->closing)
        return EIO_E_CLOSED;
    if (!chat_workers_have_room(workers))
        return EIO_E_LIMIT;
    workers->jobs++;
    workers->bytes += job->bytes;
    uv_mutex_lock(&workers->mutex);
    STAILQ_INSERT_TAIL(&workers->waiting, job, link);
    uv_cond_signal(&workers->wanted);
    uv_mutex_unlock(&workers->mutex);
    return EIO_OK;
}

void chat_workers_close(chat_workers *workers, void (*on_closed)(void *data), void *data)
{
    workers->closing = true;
    workers->on_closed = on_closed;
    workers->closed_data = data;
    if (workers->jobs == 0)
        uv_async_send(&workers->done_signal); /* the end comes from the loop, as all else */
}

int chat_workers_new(chat_workers **out, uv_loop_t *loop, const chat_workers_options *options)
{
    chat_workers *workers = calloc(1, sizeof(*workers));

    if (workers == NULL || uv_mutex_init(&workers->mutex) != 0) {
        free(workers);
        return EIO_E_NOMEM;
    }
    uv_cond_init(&workers->wanted);
    workers->options = *options;
    STAILQ_INIT(&workers->waiting);
    STAILQ_INIT(&workers->done);
    int rc = uv_async_init(loop, &workers->done_signal, handle_done);
    if (rc != 0) {
        uv_mutex_destroy(&workers->mutex);
        uv_cond_destroy(&workers->wanted);
        free(workers);
        return rc;
    }
    workers->done_signal.data = workers;
    for (size_t i = 0; i < options->threads && rc == 0; i++) {
        rc = uv_thread_create(&workers->threads[i], run_thread, workers);
        workers->started += rc == 0;
    }
    if (rc != 0) {
        finish_closing(workers);
        return rc;
    }
    *out = workers;
    return EIO_OK;
}
