#include "engineio/jsonp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* Node's transport was asked about each, but for repeated fields, which it never answers. */
static const struct {
    eio_slice form, payload;
} forms[] = {
    { TEXT("d=2%3A4a"), TEXT("2:4a") },
    { TEXT("d=6:4hello"), TEXT("6:4hello") },
    { TEXT("x=1&d=1%3A6&y"), TEXT("1:6") },
    { TEXT("d=a+b%2Bc"), TEXT("a b+c") },
    { TEXT("d="), TEXT("") },
    { TEXT("d"), TEXT("") },
    { TEXT("%64=1"), TEXT("1") },
    { TEXT("d=100%&e"), TEXT("100%") },
    { TEXT("d=a%5Cnb"), TEXT("a\nb") },
    { TEXT("d=a%5C%5Cnb"), TEXT("a\\nb") },
    { TEXT("d=a\\\\\\nb"), TEXT("a\\\\nb") },
    { TEXT("d=a\\\\\\\\nb"), TEXT("a\\\\\\nb") },
    { TEXT("d=\\n\\n\\\\n\\n"), TEXT("\n\n\\n\n") },
    { TEXT("d=\\\\"), TEXT("\\\\") },
    { TEXT("d=\\t\\\\t\\"), TEXT("\\t\\\\t\\") },
    { TEXT("d=%E2%82%AC"), TEXT("\xe2\x82\xac") },
    { TEXT("d=%FF"), TEXT("\xff") },
    { TEXT("d=1&d=2"), TEXT("2") },
};

static void decoder_takes_the_payload_out_of_a_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        size_t len = forms[i].form.len;
        char *body = malloc(len);
        memcpy(body, forms[i].form.base, len);
        assert_int_equal(eio_jsonp_decode(body, &len), EIO_OK);
        assert_int_equal(len, forms[i].payload.len);
        assert_memory_equal(body, forms[i].payload.base, len);
        free(body);
    }
}

static void decoder_refuses_a_form_without_the_field(void **state)
{
    static const char *const others[] = { "", "D=1", "e=d=1", "dd=1", "&&", "=d" };
    (void)state;

    for (size_t i = 0; i < COUNT(others); i++) {
        size_t len = strlen(others[i]);
        char *body = strdup(others[i]);
        assert_int_equal(eio_jsonp_decode(body, &len), EIO_E_PROTOCOL);
        free(body);
    }
}

static const struct {
    eio_slice index, payload, script;
} scripts[] = {
    { TEXT("0"), TEXT("2:40"), TEXT("___eio[0](\"2:40\");") },
    { TEXT("a1b2)x"), TEXT(""), TEXT("___eio[12](\"\");") },
    { TEXT(""), TEXT("a"), TEXT("___eio[](\"a\");") },
    { TEXT("3"), TEXT("\"\\/\b\f\n\r\t\x01\x1f\x7f"),
      TEXT("___eio[3](\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\");") },
    { TEXT("3"), TEXT("a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x82\xac</script>"),
      TEXT("___eio[3](\"a\\u2028\\u2029\xe2\x80\xaa\xe2\x82\xac</script>\");") },
    { TEXT("3"), TEXT("\xe2\x80"), TEXT("___eio[3](\"\xe2\x80\");") },
};

static void encoder_writes_a_script(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++) {
        eio_buffer *out = NULL;
        assert_int_equal(eio_jsonp_encode(&out, scripts[i].index, scripts[i].payload), EIO_OK);
        assert_int_equal(eio_buffer_slice(out).len, scripts[i].script.len);
        assert_memory_equal(eio_buffer_slice(out).base, scripts[i].script.base,
                            scripts[i].script.len);
        eio_buffer_unref(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_takes_the_payload_out_of_a_form),
        cmocka_unit_test(decoder_refuses_a_form_without_the_field),
        cmocka_unit_test(encoder_writes_a_script),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
