#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engineio/net/loop.h"

enum { MANY = 100 };

typedef struct waiter {
    eio_deadline deadline;
    uint64_t due_at; /* when it fired */
} waiter;

static uv_loop_t uv;
static eio_loop *loop;
static eio_deadline_queue queue;
static waiter *fired[MANY + 1];
static size_t fired_count;

static void note(eio_deadline *deadline)
{
    waiter *who = (waiter *)deadline;

    who->due_at = uv_now(&uv);
    fired[fired_count++] = who;
}

static int set_up(void **state)
{
    (void)state;
    fired_count = 0;
    uv_loop_init(&uv);
    loop = eio_loop_acquire(&uv);
    eio_deadline_queue_init(&queue, loop, 5, note);
    return loop == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    eio_deadline_queue_fini(&queue);
    eio_loop_release(loop);
    uv_run(&uv, UV_RUN_DEFAULT);
    return uv_loop_close(&uv);
}

static void deadlines_fire_in_order_and_never_early(void **state)
{
    static waiter waiters[MANY];
    uint64_t start = uv_now(&uv);

    (void)state;
    memset(waiters, 0, sizeof(waiters));
    for (size_t i = 0; i < MANY; i++)
        eio_deadline_start(&queue, &waiters[i].deadline);
    uv_run(&uv, UV_RUN_DEFAULT); /* ends by itself once nothing waits */
    assert_int_equal(fired_count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(fired[i], &waiters[i]);
        assert_true(fired[i]->due_at >= start + 5);
        assert_false(eio_deadline_is_waiting(&waiters[i].deadline));
    }
}

static void stopped_deadlines_do_not_fire(void **state)
{
    waiter a = { 0 };
    waiter b = { 0 };

    (void)state;
    eio_deadline_start(&queue, &a.deadline);
    eio_deadline_start(&queue, &b.deadline);
    eio_deadline_stop(&queue, &a.deadline);
    eio_deadline_stop(&queue, &a.deadline);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(fired_count, 1);
    assert_ptr_equal(fired[0], &b);
}

static void starting_again_moves_to_the_end(void **state)
{
    waiter a = { 0 };
    waiter b = { 0 };

    (void)state;
    eio_deadline_start(&queue, &a.deadline);
    eio_deadline_start(&queue, &b.deadline);
    eio_deadline_start(&queue, &a.deadline);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(fired_count, 2);
    assert_ptr_equal(fired[0], &b);
    assert_ptr_equal(fired[1], &a);
}

static void lateness_does_not_add_up(void **state)
{
    waiter a = { 0 };
    uint64_t start = uv_now(&uv);

    (void)state;
    eio_deadline_start_from(&queue, &a.deadline, start - 3);
    assert_int_equal(a.deadline.due_ms, start + 2);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(fired_count, 1);
    assert_true(a.due_at >= start + 2);
}

static eio_deadline_queue short_queue;
static waiter chained;

static void start_another(eio_deadline *deadline)
{
    note(deadline);
    eio_deadline_queue_fini(&short_queue); /* a callback may end its own queue */
    eio_deadline_start(&queue, &chained.deadline);
}

static void callbacks_may_start_and_end_anything(void **state)
{
    waiter first = { 0 };

    (void)state;
    chained = (waiter){ 0 };
    eio_deadline_queue_init(&short_queue, loop, 0, start_another);
    eio_deadline_start(&short_queue, &first.deadline);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(fired_count, 2);
    assert_ptr_equal(fired[1], &chained);
}

static void one_loop_has_one_shared_part(void **state)
{
    eio_loop *again = eio_loop_acquire(&uv);

    (void)state;
    assert_ptr_equal(again, loop);
    eio_loop_release(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deadlines_fire_in_order_and_never_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopped_deadlines_do_not_fire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starting_again_moves_to_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lateness_does_not_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callbacks_may_start_and_end_anything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_loop_has_one_shared_part, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
