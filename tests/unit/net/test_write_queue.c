#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engineio/net/write_queue.h"

enum { PIECES = 5, PIECE_BYTES = 3, ALL_BYTES = PIECES * PIECE_BYTES };

static const char text[] = "abcdefghijklmno";

static struct {
    uv_loop_t uv;
    eio_loop *loop;
    eio_stream *stream; /* a shell: nothing of it is used but its queue */
} bed;

static int set_up(void **state)
{
    (void)state;
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

static void add_pieces(void)
{
    eio_buffer *buffer = eio_buffer_copy(eio_slice_of(text));

    for (size_t i = 0; i < PIECES; i++) {
        const eio_slice piece = { eio_buffer_slice(buffer).base + i * PIECE_BYTES, PIECE_BYTES };
        assert_int_equal(eio_write_queue_add(bed.stream, buffer, piece), EIO_OK);
    }
    eio_buffer_unref(buffer);
    assert_int_equal(bed.stream->queued, ALL_BYTES);
}

static void assert_holds(size_t from)
{
    char scratch[ALL_BYTES];
    uv_buf_t vectors[PIECES];
    size_t bytes;
    unsigned count = eio_write_queue_gather(bed.stream, vectors, PIECES, &bytes);
    size_t at = from;

    assert_int_equal(bytes, ALL_BYTES - from);
    assert_int_equal(bed.stream->queued, bytes);
    for (unsigned i = 0; i < count; i++) {
        assert_memory_equal(vectors[i].base, text + at, vectors[i].len);
        at += vectors[i].len;
    }
    for (size_t len = 1; len <= bytes; len++)
        assert_memory_equal(eio_write_queue_peek(bed.stream, scratch, len), text + from, len);
    if (count > 1) {
        memset(scratch, 0, sizeof(scratch));
        eio_write_queue_join(bed.stream, scratch);
        assert_memory_equal(scratch, text + from, bytes);
    }
}

static void what_is_sent_in_any_two_steps_leaves_in_order(void **state)
{
    (void)state;
    for (size_t first = 1; first < ALL_BYTES; first++) {
        add_pieces();
        assert_holds(0);
        eio_write_queue_consume(bed.stream, first);
        assert_holds(first);
        eio_write_queue_consume(bed.stream, ALL_BYTES - first);
        assert_true(eio_write_queue_is_empty(bed.stream));
        assert_int_equal(bed.stream->queued, 0);
    }
}

static void what_is_added_behind_a_half_sent_piece_follows_it(void **state)
{
    (void)state;
    add_pieces();
    eio_write_queue_consume(bed.stream, ALL_BYTES - 1);
    eio_buffer *more = eio_buffer_copy(EIO_STR("more"));
    assert_int_equal(eio_write_queue_add(bed.stream, more, eio_buffer_slice(more)), EIO_OK);
    eio_buffer_unref(more);
    char scratch[5];
    assert_memory_equal(eio_write_queue_peek(bed.stream, scratch, 5), "omore", 5);
}

static void no_more_vectors_than_wanted_are_filled(void **state)
{
    uv_buf_t vectors[2];
    size_t bytes;

    (void)state;
    add_pieces();
    assert_int_equal(eio_write_queue_gather(bed.stream, vectors, 2, &bytes), 2);
    assert_int_equal(bytes, 2 * PIECE_BYTES);
}

static void what_is_dropped_is_given_back(void **state)
{
    (void)state;
    add_pieces();
    eio_write_queue_clear(bed.stream);
    assert_true(eio_write_queue_is_empty(bed.stream));
    add_pieces(); /* some stay queued: the end gives them back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_in_any_two_steps_leaves_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_added_behind_a_half_sent_piece_follows_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_more_vectors_than_wanted_are_filled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_given_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
