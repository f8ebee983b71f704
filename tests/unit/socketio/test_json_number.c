#include "socketio/json_number.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What JSON.stringify(JSON.parse(text)) gives. */
static const struct {
    const char *text, *canonical;
} numbers[] = {
    { "0", "0" },
    { "-0", "0" },
    { "0.0e5", "0" },
    { "1", "1" },
    { "-1", "-1" },
    { "1.0", "1" },
    { "1e3", "1000" },
    { "123456789012345", "123456789012345" },
    { "1234567890123456", "1234567890123456" },
    { "9007199254740991", "9007199254740991" },
    { "9007199254740993", "9007199254740992" },
    { "-9223372036854775808", "-9223372036854776000" },
    { "18446744073709551615", "18446744073709552000" },
    { "100000000000000000000", "100000000000000000000" },
    { "1e21", "1e+21" },
    { "123456789012345680000", "123456789012345680000" },
    { "1234567890123456800000", "1.2345678901234568e+21" },
    { "0.1", "0.1" },
    { "-0.25", "-0.25" },
    { "1.5", "1.5" },
    { "0.000001", "0.000001" },
    { "0.0000001", "1e-7" },
    { "1.25e-7", "1.25e-7" },
    { "0.30000000000000004", "0.30000000000000004" },
    { "1e300", "1e+300" },
    { "1.7976931348623157e308", "1.7976931348623157e+308" },
    { "5e-324", "5e-324" },
    { "2.2250738585072014e-308", "2.2250738585072014e-308" },
    { "4.9406564584124654e-324", "5e-324" },
    { "1e-400", "0" },
    { "1e400", "null" },
    { "-1e400", "null" },
    { "1e99999999999999999999", "null" },
    { "1e-99999999999999999999", "0" },
    { "0e99999999999999999999", "0" },
    { "5.6843418860808015e-14", "5.684341886080802e-14" },
    { "123.456E+2", "12345.6" },
    { "0.00001234500e-10", "1.2345e-15" },
};

static void assert_canonical(const char *text, const char *canonical)
{
    char out[SIO_JSON_NUMBER_MAX];
    size_t len = sio_json_number_write(out, sio_json_number_read(eio_slice_of(text)));

    assert_int_equal(len, strlen(canonical));
    assert_memory_equal(out, canonical, len);
}

static void numbers_are_written_as_node_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_canonical(numbers[i].text, numbers[i].canonical);
}

static void a_locale_changes_nothing(void **state)
{
    (void)state;
    (void)setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* a comma for a point, where there is one */
    numbers_are_written_as_node_writes_them(state);
    (void)setlocale(LC_NUMERIC, "C");
}

static void every_number_reads_back_equal(void **state)
{
    uint64_t bits = UINT64_C(0x9e3779b97f4a7c15);
    (void)state;

    for (int i = 0; i < 20000; i++) {
        char out[SIO_JSON_NUMBER_MAX];
        double value;
        bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407u;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        size_t len = sio_json_number_write(out, value);
        assert_true(len <= sizeof(out));
        double back = sio_json_number_read((eio_slice){ out, len });
        assert_memory_equal(&back, &value, sizeof(value));
    }
}

/* 1 + 2^-53 is a tie, which goes to the even 1; the least bit more, however far away, does not. */
static void a_digit_far_away_breaks_a_tie(void **state)
{
    static const char tie[] = "1.00000000000000011102230246251565404236316680908203125";
    char text[3000];
    (void)state;

    memset(text, '0', sizeof(text));
    memcpy(text, tie, sizeof(tie) - 1);
    assert_true(sio_json_number_read((eio_slice){ text, sizeof(text) }) == 1.0);
    text[sizeof(text) - 1] = '1';
    assert_true(sio_json_number_read((eio_slice){ text, sizeof(text) }) > 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_node_writes_them),
        cmocka_unit_test(a_locale_changes_nothing),
        cmocka_unit_test(every_number_reads_back_equal),
        cmocka_unit_test(a_digit_far_away_breaks_a_tie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
