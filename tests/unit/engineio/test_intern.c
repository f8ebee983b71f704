#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engineio/intern.h"

static void same_bytes_are_one_piece(void **state)
{
    eio_intern_pool *pool = eio_intern_pool_new();
    eio_interned *first = eio_intern(pool, EIO_STR("host: a"));
    eio_interned *second = eio_intern(pool, EIO_STR("host: a"));
    eio_interned *other = eio_intern(pool, EIO_STR("host: b"));

    (void)state;
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    eio_interned_unref(first);
    assert_true(eio_slice_equal(eio_interned_bytes(second), EIO_STR("host: a")));
    eio_interned_unref(second);
    eio_interned_unref(other);
    eio_intern_pool_unref(pool);
}

static void a_piece_outlives_the_owner_of_its_pool(void **state)
{
    eio_intern_pool *pool = eio_intern_pool_new();
    eio_interned *piece = eio_intern(pool, EIO_STR("x"));

    (void)state;
    eio_intern_pool_unref(pool);
    assert_true(eio_slice_equal(eio_interned_bytes(piece), EIO_STR("x")));
    eio_interned_unref(piece);
}

static void nothing_is_a_piece_too(void **state)
{
    eio_intern_pool *pool = eio_intern_pool_new();
    eio_interned *piece = eio_intern(pool, (eio_slice){ NULL, 0 });

    (void)state;
    assert_int_equal(eio_interned_bytes(piece).len, 0);
    eio_interned_unref(piece);
    eio_intern_pool_unref(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_are_one_piece),
        cmocka_unit_test(a_piece_outlives_the_owner_of_its_pool),
        cmocka_unit_test(nothing_is_a_piece_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
