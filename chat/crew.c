#include "chat/crew.h"

#include <assert.h>
#include <stdlib.h>

struct chat_desk {
    LIST_ENTRY(chat_desk) link;
    chat_crew *crew;
    uv_async_t signal;
    struct chat_work_list done; /* the crew's lock guards it, and the next */
    size_t news_bytes;
    /* the loop's own: */
    void (*finish)(chat_work *job, void *data);
    void *data;
    size_t jobs, bytes; /* added and not finished yet */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
};

struct chat_crew {
    chat_crew_options options;
    uv_thread_t threads[CHAT_MOST_CREW];
    size_t started;
    uv_mutex_t mutex; /* guards what stands below */
    uv_cond_t wanted;
    struct chat_work_list waiting;
    LIST_HEAD(, chat_desk) desks; /* that are open */
    bool stopping;
};

/* ---- a thread ---- */

/* The next jobs; blocks until there are some. Empty: stop. */
static void take_jobs(chat_crew *crew, struct chat_work_list *out)
{
    size_t count = 0;

    uv_mutex_lock(&crew->mutex);
    while (STAILQ_EMPTY(&crew->waiting) && !crew->stopping)
        uv_cond_wait(&crew->wanted, &crew->mutex);
    while (!STAILQ_EMPTY(&crew->waiting) && count++ < crew->options.batch) {
        chat_work *job = STAILQ_FIRST(&crew->waiting);
        STAILQ_REMOVE_HEAD(&crew->waiting, link);
        STAILQ_INSERT_TAIL(out, job, link);
    }
    uv_mutex_unlock(&crew->mutex);
}

/* One that reads nothing must not take all the memory: what is too much its clients miss. */
static void tell_others(chat_crew *crew, const chat_work *job)
{
    chat_desk *desk;

    LIST_FOREACH(desk, &crew->desks, link) {
        chat_work *news = desk == job->desk || desk->news_bytes > crew->options.most_bytes
                              ? NULL
                              : crew->options.tell(job, crew->options.data);
        if (news == NULL)
            continue;
        news->desk = desk;
        news->is_news = true;
        desk->news_bytes += news->bytes;
        STAILQ_INSERT_TAIL(&desk->done, news, link);
        (void)uv_async_send(&desk->signal);
    }
}

/* Under the lock, which also keeps a desk from being closed while it is signalled. */
static void give_back(chat_crew *crew, struct chat_work_list *jobs)
{
    chat_work *job;

    uv_mutex_lock(&crew->mutex);
    while ((job = STAILQ_FIRST(jobs)) != NULL) {
        STAILQ_REMOVE_HEAD(jobs, link);
        if (crew->options.tell != NULL)
            tell_others(crew, job);
        STAILQ_INSERT_TAIL(&job->desk->done, job, link);
        (void)uv_async_send(&job->desk->signal);
    }
    uv_mutex_unlock(&crew->mutex);
}

static void run_thread(void *data)
{
    chat_crew *crew = data;

    for (;;) {
        struct chat_work_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
        take_jobs(crew, &jobs);
        if (STAILQ_EMPTY(&jobs))
            return;
        crew->options.work(&jobs, crew->options.data);
        give_back(crew, &jobs);
    }
}

int chat_crew_new(chat_crew **out, const chat_crew_options *options)
{
    chat_crew *crew = calloc(1, sizeof(*crew));
    int rc = 0;

    if (crew == NULL || uv_mutex_init(&crew->mutex) != 0) {
        free(crew);
        return EIO_E_NOMEM;
    }
    uv_cond_init(&crew->wanted);
    crew->options = *options;
    STAILQ_INIT(&crew->waiting);
    LIST_INIT(&crew->desks);
    for (size_t i = 0; i < options->threads && rc == 0; i++) {
        rc = uv_thread_create(&crew->threads[i], run_thread, crew);
        crew->started += rc == 0;
    }
    if (rc != 0) {
        chat_crew_free(crew);
        return rc;
    }
    *out = crew;
    return EIO_OK;
}

void chat_crew_free(chat_crew *crew)
{
    if (crew == NULL)
        return;
    assert(LIST_EMPTY(&crew->desks));
    uv_mutex_lock(&crew->mutex);
    crew->stopping = true;
    uv_cond_broadcast(&crew->wanted);
    uv_mutex_unlock(&crew->mutex);
    for (size_t i = 0; i < crew->started; i++)
        uv_thread_join(&crew->threads[i]); /* they have nothing left to do: this does not wait */
    uv_mutex_destroy(&crew->mutex);
    uv_cond_destroy(&crew->wanted);
    free(crew);
}

/* ---- a loop ---- */

static void handle_uv_closed(uv_handle_t *handle)
{
    chat_desk *desk = handle->data;
    void (*on_closed)(void *) = desk->on_closed;
    void *data = desk->closed_data;

    free(desk);
    if (on_closed != NULL)
        on_closed(data);
}

/* What has come back. Once there is nothing left of a desk that closes, it is off the list. */
static void take_done(chat_desk *desk, struct chat_work_list *out)
{
    chat_crew *crew = desk->crew;

    uv_mutex_lock(&crew->mutex);
    STAILQ_CONCAT(out, &desk->done);
    desk->news_bytes = 0;
    if (desk->closing && desk->jobs == 0 && STAILQ_EMPTY(out) &&
        !uv_is_closing((uv_handle_t *)&desk->signal)) {
        LIST_REMOVE(desk, link);
        uv_close((uv_handle_t *)&desk->signal, handle_uv_closed);
    }
    uv_mutex_unlock(&crew->mutex);
}

static void handle_signal(uv_async_t *async)
{
    chat_desk *desk = async->data;
    struct chat_work_list done = STAILQ_HEAD_INITIALIZER(done);
    chat_work *job;

    take_done(desk, &done);
    if (STAILQ_EMPTY(&done))
        return;
    while ((job = STAILQ_FIRST(&done)) != NULL) {
        STAILQ_REMOVE_HEAD(&done, link);
        if (!job->is_news) {
            desk->jobs--;
            desk->bytes -= job->bytes;
        }
        desk->finish(job, desk->data);
    }
    if (desk->closing && desk->jobs == 0)
        (void)uv_async_send(async); /* the end comes alone */
}

bool chat_desk_has_room(const chat_desk *desk)
{
    const chat_crew_options *options = &desk->crew->options;

    return !desk->closing && desk->jobs < options->most_jobs && desk->bytes <= options->most_bytes;
}

int chat_desk_add(chat_desk *desk, chat_work *job)
{
    chat_crew *crew = desk->crew;

    if (desk->closing)
        return EIO_E_CLOSED;
    if (!chat_desk_has_room(desk))
        return EIO_E_LIMIT;
    desk->jobs++;
    desk->bytes += job->bytes;
    job->desk = desk;
    job->is_news = false;
    uv_mutex_lock(&crew->mutex);
    STAILQ_INSERT_TAIL(&crew->waiting, job, link);
    uv_cond_signal(&crew->wanted);
    uv_mutex_unlock(&crew->mutex);
    return EIO_OK;
}

void chat_desk_close(chat_desk *desk, void (*on_closed)(void *data), void *data)
{
    desk->closing = true;
    desk->on_closed = on_closed;
    desk->closed_data = data;
    (void)uv_async_send(&desk->signal); /* the end comes from the loop, as all else */
}

int chat_desk_open(chat_desk **out, chat_crew *crew, uv_loop_t *loop,
                   void (*finish)(chat_work *job, void *data), void *data)
{
    chat_desk *desk = calloc(1, sizeof(*desk));

    if (desk == NULL)
        return EIO_E_NOMEM;
    int rc = uv_async_init(loop, &desk->signal, handle_signal);
    if (rc != 0) {
        free(desk);
        return rc;
    }
    desk->signal.data = desk;
    desk->crew = crew;
    desk->finish = finish;
    desk->data = data;
    STAILQ_INIT(&desk->done);
    uv_mutex_lock(&crew->mutex);
    LIST_INSERT_HEAD(&crew->desks, desk, link);
    uv_mutex_unlock(&crew->mutex);
    *out = desk;
    return EIO_OK;
}
