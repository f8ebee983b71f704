#include "engineio/http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void cookie_is_found_where_the_table_says(void **state)
{
    static const struct {
        const char *header;
        const char *value; /* of the cookie "io"; NULL: absent */
    } table[] = {
        { "io=abc", "abc" },
        { "a=b; io=abc; c=d", "abc" },
        { "a=b;io=abc;c=d", "abc" },
        { " io = abc ; c", "abc" },
        { "io=1; io=2", "1" },
        { "io=a=b", "a=b" },
        { "io=", "" },
        { "io", NULL },
        { "xio=abc", NULL },
        { "IO=abc", NULL },
        { "a=io=b", NULL },
        { "", NULL },
        { ";;;=;", NULL },
        { "io=\"q\"", "\"q\"" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        eio_slice value = eio_cookie_find(eio_slice_of(table[i].header), EIO_STR("io"));
        assert_int_equal(value.base == NULL, table[i].value == NULL);
        assert_true(eio_slice_equal(value, eio_slice_of(table[i].value)));
    }
}

static void assert_cookie(const eio_cookie_options *options, const char *expected)
{
    char out[160];
    size_t len = eio_cookie_format(out, sizeof(out), options, EIO_STR("sid"));

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void cookie_is_written_with_the_defaults_of_a_handshake(void **state)
{
    (void)state;
    assert_cookie(&(eio_cookie_options){ 0 }, "io=sid; Path=/; HttpOnly; SameSite=Lax");
}

static void cookie_is_written_in_the_order_of_nodes_package(void **state)
{
    (void)state;
    assert_cookie(&(eio_cookie_options){ .name = "x",
                                         .path = "/p",
                                         .domain = "d.example",
                                         .secure = true,
                                         .same_site = "NONE",
                                         .max_age_s = 60 },
                  "x=sid; Max-Age=60; Domain=d.example; Path=/p; HttpOnly; Secure; SameSite=None");
    assert_cookie(&(eio_cookie_options){ .path = "", .no_http_only = true, .same_site = "" },
                  "io=sid");
    assert_cookie(&(eio_cookie_options){ .same_site = "strict", .max_age_s = -1 },
                  "io=sid; Max-Age=0; Path=/; HttpOnly; SameSite=Strict");
    assert_cookie(
        &(eio_cookie_options){
            .secure = true, .expires_s = 784111777, .partitioned = true, .priority = "high" },
        "io=sid; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; Secure; "
        "Partitioned; Priority=High; SameSite=Lax");
}

static void cookie_is_not_written_when_it_would_say_something_else(void **state)
{
    char out[16];
    const eio_cookie_options plain = { .path = "", .no_http_only = true, .same_site = "" };
    const eio_cookie_options sly = { .path = "/; Domain=evil.example" };
    (void)state;

    assert_int_equal(eio_cookie_format(out, sizeof(out), &plain, EIO_STR("0123456789abc")), 16);
    assert_int_equal(eio_cookie_format(out, sizeof(out), &plain, EIO_STR("0123456789abcd")), 0);
    assert_int_equal(eio_cookie_format(out, sizeof(out), &plain, EIO_STR("a;b")), 0);
    assert_int_equal(eio_cookie_format(out, sizeof(out), &plain, EIO_STR("a\r\nb")), 0);
    assert_int_equal(eio_cookie_format(out, sizeof(out), &sly, EIO_STR("a")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookie_is_found_where_the_table_says),
        cmocka_unit_test(cookie_is_written_with_the_defaults_of_a_handshake),
        cmocka_unit_test(cookie_is_written_in_the_order_of_nodes_package),
        cmocka_unit_test(cookie_is_not_written_when_it_would_say_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
