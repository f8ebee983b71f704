#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engineio/net/write_queue.h"

enum { MOST_PIECES = 40, MOST_BYTES = 10 * 1000 };

/* Long pieces stay where they are, short ones become a joint with their neighbours; ended by 0. */
static const size_t all_long[] = { 300, 301, 302, 303, 304, 0 };
static const size_t mixed[] = { 3, 4, 300, 5, 6, 7, 300, 8, 0 };
static const size_t short_ones[] = { 200, 201, 202, 203, 204, 205, 206, 207, 208,
                                     209, 210, 211, 212, 213, 214, 215, 216, 217,
                                     218, 219, 220, 221, 222, 223, 224, 0 };
static const size_t *const queues[] = { all_long, mixed, short_ones };

static char text[MOST_BYTES];

static struct {
    uv_loop_t uv;
    eio_loop *loop;
    eio_stream *stream; /* a shell: nothing of it is used but its queue */
} bed;

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 31 + i / 256);
    if (uv_loop_init(&bed.uv) != 0)
        return -1;
    bed.loop = eio_loop_acquire(&bed.uv);
    bed.stream = bed.loop == NULL ? NULL : eio_stream_new(bed.loop, NULL);
    return bed.stream == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    eio_stream_free(bed.stream); /* with what is queued */
    eio_loop_release(bed.loop);
    uv_run(&bed.uv, UV_RUN_DEFAULT);
    return uv_loop_close(&bed.uv);
}

/* All pieces from text, each in a buffer that goes at once. Their sum. */
static size_t add_pieces(const size_t *lengths)
{
    size_t sum = 0;

    for (; *lengths != 0; lengths++) {
        eio_buffer *buffer = eio_buffer_copy((eio_slice){ text + sum, *lengths });
        assert_int_equal(eio_write_queue_add(bed.stream, buffer, eio_buffer_slice(buffer)), EIO_OK);
        eio_buffer_unref(buffer);
        sum += *lengths;
    }
    assert_int_equal(bed.stream->queued, sum);
    return sum;
}

/* What is queued are the bytes of text between these. How many vectors that takes. */
static unsigned assert_holds(size_t from, size_t to)
{
    static char scratch[MOST_BYTES];
    uv_buf_t vectors[MOST_PIECES];
    size_t bytes;
    unsigned count = eio_write_queue_gather(bed.stream, vectors, MOST_PIECES, &bytes);
    size_t at = from;

    assert_int_equal(bytes, to - from);
    assert_int_equal(bed.stream->queued, bytes);
    for (unsigned i = 0; i < count; i++) {
        assert_memory_equal(vectors[i].base, text + at, vectors[i].len);
        at += vectors[i].len;
    }
    for (size_t len = 1; len <= bytes; len += 1 + len / 16)
        assert_memory_equal(eio_write_queue_peek(bed.stream, scratch, len), text + from, len);
    if (count > 1) {
        memset(scratch, 0, sizeof(scratch));
        eio_write_queue_join(bed.stream, scratch);
        assert_memory_equal(scratch, text + from, bytes);
    }
    return count;
}

static void what_is_sent_in_any_two_steps_leaves_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        size_t sum = add_pieces(queues[i]);
        eio_write_queue_clear(bed.stream);
        for (size_t first = 1; first < sum; first += 1 + first / 64) {
            add_pieces(queues[i]);
            assert_holds(0, sum);
            eio_write_queue_consume(bed.stream, first);
            assert_holds(first, sum);
            eio_write_queue_consume(bed.stream, sum - first);
            assert_true(eio_write_queue_is_empty(bed.stream));
            assert_int_equal(bed.stream->queued, 0);
        }
    }
}

static void what_is_added_behind_half_sent_pieces_follows_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        size_t sum = add_pieces(queues[i]);
        eio_write_queue_consume(bed.stream, sum - 2);
        eio_buffer *more = eio_buffer_copy((eio_slice){ text + sum, 40 });
        assert_int_equal(eio_write_queue_add(bed.stream, more, eio_buffer_slice(more)), EIO_OK);
        eio_buffer_unref(more);
        assert_holds(sum - 2, sum + 40);
        eio_write_queue_clear(bed.stream);
    }
}

static void short_pieces_are_joined_up_to_a_limit(void **state)
{
    (void)state;
    assert_int_equal(assert_holds(0, add_pieces(all_long)), 5);
    eio_write_queue_clear(bed.stream);
    assert_int_equal(assert_holds(0, add_pieces(mixed)), 5);
    eio_write_queue_clear(bed.stream);
    assert_int_equal(assert_holds(0, add_pieces(short_ones)), 2);
}

/* Others may have the same buffer queued: a joint is never made in it. */
static void a_piece_that_others_have_is_not_written_to(void **state)
{
    eio_buffer *shared = eio_buffer_new(500);

    (void)state;
    assert_int_equal(eio_buffer_append(&shared, (eio_slice){ text, 10 }), EIO_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(eio_write_queue_add(bed.stream, shared, eio_buffer_slice(shared)), EIO_OK);
    assert_int_equal(eio_buffer_slice(shared).len, 10);
    assert_ptr_not_equal(bed.stream->first.buffer, shared);
    eio_buffer_unref(shared);
}

static void no_more_vectors_than_wanted_are_filled(void **state)
{
    uv_buf_t vectors[2];
    size_t bytes;

    (void)state;
    add_pieces(all_long);
    assert_int_equal(eio_write_queue_gather(bed.stream, vectors, 2, &bytes), 2);
    assert_int_equal(bytes, all_long[0] + all_long[1]);
}

static void what_is_dropped_is_given_back(void **state)
{
    (void)state;
    add_pieces(mixed);
    eio_write_queue_clear(bed.stream);
    assert_true(eio_write_queue_is_empty(bed.stream));
    add_pieces(mixed); /* some stay queued: the end gives them back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_in_any_two_steps_leaves_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_added_behind_half_sent_pieces_follows_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(short_pieces_are_joined_up_to_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_piece_that_others_have_is_not_written_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_more_vectors_than_wanted_are_filled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_given_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
