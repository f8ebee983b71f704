#include "socketio/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "socketio/json_plain.h"
#include "socketio/json_string.h"
#include "socketio/placeholder.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* In a block of its own size, so that a read past the end is seen. */
static int check_exactly(const char *text, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    if (len > 0)
        memcpy(copy, text, len);
    int rc = sio_json_check((eio_slice){ copy, len });
    free(copy);
    return rc;
}

static const char *const good[] = {
    "0",
    "-0",
    "10.25",
    "1e400",
    "-1E+2",
    "123456789012345678901234",
    "\"\"",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    " [ 1 , 2 ] ",
    "\t\r\n{}",
    "{\"a\":{\"b\":[{},[],\"\"]}}",
    "{\"a\":1,\"a\":2}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
    "\"\\ud800\"",
    "\"\xc3\xa9\x7f\xe2\x80\xa8\"",
    "\"1234567\"",
    "\"12345678\"",
    "\"123456789 and some more of it\"",
    "[\"\\u0041234567\",1]",
};

static const char *const bad[] = {
    "",
    " ",
    "01",
    "1.",
    ".5",
    "-",
    "+1",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "tru",
    "truex",
    "nul",
    "True",
    "'a'",
    "\"",
    "\"a",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\u",
    "\"a\nb\"",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "]",
    "[]]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\" 1}",
    "{1:1}",
    "{]",
    "[}",
    "[{\"a\":1]",
    "[] []",
    "1 2",
    "\"a\"b",
    "\"12345678\x1f\"",
    "\v1",
    "\xef\xbb\xbf[]",
    "// 1",
    "[1]\xc2\xa0",
    "\"1234567\t\"",
    "{\"a\":1 \"b\":2}",
};

static void check_accepts_what_json_parse_accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(check_exactly(good[i], strlen(good[i])), EIO_OK);
}

static void check_refuses_what_json_parse_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(check_exactly(bad[i], strlen(bad[i])), EIO_E_PROTOCOL);
    assert_int_equal(check_exactly("\"a\0b\"", 5), EIO_E_PROTOCOL);
    assert_int_equal(check_exactly("1\0", 2), EIO_E_PROTOCOL);
}

static void check_refuses_every_cut_of_a_text(void **state)
{
    static const char text[] =
        "{\"key\":[1.5e-3,\"a string with \\u00e9 and \\n\",{\"x\":null}],\"b\":[true,false]}";
    (void)state;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_int_equal(check_exactly(text, len), EIO_E_PROTOCOL);
    assert_int_equal(check_exactly(text, sizeof(text) - 1), EIO_OK);
}

static void check_finds_a_control_character_at_every_place(void **state)
{
    char text[41];
    (void)state;

    for (size_t len = 3; len < sizeof(text); len++) {
        for (size_t at = 1; at < len - 1; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, 0xc3, sizeof(text));
                text[0] = text[len - 1] = '"';
                text[at] = (char)c;
                bool fine = c >= ' ' && c != '"' && c != '\\';
                assert_int_equal(sio_json_check((eio_slice){ text, len }) == EIO_OK, fine);
            }
        }
    }
}

static void plain_runs_end_at_the_first_character_that_is_not_plain(void **state)
{
    enum { MOST = 700 };
    char *text = malloc(MOST);
    (void)state;

    assert_non_null(text);
    memset(text, 'a', MOST);
    for (size_t at = 0; at < MOST; at++) {
        const char *start = text + MOST - 1 - at; /* so that a read past the end is seen */
        assert_ptr_equal(sio_json_skip_plain(start, text + MOST), text + MOST);
        text[at] = "\"\\\x1f"[at % 3];
        for (size_t from = 0; from <= at; from += 1 + at / 8)
            assert_ptr_equal(sio_json_skip_plain(text + from, text + MOST), text + at);
        text[at] = 'a';
    }
    free(text);
}

/* `depth` levels around nothing, arrays and objects by turns. */
static size_t write_nested(char *text, size_t depth)
{
    size_t len = 0;

    for (size_t i = 0; i < depth; i++) {
        const char *open = i % 2 == 0 ? "[" : "{\"a\":";
        memcpy(text + len, open, strlen(open));
        len += strlen(open);
    }
    if (depth % 2 == 0)
        text[len++] = '1';
    for (size_t i = depth; i-- > 0;)
        text[len++] = i % 2 == 0 ? ']' : '}';
    return len;
}

static void depth_is_limited_to_128(void **state)
{
    char text[2000];
    eio_slice element;
    size_t count;
    (void)state;

    for (size_t depth = 127; depth <= 129; depth++) {
        int wanted = depth <= SIO_JSON_DEPTH_MAX ? EIO_OK : EIO_E_TOO_BIG;
        size_t len = write_nested(text, depth);
        assert_int_equal(sio_json_check((eio_slice){ text, len }), wanted);
        assert_int_equal(sio_json_split(&count, &element, 1, (eio_slice){ text, len }), wanted);
    }
    memset(text, '[', sizeof(text)); /* refused at the limit, whatever follows */
    text[sizeof(text) - 1] = ']';
    assert_int_equal(sio_json_check((eio_slice){ text, sizeof(text) }), EIO_E_TOO_BIG);
    text[sizeof(text) - 1] = '[';
    assert_int_equal(sio_json_check((eio_slice){ text, sizeof(text) }), EIO_E_PROTOCOL);
}

static void split_yields_elements_without_blanks(void **state)
{
    static const char *const wanted[] = { "1", "\"a,]\"", "{\"b\": [ ] }", "[[]]", "null" };
    static const char text[] = " [ 1 ,\"a,]\",{\"b\": [ ] } , [[]],null\n] ";
    eio_slice elements[COUNT(wanted)];
    size_t count;
    (void)state;

    assert_int_equal(sio_json_split(&count, elements, COUNT(wanted), eio_slice_of(text)), EIO_OK);
    assert_int_equal(count, COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_true(eio_slice_equal(elements[i], eio_slice_of(wanted[i])));
    assert_int_equal(sio_json_split(&count, elements, COUNT(wanted) - 1, eio_slice_of(text)),
                     EIO_E_LIMIT);
    assert_int_equal(sio_json_split(&count, elements, 1, EIO_STR("{}")), EIO_E_PROTOCOL);
    assert_int_equal(sio_json_split(&count, elements, 1, EIO_STR("")), EIO_E_PROTOCOL);
    assert_int_equal(sio_json_split(&count, elements, 0, EIO_STR("[ ]")), EIO_OK);
    assert_int_equal(count, 0);
}

/* The text in a block of its own size, so that a read past the end is seen. */
static void assert_split_agrees_with_check(const char *text, size_t len)
{
    eio_slice copy = { memcpy(malloc(len), text, len), len };
    eio_slice elements[8];
    size_t count = 0;

    int rc = sio_json_split(&count, elements, COUNT(elements), copy);
    assert_int_equal(rc, sio_json_check(copy));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sio_json_check(elements[i]), EIO_OK);
    free((char *)(uintptr_t)copy.base);
}

static void split_and_check_agree(void **state)
{
    char within[64];
    (void)state;

    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        const char *text = i < COUNT(good) ? good[i] : bad[i - COUNT(good)];
        if (text[strspn(text, " \t\r\n")] == '[')
            assert_split_agrees_with_check(text, strlen(text));
        static const char *const around[][2] = {
            { "[", "]" }, { "[1,", "]" }, { "[", ",2]" }, { "[[", "]]" }, { "[{\"a\":", "}]" },
        };
        for (size_t n = 0; n < COUNT(around); n++) {
            int len = snprintf(within, sizeof(within), "%s%s%s", around[n][0], text, around[n][1]);
            assert_split_agrees_with_check(within, (size_t)len);
        }
    }
}

static void split_refuses_every_cut_of_an_array(void **state)
{
    static const char text[] = "[\"a\",[1,{\"b\":[]}],-1.5e3,true , {\"c\":\"\\n\"}]";
    (void)state;

    for (size_t len = 1; len < sizeof(text); len++)
        assert_split_agrees_with_check(text, len);
}

typedef struct string_vector {
    eio_slice json;
    eio_slice value;
    bool canonical; /* JSON.stringify(value) is json */
} string_vector;

static const string_vector strings[] = {
    { TEXT("\"\""), TEXT(""), true },
    { TEXT("\"abc\""), TEXT("abc"), true },
    { TEXT("\"\\\"\\\\\\b\\f\\n\\r\\t\""), TEXT("\"\\\b\f\n\r\t"), true },
    { TEXT("\"\\u0000\\u001f\x7f/\""), TEXT("\0\x1f\x7f/"), true },
    { TEXT("\"\xe2\x80\xa8 12345678 \\\" \xf0\x9f\x98\x80\""),
      TEXT("\xe2\x80\xa8 12345678 \" \xf0\x9f\x98\x80"), true },
    { TEXT("\"\\/\\u00e9\\u20AC\""), TEXT("/\xc3\xa9\xe2\x82\xac"), false },
    { TEXT("\"\\ud83d\\ude00\""), TEXT("\xf0\x9f\x98\x80"), false },
    { TEXT("\"\\uDBFF\\uDFFF\""), TEXT("\xf4\x8f\xbf\xbf"), false },
    { TEXT("\"\\ud800\""), TEXT("\xef\xbf\xbd"), false },
    { TEXT("\"\\ud800\\ud800\\udc00\""), TEXT("\xef\xbf\xbd\xf0\x90\x80\x80"), false },
    { TEXT("\"\\udc00x\\ud800\\n\""), TEXT("\xef\xbf\xbdx\xef\xbf\xbd\n"), false },
};

static void strings_decode_to_utf8(void **state)
{
    char out[64];
    (void)state;

    for (size_t i = 0; i < COUNT(strings); i++) {
        const string_vector *v = &strings[i];
        assert_int_equal(sio_json_check(v->json), EIO_OK);
        size_t len = sio_json_string_decode(out, v->json);
        assert_int_equal(len, v->value.len);
        assert_memory_equal(out, v->value.base, len);
        assert_int_equal(sio_json_string_has_escapes(v->json),
                         memchr(v->json.base, '\\', v->json.len) != NULL);
    }
}

static void strings_encode_as_json_stringify_does(void **state)
{
    char out[64];
    (void)state;

    for (size_t i = 0; i < COUNT(strings); i++) {
        const string_vector *v = &strings[i];
        if (!v->canonical)
            continue;
        assert_int_equal(sio_json_string_encoded_len(v->value), v->json.len);
        assert_ptr_equal(sio_json_string_encode(out, v->value), out + v->json.len);
        assert_memory_equal(out, v->json.base, v->json.len);
    }
    assert_ptr_equal(sio_json_string_encode(out, (eio_slice){ NULL, 0 }), out + 2);
}

typedef struct placeholder_vector {
    const char *text;
    const char *nums; /* one character a placeholder; ! is a bad one */
} placeholder_vector;

static const placeholder_vector placeholders[] = {
    { "[1,\"_placeholder\",{\"num\":1}]", "" },
    { "{\"_placeholder\":true,\"num\":0}", "0" },
    { "{\"num\" : 3 , \"x\":[{\"y\":\"}\"}] , \"_placeholder\" : true }", "3" },
    { "[{\"_placeholder\":true,\"num\":1},{\"a\":{\"_placeholder\":true,\"num\":0}}]", "10" },
    { "{\"_placeholder\":true,\"num\":7,\"num\":2}", "2" },
    { "{\"_placeholder\":true,\"num\":2,\"num\":{\"num\":3}}", "!" },
    { "{\"_placeholder\":true,\"_placeholder\":1,\"num\":2}", "" },
    { "{\"_placeholder\":\"true\",\"num\":2}", "" },
    { "{\"\\u005fplaceholder\":true,\"n\\u0075m\":4}", "4" },
    { "{\"_placeholder\":true}", "!" },
    { "{\"_placeholder\":true,\"num\":\"0\"}", "!" },
    { "{\"_placeholder\":true,\"num\":-1}", "!" },
    { "{\"_placeholder\":true,\"num\":0.5}", "!" },
    { "{\"_placeholder\":true,\"num\":1e0}", "!" },
    { "{\"_placeholder\":true,\"num\":4294967296}", "!" },
    { "{\"_placeholder\":true,\"num\":1,\"in\":{\"_placeholder\":true,\"num\":9}}", "1" },
    { "{\"_placeholder\":false,\"num\":1,\"in\":{\"_placeholder\":true,\"num\":9}}", "9" },
};

static void placeholders_are_found_wherever_they_stand(void **state)
{
    sio_placeholders list;
    (void)state;

    for (size_t i = 0; i < COUNT(placeholders); i++) {
        eio_slice text = eio_slice_of(placeholders[i].text);
        assert_int_equal(sio_json_check(text), EIO_OK);
        sio_placeholders_init(&list);
        assert_int_equal(sio_placeholders_find(&list, &text, 1), EIO_OK);
        assert_int_equal(list.count, strlen(placeholders[i].nums));
        for (size_t n = 0; n < list.count; n++) {
            char num = placeholders[i].nums[n];
            assert_int_equal(list.items[n].num,
                             num == '!' ? SIO_PLACEHOLDER_BAD : (unsigned)(num - '0'));
        }
        sio_placeholders_fini(&list);
    }
}

static void placeholders_know_their_text(void **state)
{
    eio_slice texts[] = { EIO_STR("1"), EIO_STR("{\"_placeholder\":true,\"num\":25}") };
    sio_placeholders list;
    (void)state;

    sio_placeholders_init(&list);
    assert_int_equal(sio_placeholders_find(&list, texts, 2), EIO_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].text, 1);
    assert_ptr_equal(list.items[0].digits.base, texts[1].base + 27);
    assert_int_equal(list.items[0].digits.len, 2);
    sio_placeholders_fini(&list);
}

/* The usual one is told as a whole: what looks like it at first is JSON like any other. */
static void elements_that_begin_as_placeholders_are_checked(void **state)
{
    static const struct {
        const char *text;
        size_t count; /* 0: not JSON */
    } cases[] = {
        { "[{\"_placeholder\":true,\"num\":0}]", 1 },
        { "[{\"_placeholder\":true,\"num\":12},{\"_placeholder\":true,\"num\":1}]", 2 },
        { "[{\"_placeholder\":true,\"num\":1234567890}]", 1 },
        { "[{\"_placeholder\":true,\"num\":1.5}]", 1 },
        { "[{\"_placeholder\":true,\"num\":1,\"x\":[]}]", 1 },
        { "[{\"_placeholder\":true,\"num\":1} , 2]", 2 },
        { "[{\"_placeholder\":true,\"num\":01}]", 0 },
        { "[{\"_placeholder\":true,\"num\":}]", 0 },
        { "[{\"_placeholder\":true,\"num\":1]", 0 },
        { "[{\"_placeholder\":true,\"num\":1}}]", 0 },
        { "[{\"_placeholder\":true,\"num\":1]}", 0 },
    };
    eio_slice elements[4];
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        eio_slice text = eio_slice_of(cases[i].text);
        size_t count = 0;
        int rc = sio_json_split(&count, elements, COUNT(elements), text);
        assert_int_equal(rc, cases[i].count > 0 ? EIO_OK : EIO_E_PROTOCOL);
        assert_int_equal(count, cases[i].count);
    }
}

static void many_placeholders_are_found(void **state)
{
    enum { MANY = 1000 };
    eio_slice texts[MANY];
    sio_placeholders list;
    (void)state;

    for (size_t i = 0; i < MANY; i++)
        texts[i] = EIO_STR("{\"_placeholder\":true,\"num\":7}");
    sio_placeholders_init(&list);
    assert_int_equal(sio_placeholders_find(&list, texts, MANY), EIO_OK);
    assert_int_equal(list.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(list.items[i].text, i);
        assert_int_equal(list.items[i].num, 7);
    }
    sio_placeholders_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_accepts_what_json_parse_accepts),
        cmocka_unit_test(check_refuses_what_json_parse_refuses),
        cmocka_unit_test(check_refuses_every_cut_of_a_text),
        cmocka_unit_test(check_finds_a_control_character_at_every_place),
        cmocka_unit_test(plain_runs_end_at_the_first_character_that_is_not_plain),
        cmocka_unit_test(depth_is_limited_to_128),
        cmocka_unit_test(split_yields_elements_without_blanks),
        cmocka_unit_test(split_and_check_agree),
        cmocka_unit_test(split_refuses_every_cut_of_an_array),
        cmocka_unit_test(strings_decode_to_utf8),
        cmocka_unit_test(strings_encode_as_json_stringify_does),
        cmocka_unit_test(placeholders_are_found_wherever_they_stand),
        cmocka_unit_test(placeholders_know_their_text),
        cmocka_unit_test(elements_that_begin_as_placeholders_are_checked),
        cmocka_unit_test(many_placeholders_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
