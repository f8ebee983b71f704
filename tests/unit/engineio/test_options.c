#include "engineio/options.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void compression_has_the_defaults_of_node(void **state)
{
    eio_options options;
    eio_options copy;
    (void)state;

    eio_options_init(&options);
    assert_null(options.per_message_deflate);
    assert_false(options.no_http_compression);
    options.http_compression_threshold = 0;
    assert_int_equal(eio_options_copy(&copy, &options, NULL), EIO_OK);
    assert_int_equal(copy.http_compression_threshold, 1024);
    assert_null(copy.per_message_deflate);
    eio_options_fini(&copy);
}

/* "No limit" is not a setting. */
static void zero_means_the_default(void **state)
{
    eio_options defaults;
    eio_options zeros = { .size = sizeof(zeros), .path = "/engine.io" };
    eio_options copy;
    (void)state;

    eio_options_init(&defaults);
    assert_int_equal(eio_options_copy(&copy, &zeros, NULL), EIO_OK);
    assert_int_equal(copy.ping_interval_ms, defaults.ping_interval_ms);
    assert_int_equal(copy.ping_timeout_ms, defaults.ping_timeout_ms);
    assert_int_equal(copy.upgrade_timeout_ms, defaults.upgrade_timeout_ms);
    assert_int_equal(copy.close_timeout_ms, defaults.close_timeout_ms);
    assert_int_equal(copy.max_payload_bytes, defaults.max_payload_bytes);
    assert_int_equal(copy.max_buffered_bytes, defaults.max_buffered_bytes);
    assert_int_equal(copy.transports, defaults.transports);
    assert_true(copy.max_payload_bytes > 0 && copy.max_buffered_bytes > 0);
    eio_options_fini(&copy);
}

static void options_of_deflate_are_copied(void **state)
{
    eio_deflate_options deflate = { .threshold = 10, .server_max_window_bits = 9 };
    eio_options options;
    eio_options copy;
    (void)state;

    eio_options_init(&options);
    options.per_message_deflate = &deflate;
    assert_int_equal(eio_options_copy(&copy, &options, NULL), EIO_OK);
    deflate.threshold = 20;
    assert_int_equal(copy.per_message_deflate->threshold, 10);
    assert_int_equal(copy.per_message_deflate->server_max_window_bits, 9);
    eio_options_fini(&copy);
}

static void options_of_deflate_out_of_range_are_refused_by_their_name(void **state)
{
    const eio_deflate_options deflate = { .client_max_window_bits = 16 };
    eio_options options;
    eio_options copy;
    eio_error why;
    (void)state;

    eio_options_init(&options);
    options.per_message_deflate = &deflate;
    assert_int_equal(eio_options_copy(&copy, &options, &why), EIO_E_INVALID);
    assert_string_equal(why.text, "per_message_deflate: client_max_window_bits is not 8 to 15");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compression_has_the_defaults_of_node),
        cmocka_unit_test(zero_means_the_default),
        cmocka_unit_test(options_of_deflate_are_copied),
        cmocka_unit_test(options_of_deflate_out_of_range_are_refused_by_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
