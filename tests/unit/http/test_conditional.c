#include "engineio/http/conditional.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void tag_is_found_in_lists(void **state)
{
    static const struct {
        const char *list;
        bool matches; /* W/"a" */
    } table[] = {
        { "\"a\"", true },       { "W/\"a\"", true }, { "\"b\", W/\"a\"", true },
        { "\"b\",\"a\"", true }, { "*", true },       { "\"b\"", false },
        { "a", false },          { "\"a", false },    { "", false },
        { "\"ba\"", false },     { "W/", false },     { "\"b, \"a\"", false },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(eio_etag_matches(eio_slice_of(table[i].list), EIO_STR("W/\"a\"")),
                         table[i].matches);
}

static void tag_decides_before_the_date(void **state)
{
    const eio_slice date = EIO_STR("Sun, 06 Nov 1994 08:49:37 GMT");
    const eio_slice absent = { NULL, 0 };
    const eio_slice tag = EIO_STR("\"a\"");
    const eio_slice other = EIO_STR("\"b\"");
    const time_t at = 784111777;
    (void)state;

    assert_true(eio_is_fresh(tag, absent, tag, at));
    assert_false(eio_is_fresh(other, date, tag, at));
    assert_true(eio_is_fresh(absent, date, tag, at));
    assert_false(eio_is_fresh(absent, date, tag, at + 1));
    assert_false(eio_is_fresh(absent, EIO_STR("yesterday"), tag, at));
    assert_false(eio_is_fresh(absent, absent, tag, at));
}

static void range_is_read_as_the_table_says(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
        eio_range_result result;
        uint64_t first;
        uint64_t len;
    } table[] = {
        { "bytes=0-0", 10, EIO_RANGE_PART, 0, 1 },
        { "bytes=2-4", 10, EIO_RANGE_PART, 2, 3 },
        { "bytes=2-", 10, EIO_RANGE_PART, 2, 8 },
        { "bytes=2-99", 10, EIO_RANGE_PART, 2, 8 },
        { "bytes=-3", 10, EIO_RANGE_PART, 7, 3 },
        { "bytes=-30", 10, EIO_RANGE_PART, 0, 10 },
        { "bytes=9-18446744073709551615", 10, EIO_RANGE_PART, 9, 1 },
        { "bytes=10-", 10, EIO_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-0", 10, EIO_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=0-", 0, EIO_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-1", 0, EIO_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=4-2", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=1-2,4-5", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=-", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=a-b", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=1 -2", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "lines=1-2", 10, EIO_RANGE_WHOLE, 0, 0 },
        { "bytes=18446744073709551616-", 10, EIO_RANGE_WHOLE, 0, 0 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t first = 0;
        uint64_t len = 0;
        assert_int_equal(eio_range_parse(eio_slice_of(table[i].text), table[i].size, &first, &len),
                         table[i].result);
        assert_int_equal(first, table[i].first);
        assert_int_equal(len, table[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tag_is_found_in_lists),
        cmocka_unit_test(tag_decides_before_the_date),
        cmocka_unit_test(range_is_read_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
