/* The middlewares of contract `api`: what they do is what the query's `step` says. */
#include <stdlib.h>

#include "tests/testbed/testbed.h"

enum { LATER_MS = 10 };

typedef struct delay {
    uv_timer_t timer; /* first */
    void (*run)(void *what);
    void *what;
} delay;

static void free_delay(uv_handle_t *handle)
{
    free(handle);
}

static void handle_timer(uv_timer_t *timer)
{
    const delay *job = (delay *)(void *)timer;

    job->run(job->what);
    uv_close((uv_handle_t *)timer, free_delay);
}

void testbed_later(const testbed *bed, void (*run)(void *what), void *what)
{
    delay *job = calloc(1, sizeof(*job));

    if (job == NULL || uv_timer_init(bed->loop, &job->timer) != 0)
        abort();
    job->run = run;
    job->what = what;
    (void)uv_timer_start(&job->timer, handle_timer, LATER_MS, 0);
}

static void go_on(void *step)
{
    eio_step_next(step);
}

static void fail(void *step)
{
    eio_step_fail(step);
}

static void answer(void *step)
{
    eio_http_request *request = eio_step_take(step);

    if (request != NULL)
        (void)eio_http_respond_text(request, 418, "text/plain", EIO_STR("a teapot"));
}

static void add_header(eio_server *server, eio_step *step, void *name)
{
    (void)server;
    (void)eio_http_add_header(eio_step_request(step), eio_slice_of(name), EIO_STR("1"));
    eio_step_next(step);
}

static void do_what_is_asked(eio_server *server, eio_step *step, void *data)
{
    static const struct {
        const char *name;
        void (*run)(void *step);
        bool is_late;
    } rows[] = {
        { "later", go_on, true },    { "fail", fail, false },          { "fail-later", fail, true },
        { "answer", answer, false }, { "answer-later", answer, true },
    };
    char text[16];
    eio_slice wish =
        eio_query_get(eio_http_query(eio_step_request(step)), "step", text, sizeof(text));

    (void)server;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!eio_slice_equal(wish, eio_slice_of(rows[i].name)))
            continue;
        if (rows[i].is_late)
            testbed_later(data, rows[i].run, step);
        else
            rows[i].run(step);
        return;
    }
    eio_step_next(step);
}

int testbed_use_steps(testbed *bed)
{
    static char first[] = "x-first";
    static char last[] = "x-last";
    int rc = eio_server_use(bed->engine, add_header, first);

    if (rc == EIO_OK)
        rc = eio_server_use(bed->engine, do_what_is_asked, bed);
    return rc == EIO_OK ? eio_server_use(bed->engine, add_header, last) : rc;
}
