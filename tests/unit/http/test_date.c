#include "engineio/http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void date_is_written_and_read_as_the_rfc_shows(void **state)
{
    char out[EIO_HTTP_DATE_LEN + 1];
    time_t at;
    (void)state;

    eio_http_format_date(out, 784111777);
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(eio_http_parse_date(&at, eio_slice_of(out)));
    assert_int_equal(at, 784111777);
}

static void date_survives_being_written_and_read(void **state)
{
    char out[EIO_HTTP_DATE_LEN + 1];
    (void)state;

    for (time_t at = 0; at < 4000000000; at += 86399 * 7) {
        time_t again;
        eio_http_format_date(out, at);
        assert_true(eio_http_parse_date(&again, eio_slice_of(out)));
        assert_int_equal(again, at);
    }
}

static void date_that_is_written_otherwise_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
    };
    time_t at;
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(eio_http_parse_date(&at, eio_slice_of(texts[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_is_written_and_read_as_the_rfc_shows),
        cmocka_unit_test(date_survives_being_written_and_read),
        cmocka_unit_test(date_that_is_written_otherwise_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
