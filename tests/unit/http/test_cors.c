#include "engineio/http/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const star[] = { "*", NULL };
static const char *const one[] = { "http://a.example", NULL };
static const char *const two[] = { "http://a.example", "http://b.example", NULL };
static const char *const none[] = { NULL };

static void origin_is_allowed_as_the_table_says(void **state)
{
    static const struct {
        const char *const *origins;
        bool reflect;
        const char *origin;
        const char *allowed; /* NULL: no header */
        bool varies;
    } table[] = {
        { NULL, false, "http://x", "*", false },
        { NULL, false, NULL, "*", false },
        { star, false, "http://x", "*", false },
        { NULL, true, "http://x", "http://x", true },
        { NULL, true, NULL, NULL, true },
        { one, false, "http://x", "http://a.example", true },
        { one, false, NULL, "http://a.example", true },
        { one, true, "http://a.example", "http://a.example", true },
        { one, true, "http://x", NULL, true },
        { two, false, "http://b.example", "http://b.example", true },
        { two, false, "http://b.example.evil", NULL, true },
        { two, false, "http://evil/http://b.example", NULL, true },
        { two, false, "HTTP://B.EXAMPLE", NULL, true },
        { two, false, "", NULL, true },
        { two, false, NULL, NULL, true },
        { none, false, "http://x", NULL, true },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        const eio_cors_options options = { .origins = table[i].origins,
                                           .reflect = table[i].reflect };
        bool varies = !table[i].varies;
        eio_slice allowed =
            eio_cors_allowed_origin(&options, eio_slice_of(table[i].origin), &varies);
        assert_true(eio_slice_equal(allowed, eio_slice_of(table[i].allowed)));
        assert_int_equal(allowed.base == NULL, table[i].allowed == NULL);
        assert_int_equal(varies, table[i].varies);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origin_is_allowed_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
