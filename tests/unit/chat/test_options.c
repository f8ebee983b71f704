#include "chat/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chat/profile.h"

enum { MOST_WORDS = 12 };

static const char *const *environment; /* name, value, …, NULL */

static char *fake_getenv(const char *name)
{
    for (const char *const *at = environment; *at != NULL; at += 2)
        if (strcmp(at[0], name) == 0)
            return (char *)(uintptr_t)at[1];
    return NULL;
}

static int read_options(chat_options *out, const char *const *words, const char *const *variables,
                        eio_error *why)
{
    char *argv[MOST_WORDS + 1] = { (char *)(uintptr_t) "chatd" };
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    environment = variables;
    int rc = chat_options_read(out, argc, argv, fake_getenv, why);
    chat_options_fini(out);
    return rc;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING ((const char *const[]){ NULL })

static void assert_reads(chat_options *out, const char *const *words, const char *const *variables)
{
    eio_error why = { 0 };

    if (read_options(out, words, variables, &why) != EIO_OK)
        fail_msg("%s", why.text);
}

static void without_a_word_the_defaults_hold(void **state)
{
    chat_options options;

    (void)state;
    assert_reads(&options, NOTHING, NOTHING);
    assert_string_equal(options.profile->name, "rooms");
    assert_int_equal(options.port, 3000);
    assert_null(options.host);
    assert_int_equal(options.store, CHAT_STORE_SQLITE);
    assert_null(options.file);
    assert_int_equal(options.max_payload_bytes, 1000000);
    assert_int_equal(options.max_buffered_bytes, 8 * 1024 * 1024);
    assert_int_equal(options.max_rooms, 1000);
    assert_int_equal(options.origin_count, 0);
    assert_int_equal(options.log_level, CHAT_LOG_INFO);
}

static void arguments_win_over_the_environment(void **state)
{
    chat_options options;

    (void)state;
    assert_reads(&options, NOTHING, WORDS("PORT", "8080", "HOST", "::1"));
    assert_int_equal(options.port, 8080);
    assert_string_equal(options.host, "::1");
    assert_reads(&options, WORDS("rooms", "--port=81", "--host", "127.0.0.1"),
                 WORDS("PORT", "8080", "HOST", "::1"));
    assert_int_equal(options.port, 81);
    assert_string_equal(options.host, "127.0.0.1");
    assert_reads(&options, NOTHING, WORDS("PORT", ""));
    assert_int_equal(options.port, 3000);
}

static void the_store_follows_from_what_is_named(void **state)
{
    static const char url[] = "redis://h";
    chat_options options;

    (void)state;
    assert_reads(&options, NOTHING, WORDS("REDIS_URL", url));
    assert_int_equal(options.store, CHAT_STORE_REDIS);
    assert_reads(&options, WORDS("--redis", url), NOTHING);
    assert_int_equal(options.store, CHAT_STORE_REDIS);
    assert_string_equal(options.redis_url, url);
    assert_reads(&options, WORDS("--store", "memory"), WORDS("REDIS_URL", url));
    assert_int_equal(options.store, CHAT_STORE_MEMORY);
    assert_reads(&options, WORDS("--store", "sqlite:/tmp/x.db"), NOTHING);
    assert_int_equal(options.store, CHAT_STORE_SQLITE);
    assert_string_equal(options.file, "/tmp/x.db");
}

static void redis_without_a_url_says_what_the_original_says(void **state)
{
    chat_options options;
    eio_error why = { 0 };

    (void)state;
    assert_int_equal(read_options(&options, WORDS("--store", "redis"), NOTHING, &why),
                     EIO_E_INVALID);
    assert_string_equal(why.text, "REDIS_URL env variable is not set");
}

static void origins_are_a_list_and_arguments_replace_it(void **state)
{
    chat_options options;

    (void)state;
    assert_reads(&options, NOTHING, WORDS("CORS_ORIGIN", "https://a.b, http://c:8080"));
    assert_int_equal(options.origin_count, 2);
    assert_string_equal(options.origins[1], "http://c:8080");
    assert_null(options.origins[2]);
    assert_reads(&options, WORDS("--cors-origin", "https://d", "--cors-origin", "https://e"),
                 WORDS("CORS_ORIGIN", "https://a.b"));
    assert_int_equal(options.origin_count, 2);
    assert_string_equal(options.origins[0], "https://d");
    assert_null(options.origins[2]);
}

static void what_is_wrong_is_said_in_one_line_that_names_it(void **state)
{
    static const struct {
        const char *words[4], *variables[4], *says;
    } wrong[] = {
        { { "--port", "65536" }, { NULL }, "--port" },
        { { "--port", "-1" }, { NULL }, "--port" },
        { { "--port", "+1" }, { NULL }, "--port" },
        { { "--port", "0x50" }, { NULL }, "--port" },
        { { "--port", "8 0" }, { NULL }, "--port" },
        { { "--port", "99999999999999999999" }, { NULL }, "--port" },
        { { "--port", "" }, { NULL }, "--port" },
        { { "--port" }, { NULL }, "--port" },
        { { "--port=" }, { NULL }, "--port" },
        { { NULL }, { "PORT", "http" }, "PORT" },
        { { "--max-rooms", "0" }, { NULL }, "--max-rooms" },
        { { "--store", "paper" }, { NULL }, "--store" },
        { { "--store", "sqlite:" }, { NULL }, "--store" },
        { { "--store=memory", "--redis=redis://h" }, { NULL }, "contradict" },
        { { "--redis=redis+cluster://h" }, { NULL }, "not in a Redis Cluster" },
        { { "--cors-origin", "example.org" }, { NULL }, "--cors-origin" },
        { { "--log-level", "loud" }, { NULL }, "--log-level" },
        { { "--no-such" }, { NULL }, "--no-such" },
        { { "-x" }, { NULL }, "-x" },
        { { "parlour" }, { NULL }, "parlour" },
        { { "rooms", "more" }, { NULL }, "more" },
        { { "--help=yes" }, { NULL }, "--help" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        chat_options options;
        eio_error why = { 0 };
        if (read_options(&options, wrong[i].words, wrong[i].variables, &why) != EIO_E_INVALID)
            fail_msg("accepted: %s", wrong[i].says);
        if (strstr(why.text, wrong[i].says) == NULL)
            fail_msg("%s: %s", wrong[i].says, why.text);
        assert_null(strchr(why.text, '\n'));
    }
}

static void help_is_given_even_in_a_wrong_environment(void **state)
{
    chat_options options;

    (void)state;
    assert_reads(&options, WORDS("--help"), WORDS("PORT", "http"));
    assert_true(options.show_help);
    assert_reads(&options, WORDS("rooms", "--version"), WORDS("STORE", "paper"));
    assert_true(options.show_version);
}

static void a_redis_may_be_named_by_host_port_and_password(void **state)
{
    chat_options options;
    eio_error why = { 0 };

    (void)state;
    assert_reads(&options, NOTHING, NOTHING);
    assert_int_equal(chat_options_name_redis(&options, "h", 6380, "p@:/ä", &why), EIO_OK);
    assert_string_equal(options.redis_url, "redis://:p%40%3A%2F%C3%A4@h:6380");
    assert_int_equal(chat_options_name_redis(&options, "other", 0, NULL, &why), EIO_OK);
    assert_string_equal(options.redis_url, "redis://:p%40%3A%2F%C3%A4@h:6380");
    options.redis_url = NULL;
    assert_int_equal(chat_options_name_redis(&options, "h:1", 0, NULL, &why), EIO_OK);
    assert_string_equal(options.redis_url, "redis://h:1");
    options.redis_url = NULL;
    assert_int_equal(chat_options_name_redis(&options, "rediss://u:p@h", 0, "x", &why), EIO_OK);
    assert_string_equal(options.redis_url, "rediss://u:p@h");
}

static void help_names_every_variable_and_default(void **state)
{
    static const char *const words[] = { "--port",       "[PORT]",      "3000",    "[REDIS_URL]",
                                         "sqlite:FILE",  "[LOG_LEVEL]", "1000000", "65536",
                                         "--stop-grace", "LISTEN_FDS",  "Examples" };
    chat_options options;
    char *help;

    (void)state;
    assert_reads(&options, WORDS("rooms", "--help"), NOTHING);
    help = chat_options_help(&options);
    assert_non_null(help);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_non_null(strstr(help, words[i]));
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_the_defaults_hold),
        cmocka_unit_test(arguments_win_over_the_environment),
        cmocka_unit_test(the_store_follows_from_what_is_named),
        cmocka_unit_test(redis_without_a_url_says_what_the_original_says),
        cmocka_unit_test(origins_are_a_list_and_arguments_replace_it),
        cmocka_unit_test(what_is_wrong_is_said_in_one_line_that_names_it),
        cmocka_unit_test(help_is_given_even_in_a_wrong_environment),
        cmocka_unit_test(a_redis_may_be_named_by_host_port_and_password),
        cmocka_unit_test(help_names_every_variable_and_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
