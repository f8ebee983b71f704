#include "engineio/websocket/extension.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NAME "permessage-deflate"
#define SERVER_NONE "server_no_context_takeover"
#define CLIENT_NONE "client_no_context_takeover"
#define SERVER_BITS "server_max_window_bits"
#define CLIENT_BITS "client_max_window_bits"

/* An answer of "" is none, without a fault; NULL is a refusal. */
typedef struct vector {
    const char *offer;
    const char *answer;
} vector;

static void feed(eio_extensions *extensions, const char *value, const eio_deflate_options *options)
{
    size_t len = strlen(value);
    char *copy = malloc(len == 0 ? 1 : len); /* of its exact size: a byte read behind it is seen */

    assert_non_null(copy);
    memcpy(copy, value, len);
    eio_extensions_feed(extensions, (eio_slice){ copy, len }, options);
    free(copy);
}

static void assert_answer(const eio_extensions *extensions, const char *expected)
{
    char answer[EIO_DEFLATE_ANSWER_MAX_BYTES + 1];

    assert_int_equal(eio_extensions_are_good(extensions), expected != NULL);
    if (expected == NULL)
        return;
    answer[eio_extensions_answer(extensions, answer)] = '\0';
    assert_string_equal(answer, expected);
}

static void assert_answers(const vector *vectors, size_t count, eio_deflate_options options)
{
    for (size_t i = 0; i < count; i++) {
        eio_extensions extensions = { .is_bad = false };
        feed(&extensions, vectors[i].offer, &options);
        assert_answer(&extensions, vectors[i].answer);
    }
}

static void offers_are_answered_as_by_node(void **state)
{
    static const vector vectors[] = {
        { NAME, NAME },
        { NAME "; " CLIENT_BITS, NAME },
        { NAME "; " SERVER_NONE "; " CLIENT_NONE, NAME "; " SERVER_NONE "; " CLIENT_NONE },
        { NAME "; " CLIENT_NONE "; " SERVER_NONE, NAME "; " CLIENT_NONE "; " SERVER_NONE },
        { NAME "; " SERVER_BITS "=9", NAME "; " SERVER_BITS "=9" },
        { NAME "; " SERVER_BITS "=8", NAME "; " SERVER_BITS "=8" },
        { NAME "; " SERVER_BITS "=\"15\"", NAME "; " SERVER_BITS "=15" },
        { NAME "; " CLIENT_BITS "=10", NAME "; " CLIENT_BITS "=10" },
        { NAME ";" CLIENT_BITS "\t;" SERVER_BITS "=12 ", NAME "; " SERVER_BITS "=12" },
        { NAME "; " SERVER_BITS "=10, " NAME, NAME "; " SERVER_BITS "=10" },
        { "x-webkit-deflate-frame", "" },
        { "foo; bar=\"a\\b\"; baz, bar", "" },
        { "foo; " SERVER_BITS "=99, " NAME "; " SERVER_NONE, NAME "; " SERVER_NONE },
        { "Permessage-Deflate", "" },
        { "permessage-deflate-2; x", "" },
    };
    (void)state;

    assert_answers(vectors, COUNT(vectors), (eio_deflate_options){ .threshold = 0 });
}

static void bad_offers_are_refused(void **state)
{
    static const vector vectors[] = {
        { "", NULL },
        { ",", NULL },
        { NAME ",", NULL },
        { ", " NAME, NULL },
        { NAME ";", NULL },
        { NAME ";;" SERVER_NONE, NULL },
        { NAME "; unknown", NULL },
        { NAME "; unknown=1", NULL },
        { NAME "; " SERVER_NONE "=1", NULL },
        { NAME "; " SERVER_NONE "=true", NULL },
        { NAME "; " CLIENT_NONE "=\"\"", NULL },
        { NAME "; " SERVER_NONE "; " SERVER_NONE, NULL },
        { NAME "; " SERVER_BITS "=9; " SERVER_BITS "=9", NULL },
        { NAME "; " SERVER_BITS, NULL },
        { NAME "; " SERVER_BITS "=", NULL },
        { NAME "; " SERVER_BITS "=7", NULL },
        { NAME "; " SERVER_BITS "=16", NULL },
        { NAME "; " SERVER_BITS "=010", NULL },
        { NAME "; " SERVER_BITS "=1e1", NULL },
        { NAME "; " SERVER_BITS "=-9", NULL },
        { NAME "; " SERVER_BITS "= 9", NULL },
        { NAME "; " SERVER_BITS " =9", NULL },
        { NAME "; " SERVER_BITS "=\"9", NULL },
        { NAME "; " SERVER_BITS "=\"9\\", NULL },
        { NAME "; " SERVER_BITS "=999999999999999999999", NULL },
        { NAME "; " CLIENT_BITS "=7", NULL },
        { NAME "; " CLIENT_BITS "=\"\"", NULL },
        { NAME " " NAME, NULL },
        { NAME "; __proto__", NULL },
        { NAME "/1", NULL },
        { "foo; \x80, " NAME, NULL },
        { NAME ", " NAME "; unknown", NULL },
    };
    (void)state;

    assert_answers(vectors, COUNT(vectors), (eio_deflate_options){ .threshold = 0 });
}

static void options_add_their_parameters(void **state)
{
    static const vector none[] = {
        { NAME, NAME "; " SERVER_NONE "; " CLIENT_NONE },
        { NAME "; " CLIENT_NONE, NAME "; " CLIENT_NONE "; " SERVER_NONE },
    };
    static const vector server[] = {
        { NAME, NAME "; " SERVER_BITS "=10" },
        { NAME "; " SERVER_BITS "=12", NAME "; " SERVER_BITS "=10" },
        { NAME "; " SERVER_BITS "=10", NAME "; " SERVER_BITS "=10" },
        { NAME "; " SERVER_BITS "=9", NULL },
        { NAME "; " SERVER_BITS "=9, " NAME, NAME "; " SERVER_BITS "=10" },
    };
    static const vector client[] = {
        { NAME, NULL },
        { NAME "; " CLIENT_BITS, NAME "; " CLIENT_BITS "=11" },
        { NAME "; " CLIENT_BITS "=12", NAME "; " CLIENT_BITS "=11" },
        { NAME "; " CLIENT_BITS "=10", NULL },
        { NAME ", " NAME "; " CLIENT_BITS, NAME "; " CLIENT_BITS "=11" },
    };
    (void)state;

    assert_answers(none, COUNT(none),
                   (eio_deflate_options){ .server_no_context_takeover = true,
                                          .client_no_context_takeover = true });
    assert_answers(server, COUNT(server), (eio_deflate_options){ .server_max_window_bits = 10 });
    assert_answers(client, COUNT(client), (eio_deflate_options){ .client_max_window_bits = 11 });
}

static void what_is_false_with_node_is_not_agreed_on(void **state)
{
    static const vector takeover[] = {
        { NAME, NAME },
        { NAME "; " SERVER_NONE, NULL },
        { NAME "; " SERVER_NONE ", " NAME "; " CLIENT_NONE, NAME "; " CLIENT_NONE },
    };
    static const vector server[] = {
        { NAME, NAME },
        { NAME "; " SERVER_BITS "=15", NULL },
        { NAME "; " SERVER_BITS "=8, " NAME, NAME },
    };
    static const vector client[] = {
        { NAME, NAME },
        { NAME "; " CLIENT_BITS, NAME },
        { NAME "; " CLIENT_BITS "=9; " CLIENT_NONE, NAME "; " CLIENT_NONE },
    };
    (void)state;

    assert_answers(takeover, COUNT(takeover),
                   (eio_deflate_options){ .refuse_server_no_context_takeover = true });
    assert_answers(server, COUNT(server),
                   (eio_deflate_options){ .server_max_window_bits = EIO_DEFLATE_NEVER });
    assert_answers(client, COUNT(client),
                   (eio_deflate_options){ .client_max_window_bits = EIO_DEFLATE_NEVER });
}

static void every_parameter_at_once_fits_the_answer(void **state)
{
    static const char offer[] =
        NAME "; " CLIENT_BITS "=15; " SERVER_BITS "=15; " SERVER_NONE "; " CLIENT_NONE;
    eio_extensions extensions = { .is_bad = false };
    (void)state;

    feed(&extensions, offer, &(eio_deflate_options){ .threshold = 0 });
    assert_answer(&extensions, offer);
    assert_int_equal(eio_extensions_bits(&extensions, EIO_SERVER_MAX_WINDOW_BITS), 15);
}

static void offers_may_stand_in_several_headers(void **state)
{
    eio_deflate_options options = { .server_max_window_bits = 10 };
    eio_extensions extensions = { .is_bad = false };
    (void)state;

    feed(&extensions, "foo", &options);
    feed(&extensions, NAME "; " SERVER_BITS "=9", &options);
    assert_answer(&extensions, NULL);
    feed(&extensions, NAME "; " CLIENT_BITS "=9", &options);
    assert_answer(&extensions, NAME "; " CLIENT_BITS "=9; " SERVER_BITS "=10");
    assert_int_equal(eio_extensions_bits(&extensions, EIO_SERVER_MAX_WINDOW_BITS), 10);
    assert_int_equal(eio_extensions_bits(&extensions, EIO_CLIENT_MAX_WINDOW_BITS), 9);
    feed(&extensions, NAME "; unknown", &options);
    assert_answer(&extensions, NULL);
}

static void nothing_offered_is_nothing_answered(void **state)
{
    eio_extensions extensions = { .is_bad = false };
    (void)state;

    assert_answer(&extensions, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_are_answered_as_by_node),
        cmocka_unit_test(bad_offers_are_refused),
        cmocka_unit_test(options_add_their_parameters),
        cmocka_unit_test(what_is_false_with_node_is_not_agreed_on),
        cmocka_unit_test(every_parameter_at_once_fits_the_answer),
        cmocka_unit_test(offers_may_stand_in_several_headers),
        cmocka_unit_test(nothing_offered_is_nothing_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
