#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engineio/net/loop.h"

enum { JOBS = 100 };

static struct {
    uv_loop_t uv;
    uv_timer_t far; /* something to sleep for */
    eio_loop *loop;
    eio_late jobs[JOBS];
    int order[JOBS]; /* in which they ran */
    int ran;
} bed;

static void note(eio_late *late)
{
    bed.order[bed.ran++] = (int)(late - bed.jobs);
}

static void ignore(uv_timer_t *timer)
{
    (void)timer;
}

static int set_up(void **state)
{
    (void)state;
    memset(&bed, 0, sizeof(bed));
    for (int i = 0; i < JOBS; i++)
        bed.jobs[i].run = note;
    if (uv_loop_init(&bed.uv) != 0 || uv_timer_init(&bed.uv, &bed.far) != 0 ||
        uv_timer_start(&bed.far, ignore, 1000 * 1000, 0) != 0)
        return -1;
    bed.loop = eio_loop_acquire(&bed.uv);
    return bed.loop == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    eio_loop_release(bed.loop);
    uv_close((uv_handle_t *)&bed.far, NULL);
    uv_run(&bed.uv, UV_RUN_DEFAULT);
    return uv_loop_close(&bed.uv);
}

static void add(int from, int to)
{
    for (int i = from; i < to; i++)
        eio_late_add(bed.loop, &bed.jobs[i]);
}

static void jobs_run_in_the_order_of_their_calls(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = UINT64_MAX / 2;
    add(0, JOBS);
    add(0, JOBS); /* again: nothing */
    assert_true(eio_late_run(bed.loop));
    assert_int_equal(bed.ran, JOBS);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(bed.order[i], i);
}

static void a_pass_ends_with_its_slice_and_leaves_a_rest(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = 0;
    add(0, JOBS);
    assert_false(eio_late_run(bed.loop));
    assert_in_range(bed.ran, 1, JOBS / 2);
    while (!eio_late_run(bed.loop))
        continue;
    assert_int_equal(bed.ran, JOBS);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(bed.order[i], i);
}

static void a_new_job_does_not_wait_behind_the_rest(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = 0;
    add(0, JOBS - 1);
    assert_false(eio_late_run(bed.loop));
    int ran = bed.ran;
    add(JOBS - 1, JOBS);
    assert_false(eio_late_run(bed.loop));
    assert_int_equal(bed.order[ran], JOBS - 1);
    assert_int_equal(bed.order[ran + 1], ran); /* and the rest goes on */
    while (!eio_late_run(bed.loop))
        continue;
    assert_int_equal(bed.ran, JOBS);
}

static void a_hastened_job_goes_first(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = 0;
    eio_late_hasten(bed.loop, &bed.jobs[JOBS - 1]); /* it does not wait: nothing */
    assert_true(eio_late_run(bed.loop));
    add(0, JOBS);
    eio_late_hasten(bed.loop, &bed.jobs[JOBS - 1]);
    assert_false(eio_late_run(bed.loop));
    assert_int_equal(bed.order[0], JOBS - 1);
    int ran = bed.ran;
    eio_late_hasten(bed.loop, &bed.jobs[JOBS - 2]); /* of the rest */
    eio_late_hasten(bed.loop, &bed.jobs[ran - 1]);  /* the first of the rest */
    while (!eio_late_run(bed.loop))
        continue;
    assert_int_equal(bed.order[ran], ran - 1);
    assert_int_equal(bed.order[ran + 1], ran); /* the rest goes on */
    assert_int_equal(bed.order[ran + 2], JOBS - 2);
    assert_int_equal(bed.ran, JOBS);
}

/* As when a stream is closed that has not had its turn. */
static void a_job_of_the_rest_can_be_cancelled(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = 0;
    add(0, JOBS);
    assert_false(eio_late_run(bed.loop));
    int next = bed.ran;
    eio_late_cancel(bed.loop, &bed.jobs[next]); /* the first of the rest */
    eio_late_cancel(bed.loop, &bed.jobs[JOBS - 1]);
    while (!eio_late_run(bed.loop))
        continue;
    assert_int_equal(bed.ran, JOBS - 2);
    assert_int_equal(bed.order[next], next + 1);
}

static void the_loop_does_not_sleep_while_there_is_a_rest(void **state)
{
    (void)state;
    bed.loop->late_slice_ns = 0;
    add(0, JOBS);
    uv_run(&bed.uv, UV_RUN_NOWAIT);
    assert_in_range(bed.ran, 1, JOBS / 2);
    assert_int_equal(uv_backend_timeout(&bed.uv), 0);
    for (int i = 0; i < JOBS && bed.ran < JOBS; i++)
        uv_run(&bed.uv, UV_RUN_NOWAIT);
    assert_int_equal(bed.ran, JOBS);
    assert_int_not_equal(uv_backend_timeout(&bed.uv), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_run_in_the_order_of_their_calls),
        TEST(a_pass_ends_with_its_slice_and_leaves_a_rest),
        TEST(a_new_job_does_not_wait_behind_the_rest),
        TEST(a_hastened_job_goes_first),
        TEST(a_job_of_the_rest_can_be_cancelled),
        TEST(the_loop_does_not_sleep_while_there_is_a_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
