#include "engineio/http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engineio/http.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void query_gives_the_value_that_the_table_says(void **state)
{
    static const struct {
        const char *query;
        const char *name;
        const char *value; /* NULL: absent */
    } table[] = {
        { "EIO=4&transport=polling", "transport", "polling" },
        { "EIO=4&EIO=3", "EIO", "3" },
        { "sid=", "sid", "" },
        { "sid", "sid", "" },
        { "a=1", "b", NULL },
        { "", "a", NULL },
        { "&&a=1&&", "a", "1" },
        { "a=b=c", "a", "b=c" },
        { "a=1+2%2B3", "a", "1 2+3" },
        { "a=%zz%4", "a", "%zz%4" },
        { "%61%20b=1", "a b", "1" },
        { "a+b=1", "a b", "1" },
        { "ab=1", "a", NULL },
        { "a=1", "ab", NULL },
        { "=1", "", "1" },
        { "a=0123456789abcdef", "a", "0123456789abcdef" },
        { "a=0123456789abcdefg", "a", NULL }, /* does not fit */
        { "a=%30%31%32%33%34%35%36%37%38%39abcdef", "a", "0123456789abcdef" },
    };
    char out[16];
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        eio_slice value =
            eio_query_get(eio_slice_of(table[i].query), table[i].name, out, sizeof(out));
        if (table[i].value == NULL)
            assert_null(value.base);
        else
            assert_non_null(value.base);
        assert_true(eio_slice_equal(value, eio_slice_of(table[i].value)));
    }
}

static void query_of_nothing_has_no_parameters(void **state)
{
    char out[4];
    (void)state;

    assert_null(eio_query_get((eio_slice){ NULL, 0 }, "a", out, sizeof(out)).base);
}

static void query_decodes_every_byte_that_is_escaped(void **state)
{
    (void)state;

    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        char out[4];
        int len = snprintf(text, sizeof(text), byte % 2 == 0 ? "%%%02x" : "%%%02X", byte);
        assert_int_equal(eio_query_decode((eio_slice){ text, (size_t)len }, out), 1);
        assert_int_equal((unsigned char)out[0], byte);
    }
}

static void path_keeps_its_plus_signs(void **state)
{
    char out[8];
    (void)state;

    assert_int_equal(eio_percent_decode(EIO_STR("a+%2B%"), out), 4);
    assert_memory_equal(out, "a++%", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_gives_the_value_that_the_table_says),
        cmocka_unit_test(query_of_nothing_has_no_parameters),
        cmocka_unit_test(query_decodes_every_byte_that_is_escaped),
        cmocka_unit_test(path_keeps_its_plus_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
