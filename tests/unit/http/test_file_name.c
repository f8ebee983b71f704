#include "engineio/http/file_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void path_names_the_file_that_the_table_says(void **state)
{
    static const struct {
        const char *path;
        const char *name; /* segments joined by '|'; NULL: refused */
    } table[] = {
        { "", "index.html" },
        { "/", "index.html" },
        { "/a", "a" },
        { "a", "a" },
        { "/a/", "a|index.html" },
        { "/a/b.js", "a|b.js" },
        { "/a%20b", "a b" },
        { "/%61", "a" },
        { "/a+b", "a+b" },
        { "/a%", "a%" },
        { "/..", NULL },
        { "/../a", NULL },
        { "/a/../b", NULL },
        { "/%2e%2e/a", NULL },
        { "/.%2E/a", NULL },
        { "/a/%2e%2e", NULL },
        { "/..%2fa", NULL },
        { "/a%2fb", NULL },
        { "/a%2F..%2Fb", NULL },
        { "/a%5cb", NULL },
        { "/..\\a", NULL },
        { "/a%00", NULL },
        { "/a%00.js", NULL },
        { "//a", NULL },
        { "/a//b", NULL },
        { "/a//", NULL },
        { "/.", NULL },
        { "/.git/config", NULL },
        { "/a/.hidden", NULL },
        { "/%2egit", NULL },
        { "/a%0ab", NULL },
        { "/%252e%252e", "%2e%2e" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        char out[64];
        eio_slice path = eio_slice_of(table[i].path);
        bool taken = eio_file_segments(out, path);
        assert_int_equal(taken, table[i].name != NULL);
        if (!taken)
            continue;
        for (size_t at = 0; out[at] != '\0' || out[at + 1] != '\0'; at++)
            if (out[at] == '\0')
                out[at] = '|';
        assert_string_equal(out, table[i].name);
    }
}

static void type_follows_the_extension(void **state)
{
    (void)state;

    assert_string_equal(eio_file_type("index.html"), "text/html; charset=utf-8");
    assert_string_equal(eio_file_type("a.b.JS"), "application/javascript; charset=utf-8");
    assert_string_equal(eio_file_type("a.js.map"), "application/json; charset=utf-8");
    assert_string_equal(eio_file_type("js"), "application/octet-stream");
    assert_string_equal(eio_file_type("a."), "application/octet-stream");
}

static void text_is_told_from_what_is_compressed_already(void **state)
{
    static const char *const texts[] = { "a.html", "a.css", "a.js", "a.map", "a.svg", "a.txt" };
    static const char *const others[] = { "a.png", "a.woff2", "a.mp4", "a.gz", "a" };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(eio_type_is_text(eio_file_type(texts[i])));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(eio_type_is_text(eio_file_type(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_names_the_file_that_the_table_says),
        cmocka_unit_test(type_follows_the_extension),
        cmocka_unit_test(text_is_told_from_what_is_compressed_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
