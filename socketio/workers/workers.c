#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "socketio/workers/group.h"

enum { DEFAULT_MAIL_BYTES = 64 * 1024 * 1024 };

void sio_workers_options_init(sio_workers_options *options)
{
    *options = (sio_workers_options){ .size = sizeof(*options) };
}

/* ---- a worker's thread ---- */

typedef struct errand {
    sio_mail mail;
    void (*run)(sio_worker *worker, void *data);
    void *data;
} errand;

static void run_errand(sio_mail *mail, void *owner)
{
    errand *what = (errand *)mail;

    what->run(owner, what->data);
    free(what);
}

static void drop_errand(sio_mail *mail)
{
    run_errand(mail, NULL);
}

static int post(sio_workers *workers, unsigned index, size_t bytes, bool may_be_lost,
                void (*run)(sio_worker *worker, void *data), void *data)
{
    errand *what = malloc(sizeof(*what));

    if (what == NULL) {
        run(NULL, data);
        return EIO_E_NOMEM;
    }
    *what = (errand){ { NULL, sizeof(*what) + bytes, run_errand, drop_errand }, run, data };
    return sio_mailbox_post(&workers->workers[index].mailbox, &what->mail, may_be_lost);
}

int sio_workers_post(sio_workers *workers, unsigned index,
                     void (*run)(sio_worker *worker, void *data), void *data)
{
    return post(workers, index, 0, false, run, data);
}

int sio_workers_post_bytes(sio_workers *workers, unsigned index, size_t bytes,
                           void (*run)(sio_worker *worker, void *data), void *data)
{
    return post(workers, index, bytes, true, run, data);
}

static void tear_down(sio_worker *worker, void *data)
{
    (void)data;
    if (worker == NULL)
        return; /* it has ended by itself */
    const sio_workers_options *options = &worker->group->options;
    if (options->teardown != NULL)
        options->teardown(worker, options->data);
    sio_mailbox_set_busy(&worker->mailbox, false);
}

static int set_up(sio_worker *worker)
{
    const sio_workers_options *options = &worker->group->options;
    int rc = uv_loop_init(&worker->loop);

    if (rc != 0)
        return rc;
    rc = sio_mailbox_open(&worker->mailbox, &worker->loop);
    if (rc != 0) {
        (void)uv_loop_close(&worker->loop);
        return rc;
    }
    rc = options->setup(worker, &worker->loop, options->data, &worker->why);
    if (rc == EIO_OK)
        return EIO_OK;
    sio_mailbox_close(&worker->mailbox);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* what setup closes */
    (void)uv_loop_close(&worker->loop);
    return rc;
}

static void run_worker(void *data)
{
    sio_worker *worker = data;
    sio_workers *group = worker->group;

    worker->rc = set_up(worker);
    int rc = worker->rc;
    uv_sem_post(&group->ready);
    if (rc != EIO_OK)
        return;
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    sio_mailbox_close(&worker->mailbox);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&worker->loop);
    assert(rc == 0); /* teardown has left a handle open */
    if (worker->index > 0)
        (void)atomic_fetch_sub(&group->others_running, 1);
    (void)atomic_fetch_sub(&group->running, 1);
    (void)uv_async_send(&group->ended);
}

/* ---- the end ---- */

static void free_group(sio_workers *group)
{
    for (unsigned i = 0; i < group->options.count; i++)
        sio_mailbox_fini(&group->workers[i].mailbox);
    for (unsigned i = 0; i < group->listener_count; i++)
        if (group->listeners[i].fd >= 0)
            (void)close(group->listeners[i].fd);
    sio_families_free(group);
    sio_directory_fini(&group->directory);
    uv_mutex_destroy(&group->lock);
    uv_sem_destroy(&group->ready);
    free(group);
}

static void join_all(sio_workers *group)
{
    for (unsigned i = 0; i < group->started; i++)
        (void)uv_thread_join(&group->workers[i].thread);
}

static void handle_async_closed(uv_handle_t *handle)
{
    sio_workers *group = handle->data;
    void (*on_closed)(void *) = group->on_closed;
    void *data = group->closed_data;

    free_group(group);
    if (on_closed != NULL)
        on_closed(data);
}

/* The first worker speaks for all with other servers: it is the last to go, so that all have said what they had to. */
static void stop_others(sio_workers *group)
{
    for (unsigned i = 1; i < group->started; i++)
        (void)sio_workers_post(group, i, tear_down, NULL);
}

static void stop_first_at_last(sio_workers *group)
{
    if (atomic_load(&group->others_running) > 0 || group->first_is_told)
        return;
    group->first_is_told = true;
    if (group->started > 0)
        (void)sio_workers_post(group, 0, tear_down, NULL);
}

static void handle_ended(uv_async_t *async)
{
    sio_workers *group = async->data;

    if (!group->is_closing || uv_is_closing((uv_handle_t *)async))
        return;
    if (atomic_load(&group->running) > 0) {
        stop_first_at_last(group);
        return;
    }
    join_all(group);
    uv_close((uv_handle_t *)async, handle_async_closed);
}

void sio_workers_close(sio_workers *workers, void (*on_closed)(void *data), void *data)
{
    if (workers == NULL || workers->is_closing)
        return;
    workers->is_closing = true;
    workers->on_closed = on_closed;
    workers->closed_data = data;
    stop_others(workers);
    (void)uv_async_send(
        &workers->ended); /* they may have ended by themselves, or there is but one */
}

/* ---- the beginning ---- */

/* The threads take no signals but those that they cause themselves. */
static int start_thread(sio_worker *worker)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
    sigset_t blocked;
    sigset_t before;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        sigdelset(&blocked, own[i]);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = uv_thread_create(&worker->thread, run_worker, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int start_one(sio_workers *group, unsigned index, eio_error *why)
{
    sio_worker *worker = &group->workers[index];
    int rc = start_thread(worker);

    if (rc != 0)
        return eio_error_set(why, rc, "worker %u: %s", index, eio_strerror(rc));
    uv_sem_wait(&group->ready);
    if (worker->rc == EIO_OK) {
        group->started++;
        return EIO_OK;
    }
    (void)uv_thread_join(&worker->thread);
    return eio_error_set(why, worker->rc, "%s",
                         worker->why.text[0] != '\0' ? worker->why.text : eio_strerror(worker->rc));
}

static unsigned count_processors(void)
{
    unsigned count = uv_available_parallelism();

    return count < SIO_WORKERS_MAX ? count : SIO_WORKERS_MAX;
}

static void undo_start(sio_workers *group)
{
    for (unsigned i = group->started; i-- > 0;) {
        (void)sio_workers_post(group, i, tear_down, NULL);
        (void)uv_thread_join(&group->workers[i].thread);
    }
}

static int check_options(const sio_workers_options *options, eio_error *why)
{
    if (options->size != sizeof(*options) || options->setup == NULL)
        return eio_error_set(why, EIO_E_INVALID,
                             "sio_workers_options: not initialised, or no setup");
    if (options->count > SIO_WORKERS_MAX)
        return eio_error_set(why, EIO_E_INVALID, "workers: %u is more than %d", options->count,
                             (int)SIO_WORKERS_MAX);
    return EIO_OK;
}

static sio_workers *new_group(const sio_workers_options *options, unsigned count)
{
    sio_workers *group = calloc(1, sizeof(*group) + count * sizeof(sio_worker));

    if (group == NULL)
        return NULL;
    group->options = *options;
    group->options.count = count;
    if (options->max_mail_bytes == 0)
        group->options.max_mail_bytes = DEFAULT_MAIL_BYTES;
    SLIST_INIT(&group->families);
    atomic_init(&group->running, count);
    atomic_init(&group->others_running, count - 1);
    /* These ask for no memory. */
    int rc = uv_sem_init(&group->ready, 0) | uv_mutex_init(&group->lock) |
             sio_directory_init(&group->directory);
    for (unsigned i = 0; i < count; i++) {
        group->workers[i].group = group;
        group->workers[i].index = i;
        rc |= sio_mailbox_init(&group->workers[i].mailbox, group->options.max_mail_bytes,
                               &group->workers[i]);
    }
    assert(rc == 0);
    (void)rc;
    return group;
}

int sio_workers_start(sio_workers **out, uv_loop_t *loop, const sio_workers_options *options,
                      eio_error *why)
{
    int rc = check_options(options, why);

    if (rc != EIO_OK)
        return rc;
    unsigned count = options->count == 0 ? count_processors() : options->count;
    sio_workers *group = new_group(options, count);
    if (group == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "%s", eio_strerror(EIO_E_NOMEM));
    rc = uv_async_init(loop, &group->ended, handle_ended);
    if (rc != 0) {
        free_group(group);
        return eio_error_set(why, rc, "workers: %s", eio_strerror(rc));
    }
    group->ended.data = group;
    for (unsigned i = 0; i < count && rc == EIO_OK; i++)
        rc = start_one(group, i, why);
    if (rc == EIO_OK) {
        *out = group;
        return EIO_OK;
    }
    undo_start(group);
    uv_close((uv_handle_t *)&group->ended, handle_async_closed);
    return rc;
}

/* ---- accessors ---- */

unsigned sio_workers_count(const sio_workers *workers)
{
    return workers->options.count;
}

unsigned sio_worker_index(const sio_worker *worker)
{
    return worker->index;
}

uv_loop_t *sio_worker_loop(const sio_worker *worker)
{
    return (uv_loop_t *)(uintptr_t)&worker->loop;
}

sio_workers *sio_worker_group(const sio_worker *worker)
{
    return worker->group;
}

uint64_t sio_worker_dropped_bytes(const sio_worker *worker)
{
    return sio_mailbox_dropped((sio_mailbox *)(uintptr_t)&worker->mailbox);
}
