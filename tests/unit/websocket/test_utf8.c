#include "engineio/websocket/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Feed in pieces of `piece` bytes. The index of the first bad byte, or the length. */
static size_t feed_in_pieces(eio_utf8 *state, eio_slice text, size_t piece)
{
    size_t at = 0;

    *state = (eio_utf8){ 0 };
    while (at < text.len) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        size_t good = eio_utf8_feed(state, (eio_slice){ text.base + at, len });
        if (good < len)
            return at + good;
        at += len;
    }
    return at;
}

static void validator_accepts_text_however_it_is_cut(void **state)
{
    static const char *const texts[] = {
        "",
        "plain",
        "exactly thirty-two bytes of text",
        "more than thirty-two bytes of text, and then \xe2\x82\xac",
        "\xc2\x80\xdf\xbf",
        "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
        "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
        "\xd0\xbf\xd0\xbe\xd0\xb9\xd0\xb4\xd1\x83 \xd1\x81\xd0\xbf\xd0\xb0\xd1\x82\xd1\x8c",
        "1234567\xf0\x9f\x98\x80 12345678\xf0\x9f\x98\x80",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++) {
        eio_slice text = eio_slice_of(texts[i]);
        for (size_t piece = 1; piece <= text.len + 1; piece++) {
            eio_utf8 utf8;
            assert_int_equal(feed_in_pieces(&utf8, text, piece), text.len);
            assert_true(eio_utf8_is_whole(&utf8));
        }
        assert_true(eio_utf8_is_valid(text));
    }
}

static void validator_stops_at_the_first_bad_byte(void **state)
{
    static const struct {
        const char *text;
        size_t bad;
    } cases[] = {
        { "\x80", 0 },
        { "a\xbf", 1 },
        { "\xc0\xaf", 0 },
        { "\xc1\xbf", 0 },
        { "\xc3(", 1 },
        { "\xe0\x9f\xbf", 1 },
        { "\xe2\x28\xa1", 1 },
        { "\xe2\x82(", 2 },
        { "\xed\xa0\x80", 1 },
        { "\xf0\x8f\xbf", 1 },
        { "\xf0\x9f\x98z", 3 },
        { "\xf4\x90\x80\x80", 1 },
        { "\xf5\x80", 0 },
        { "\xff", 0 },
        { "ok\xfe", 2 },
        { "\xc3\xc3", 1 },
        { "12345678\xc3\xa9\xff", 10 },
        { "thirty-two bytes of ASCII before\xa0", 32 },
        { "in the middle of a word of it \xc0 and after that more of it", 30 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        eio_slice text = eio_slice_of(cases[i].text);
        for (size_t piece = 1; piece <= text.len; piece++) {
            eio_utf8 utf8;
            assert_int_equal(feed_in_pieces(&utf8, text, piece), cases[i].bad);
        }
        assert_false(eio_utf8_is_valid(text));
    }
}

static void validator_knows_that_a_character_is_not_whole(void **state)
{
    static const char *const texts[] = { "\xc3", "\xe2\x82", "a\xf0", "\xf0\x9f", "\xf0\x9f\x98" };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++) {
        eio_slice text = eio_slice_of(texts[i]);
        eio_utf8 utf8;
        assert_int_equal(feed_in_pieces(&utf8, text, text.len), text.len);
        assert_false(eio_utf8_is_whole(&utf8));
        assert_false(eio_utf8_is_valid(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validator_accepts_text_however_it_is_cut),
        cmocka_unit_test(validator_stops_at_the_first_bad_byte),
        cmocka_unit_test(validator_knows_that_a_character_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
