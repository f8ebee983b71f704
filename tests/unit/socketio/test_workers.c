#include "socketio/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What the callbacks of all threads have done. */
typedef struct record {
    atomic_uint set_up, torn_down, ran, dropped, closed;
    int failing;       /* the worker whose setup fails; -1: none */
    unsigned order[8]; /* in which they were torn down */
    uv_loop_t loop;    /* the owner's */
    sio_workers *workers;
} record;

static int set_up(sio_worker *worker, uv_loop_t *loop, void *data, eio_error *why)
{
    record *r = data;

    assert_ptr_equal(sio_worker_loop(worker), loop);
    atomic_fetch_add(&r->set_up, 1);
    if ((int)sio_worker_index(worker) == r->failing)
        return eio_error_set(why, EIO_E_LIMIT, "worker %u does not want to",
                             sio_worker_index(worker));
    return EIO_OK;
}

static void tear_down(sio_worker *worker, void *data)
{
    record *r = data;

    r->order[atomic_fetch_add(&r->torn_down, 1)] = sio_worker_index(worker);
}

static void count_run(sio_worker *worker, void *data)
{
    record *r = data;

    atomic_fetch_add(worker != NULL ? &r->ran : &r->dropped, 1);
}

static void handle_closed(void *data)
{
    record *r = data;

    atomic_fetch_add(&r->closed, 1);
}

static int start(record *r, unsigned count, int failing, eio_error *why)
{
    sio_workers_options options;

    *r = (record){ .failing = failing };
    assert_int_equal(uv_loop_init(&r->loop), 0);
    sio_workers_options_init(&options);
    options.count = count;
    options.setup = set_up;
    options.teardown = tear_down;
    options.data = r;
    return sio_workers_start(&r->workers, &r->loop, &options, why);
}

static void finish(record *r)
{
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

static void a_setup_that_fails_undoes_those_before_it(void **state)
{
    (void)state;
    for (int failing = 0; failing < 4; failing++) {
        record r;
        eio_error why = { 0 };
        char text[64];

        snprintf(text, sizeof(text), "worker %d does not want to", failing);
        assert_int_equal(start(&r, 4, failing, &why), EIO_E_LIMIT);
        assert_string_equal(why.text, text);
        assert_int_equal(r.set_up, failing + 1);
        assert_int_equal(r.torn_down, failing);
        finish(&r);
    }
}

static void the_first_worker_is_torn_down_at_last(void **state)
{
    record r;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(start(&r, 4, -1, NULL), EIO_OK);
        assert_int_equal(sio_workers_count(r.workers), 4);
        sio_workers_close(r.workers, handle_closed, &r);
        sio_workers_close(r.workers, handle_closed, &r); /* a second call does nothing */
        finish(&r);
        assert_int_equal(r.torn_down, 4);
        assert_int_equal(r.order[3], 0);
        assert_int_equal(r.closed, 1);
    }
}

static void what_is_posted_is_run_or_handed_back_once(void **state)
{
    enum { ERRANDS = 200 };
    record r;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(start(&r, 3, -1, NULL), EIO_OK);
        for (unsigned k = 0; k < ERRANDS; k++) {
            if (k == ERRANDS / 2)
                sio_workers_close(r.workers, handle_closed, &r);
            int rc = sio_workers_post(r.workers, k % 3, count_run, &r);
            assert_true(rc == EIO_OK || rc == EIO_E_CLOSED);
        }
        finish(&r);
        assert_int_equal(r.ran + r.dropped, ERRANDS);
        assert_true(r.ran >= ERRANDS / 2); /* all that was posted before the end began */
    }
}

static void block(sio_worker *worker, void *data)
{
    uv_sem_t *sems = data;

    assert_non_null(worker);
    uv_sem_post(&sems[0]);
    uv_sem_wait(&sems[1]);
}

static void mail_that_may_be_lost_is_bounded(void **state)
{
    record r;
    uv_sem_t sems[2];
    sio_workers_options options;

    (void)state;
    r = (record){ .failing = -1 };
    uv_loop_init(&r.loop);
    sio_workers_options_init(&options);
    options.count = 1;
    options.setup = set_up;
    options.data = &r;
    options.max_mail_bytes = 10000;
    assert_int_equal(sio_workers_start(&r.workers, &r.loop, &options, NULL), EIO_OK);
    uv_sem_init(&sems[0], 0);
    uv_sem_init(&sems[1], 0);
    assert_int_equal(sio_workers_post(r.workers, 0, block, sems), EIO_OK);
    uv_sem_wait(&sems[0]); /* it reads nothing from here on */
    assert_int_equal(sio_workers_post_bytes(r.workers, 0, 9000, count_run, &r), EIO_OK);
    assert_int_equal(sio_workers_post_bytes(r.workers, 0, 9000, count_run, &r), EIO_E_BACKLOG);
    assert_int_equal(r.dropped, 1);
    assert_int_equal(sio_workers_post(r.workers, 0, count_run, &r),
                     EIO_OK); /* this is never lost */
    uv_sem_post(&sems[1]);
    sio_workers_close(r.workers, NULL, NULL);
    finish(&r);
    assert_int_equal(r.ran, 2);
    uv_sem_destroy(&sems[0]);
    uv_sem_destroy(&sems[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setup_that_fails_undoes_those_before_it),
        cmocka_unit_test(the_first_worker_is_torn_down_at_last),
        cmocka_unit_test(what_is_posted_is_run_or_handed_back_once),
        cmocka_unit_test(mail_that_may_be_lost_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
