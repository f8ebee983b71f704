#include "chat/rooms/validation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chat/number.h"
#include "chat/rate.h"

static const chat_text_limits limits = { 256, 65536 };

static const char *check(const char *json, unsigned wants)
{
    chat_fields fields;
    const char *error = chat_fields_read(&fields, eio_slice_of(json), true, wants, &limits);

    chat_fields_fini(&fields);
    return error;
}

static void assert_room(const char *json, const char *expected)
{
    chat_fields fields;

    assert_null(chat_fields_read(&fields, eio_slice_of(json), true, 0, &limits));
    assert_int_equal(fields.room.len, strlen(expected));
    assert_memory_equal(fields.room.base, expected, strlen(expected));
    chat_fields_fini(&fields);
}

static void fields_are_found_wherever_they_stand(void **state)
{
    (void)state;
    assert_room("{\"roomId\":\"a\"}", "a");
    assert_room(" { \"x\" : [1,{\"roomId\":\"no\"}] , \"roomId\" : \"a\" , \"y\":\"}\" } ", "a");
    assert_room("{\"roomId\":\"first\",\"roomId\":\"last\"}", "last");
    assert_room("{\"room\\u0049d\":\"a\"}", "a");
    assert_room("{\"a\\\"roomId\":1,\"roomId\":\"\\u00e4\\/!\"}", "\xc3\xa4/!");
}

/* A payload, and what of it is refused. */
static const struct {
    const char *json;
    unsigned wants;
    const char *error; /* how it begins; NULL: none */
} cases[] = {
    { "", 0, "The payload" },
    { "null", 0, "The payload" },
    { "\"text\"", 0, "The payload" },
    { "7", 0, "The payload" },
    { "[]", 0, "The payload" },
    { "[{\"roomId\":\"a\"}]", 0, "The payload" },
    { "{}", 0, "Room id" },
    { "{\"roomId\":\"\"}", 0, "Room id" },
    { "{\"roomId\":null}", 0, "Room id" },
    { "{\"roomId\":true}", 0, "Room id" },
    { "{\"roomId\":[\"a\"]}", 0, "Room id" },
    { "{\"roomId\":{\"a\":1}}", 0, "Room id" },
    { "{\"roomId\":1e999}", 0, "Room id" },
    { "{\"roomId\":\"a::b\"}", 0, "Room id" },
    { "{\"roomId\":\"a:\"}", 0, "Room id" },
    { "{\"roomId\":\":\"}", 0, "Room id" },
    { "{\"roomId\":\":a:b\"}", 0, NULL },
    { "{\"roomId\":\"a\\u0000b\"}", 0, "Room id" },
    { "{\"roomId\":\"a\\nb\"}", 0, "Room id" },
    { "{\"roomId\":\"a\\u007f\"}", 0, "Room id" },
    { "{\"roomId\":\"a\\u0085\"}", 0, "Room id" },
    { "{\"roomId\":\"a\\u00a0\"}", 0, NULL },
    { "{\"roomId\":\"\\ud800\"}", 0, "Room id" },
    { "{\"roomId\":0}", 0, NULL },
    { "{\"roomId\":\"a\"}", CHAT_WANTS_USERNAME, "Username" },
    { "{\"roomId\":\"a\",\"username\":\"b::c\"}", CHAT_WANTS_USERNAME, "Username" },
    { "{\"roomId\":\"a\",\"username\":7}", CHAT_WANTS_USERNAME, NULL },
    { "{\"roomId\":\"a\"}", CHAT_WANTS_MESSAGE, "Message" },
    { "{\"roomId\":\"a\",\"message\":null}", CHAT_WANTS_MESSAGE, "Message" },
    { "{\"roomId\":\"a\",\"message\":\"\"}", CHAT_WANTS_MESSAGE, NULL },
    { "{\"roomId\":\"a\",\"message\":false}", CHAT_WANTS_MESSAGE, NULL },
    { "{\"roomId\":\"a\",\"message\":{\"b\":[1]}}", CHAT_WANTS_MESSAGE, NULL },
    { "{\"roomId\":\"a\",\"limit\":0}", CHAT_WANTS_LIMIT, "Limit" },
    { "{\"roomId\":\"a\",\"limit\":1001}", CHAT_WANTS_LIMIT, "Limit" },
    { "{\"roomId\":\"a\",\"limit\":1.5}", CHAT_WANTS_LIMIT, "Limit" },
    { "{\"roomId\":\"a\",\"limit\":\"5\"}", CHAT_WANTS_LIMIT, "Limit" },
    { "{\"roomId\":\"a\",\"limit\":null}", CHAT_WANTS_LIMIT, "Limit" },
    { "{\"roomId\":\"a\",\"limit\":1e3}", CHAT_WANTS_LIMIT, NULL },
    { "{\"roomId\":\"a\",\"unknown\":1e999,\"big\":123456789012345678901234567890}", 0, NULL },
};

static void bad_payloads_are_refused_and_good_ones_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *error = check(cases[i].json, cases[i].wants);
        if (cases[i].error == NULL && error != NULL)
            fail_msg("%s: %s", cases[i].json, error);
        if (cases[i].error != NULL &&
            (error == NULL || strncmp(error, cases[i].error, strlen(cases[i].error)) != 0))
            fail_msg("%s: %s", cases[i].json, error == NULL ? "accepted" : error);
        if (error != NULL)
            assert_null(strpbrk(error, "\"\\")); /* it goes into JSON as it is */
    }
}

static void names_end_at_their_limit(void **state)
{
    char json[400];
    char name[258] = "";

    (void)state;
    for (size_t len = 255; len <= 257; len++) {
        memset(name, 'x', len);
        snprintf(json, sizeof(json), "{\"roomId\":\"%.*s\"}", (int)len, name);
        assert_int_equal(check(json, 0) == NULL, len <= 256);
    }
}

static void messages_end_at_their_limit(void **state)
{
    char *json = calloc(1, 70000);

    (void)state;
    assert_non_null(json);
    for (size_t len = 65535; len <= 65537; len++) {
        int at = snprintf(json, 70000, "{\"roomId\":\"a\",\"message\":\"");
        memset(json + at, 'x', len);
        memcpy(json + at + len, "\"}", 3);
        assert_int_equal(check(json, CHAT_WANTS_MESSAGE) == NULL, len <= 65536);
    }
    free(json);
}

static void a_message_of_bytes_is_refused(void **state)
{
    chat_fields fields;
    eio_slice json = EIO_STR("{\"roomId\":\"a\",\"message\":{\"_placeholder\":true,\"num\":0}}");

    (void)state;
    assert_non_null(chat_fields_read(&fields, json, false, CHAT_WANTS_MESSAGE, &limits));
    chat_fields_fini(&fields);
}

static void a_message_that_is_no_text_is_kept_as_its_json(void **state)
{
    chat_fields fields;
    eio_slice json = EIO_STR("{\"roomId\":\"a\",\"message\": [1.50, \"x\"] }");

    (void)state;
    assert_null(chat_fields_read(&fields, json, true, CHAT_WANTS_MESSAGE, &limits));
    assert_int_equal(fields.message.len, 11);
    assert_memory_equal(fields.message.base, "[1.50, \"x\"]", 11);
    chat_fields_fini(&fields);
}

/* What String(n) gives in Node. */
static const struct {
    double number;
    const char *text;
} numbers[] = {
    { 0.0, "0" },
    { -0.0, "0" },
    { 7.0, "7" },
    { -7.5, "-7.5" },
    { 0.1, "0.1" },
    { 100.0, "100" },
    { 1e20, "100000000000000000000" },
    { 1e21, "1e+21" },
    { 1.5e21, "1.5e+21" },
    { 123456789012345680000.0, "123456789012345680000" },
    { 0.000001, "0.000001" },
    { 0.0000001, "1e-7" },
    { 1.5e-7, "1.5e-7" },
    { 9007199254740993.0, "9007199254740992" },
    { 0.1 + 0.2, "0.30000000000000004" },
    { 5e-324, "5e-324" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 123.456, "123.456" },
};

static void numbers_are_printed_as_javascript_does(void **state)
{
    char text[CHAT_NUMBER_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        size_t len = chat_number_print(text, numbers[i].number);
        assert_int_equal(len, strlen(numbers[i].text));
        assert_memory_equal(text, numbers[i].text, len);
    }
    assert_room("{\"roomId\":7}", "7");
    assert_room("{\"roomId\":7.0}", "7");
    assert_room("{\"roomId\":0.7e1}", "7");
}

/* A well-formed payload, cut anywhere, is refused or read, and never read past its end. */
static void a_payload_that_is_cut_is_refused(void **state)
{
    static const char whole[] = "{\"a\\\"\":[1,{\"b\":\"]\"}],\"roomId\":\"x\",\"message\":7}";

    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *cut = malloc(len + 1); /* its own block, so that a read past the end is seen */
        chat_payload payload;
        assert_non_null(cut);
        memcpy(cut, whole, len);
        assert_false(chat_payload_read(&payload, (eio_slice){ cut, len }));
        free(cut);
    }
}

static void the_rate_lets_a_burst_through_and_then_the_flow(void **state)
{
    chat_rate rate;

    (void)state;
    chat_rate_init(&rate, 10, 3, 1000);
    for (int i = 0; i < 3; i++)
        assert_true(chat_rate_take(&rate, 1000));
    assert_false(chat_rate_take(&rate, 1000));
    assert_false(chat_rate_take(&rate, 1099));
    assert_true(chat_rate_take(&rate, 1100));
    assert_false(chat_rate_take(&rate, 1100));
    for (int i = 0; i < 3; i++)
        assert_true(chat_rate_take(&rate, 1000000));
    assert_false(chat_rate_take(&rate, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_wherever_they_stand),
        cmocka_unit_test(bad_payloads_are_refused_and_good_ones_are_not),
        cmocka_unit_test(names_end_at_their_limit),
        cmocka_unit_test(messages_end_at_their_limit),
        cmocka_unit_test(a_message_of_bytes_is_refused),
        cmocka_unit_test(a_message_that_is_no_text_is_kept_as_its_json),
        cmocka_unit_test(numbers_are_printed_as_javascript_does),
        cmocka_unit_test(a_payload_that_is_cut_is_refused),
        cmocka_unit_test(the_rate_lets_a_burst_through_and_then_the_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
