#include "socketio/redis/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct url_case {
    const char *text;
    bool tls;
    const char *host;
    int port;
    const char *path, *user, *password;
    unsigned database;
} url_case;

static const url_case good[] = {
    { "redis://127.0.0.1", false, "127.0.0.1", 6379, NULL, NULL, NULL, 0 },
    { "redis://h:7000/3", false, "h", 7000, NULL, NULL, NULL, 3 },
    { "REDIS://h", false, "h", 6379, NULL, NULL, NULL, 0 },
    { "redis://h:", false, "h", 6379, NULL, NULL, NULL, 0 },
    { "redis://h/", false, "h", 6379, NULL, NULL, NULL, 0 },
    { "redis://", false, "localhost", 6379, NULL, NULL, NULL, 0 },
    { "redis:///2", false, "localhost", 6379, NULL, NULL, NULL, 2 },
    { "redis://:secret@h", false, "h", 6379, NULL, NULL, "secret", 0 },
    { "redis://user:secret@h:1/1", false, "h", 1, NULL, "user", "secret", 1 },
    { "redis://user@h", false, "h", 6379, NULL, "user", "", 0 },
    { "redis://:@h", false, "h", 6379, NULL, NULL, NULL, 0 },
    { "redis://@h", false, "h", 6379, NULL, NULL, NULL, 0 },
    { "redis://u:p%40q%2Fr%3As%25@h", false, "h", 6379, NULL, "u", "p@q/r:s%", 0 },
    { "redis://u:p@q:r@h", false, "h", 6379, NULL, "u", "p@q:r", 0 },
    { "redis://u%3Av:p@h", false, "h", 6379, NULL, "u:v", "p", 0 },
    { "redis://[::1]:6380/4", false, "::1", 6380, NULL, NULL, NULL, 4 },
    { "redis://:p@[fe80::1]", false, "fe80::1", 6379, NULL, NULL, "p", 0 },
    { "redis://h?db=5", false, "h", 6379, NULL, NULL, NULL, 5 },
    { "redis://h/1?family=0&db=5&x", false, "h", 6379, NULL, NULL, NULL, 5 },
    { "redis://h:65535/65535", false, "h", 65535, NULL, NULL, NULL, 65535 },
    { "rediss://default:p@h.upstash.io:6379", true, "h.upstash.io", 6379, NULL, "default", "p", 0 },
    { "unix:///run/r.sock", false, NULL, 0, "/run/r.sock", NULL, NULL, 0 },
    { "redis+unix:///run/r.sock?db=2", false, NULL, 0, "/run/r.sock", NULL, NULL, 2 },
    { "redis-socket:///run/r.sock", false, NULL, 0, "/run/r.sock", NULL, NULL, 0 },
    { "redis+socket:///r?virtual_host=3", false, NULL, 0, "/r", NULL, NULL, 3 },
    { "unix://u:p@/run/r%20s?db=1", false, NULL, 0, "/run/r s", "u", "p", 1 },
    { "unix://:p@/run/r.sock", false, NULL, 0, "/run/r.sock", NULL, "p", 0 },
    { "/run/r.sock?db=7", false, NULL, 0, "/run/r.sock", NULL, NULL, 7 },
};

static const char *const bad[] = {
    "",
    "h",
    "h:6379",
    "http://h",
    "redis",
    "redis:",
    "redis:/h",
    "redis:h",
    "redis://h:0",
    "redis://h:65536",
    "redis://h:1x",
    "redis://h:-1",
    "redis://h:+1",
    "redis://h: 1",
    "redis://h/x",
    "redis://h/-1",
    "redis://h/1/2",
    "redis://h/65536",
    "redis://h?db=",
    "redis://h?db=1e1",
    "redis://u:pa/ss@h",
    "redis://u:%zz@h",
    "redis://u:p%4@h",
    "redis://u:p%@h",
    "redis://u:a%00b@h",
    "redis://%00@h",
    "redis://h%0a",
    "redis://h%20x",
    "redis://a b",
    "redis://[::1",
    "redis://[::1]x",
    "redis://[::1]x:1",
    "unix://",
    "unix:///",
    "unix://host/run/r",
    "unix://run/r.sock",
    "unix:///a%00b",
    "redis://a,b",
    "redis+sentinel://h",
    "redis+sentinel://h/",
    "redis+sentinel://h:1/m/x",
    "redis+sentinel://h:1/m%20n",
    "redis+sentinel://h/m?sentinel_password=%zz",
    "redis+sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m",
    "redis+cluster://h/1",
    "redis+cluster://h,h:x",
    "/",
};

static void assert_text(const char *actual, const char *expected)
{
    if (expected == NULL)
        assert_null(actual);
    else
        assert_string_equal(actual, expected);
}

static void every_known_form_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sio_redis_url url;
        eio_error why = { 0 };
        if (sio_redis_url_parse(&url, eio_slice_of(good[i].text), &why) != EIO_OK)
            fail_msg("%s: %s", good[i].text, why.text);
        assert_int_equal(url.tls, good[i].tls);
        assert_text(url.places[0].host, good[i].host);
        assert_int_equal(url.place_count, good[i].host != NULL);
        assert_text(url.path, good[i].path);
        assert_text(url.user, good[i].user);
        assert_text(url.password, good[i].password);
        assert_int_equal(url.database, good[i].database);
        if (good[i].host != NULL)
            assert_int_equal(url.places[0].port, good[i].port);
        sio_redis_url_fini(&url);
    }
}

static void sentinels_and_the_nodes_of_a_cluster_are_many_places(void **state)
{
    sio_redis_url url;
    char text[200];

    (void)state;
    assert_int_equal(sio_redis_url_parse(&url,
                                         EIO_STR("redis+sentinel://u:p@a,b:1,[::1]:2/my-master/3"
                                                 "?sentinel_user=s&sentinel_password=q%26"),
                                         NULL),
                     EIO_OK);
    assert_int_equal(url.place_count, 3);
    assert_string_equal(url.places[0].host, "a");
    assert_int_equal(url.places[0].port, 26379);
    assert_int_equal(url.places[1].port, 1);
    assert_string_equal(url.places[2].host, "::1");
    assert_string_equal(url.master, "my-master");
    assert_string_equal(url.password, "p");
    assert_string_equal(url.sentinel_user, "s");
    assert_string_equal(url.sentinel_password, "q&");
    assert_int_equal(url.database, 3);
    assert_false(url.is_cluster);
    sio_redis_url_describe(&url, text, sizeof(text));
    assert_string_equal(text, "redis+sentinel://a:26379,b:1,[::1]:2/my-master/3");
    sio_redis_url_fini(&url);
    assert_int_equal(sio_redis_url_parse(&url, EIO_STR("rediss+cluster://:p@a:1,b"), NULL), EIO_OK);
    assert_true(url.is_cluster && url.tls);
    assert_null(url.master);
    assert_int_equal(url.places[1].port, 6379);
    sio_redis_url_describe(&url, text, sizeof(text));
    assert_string_equal(text, "rediss+cluster://a:1,b:6379");
    sio_redis_url_fini(&url);
}

static void what_is_no_url_is_refused_in_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_redis_url url;
        eio_error why = { 0 };
        if (sio_redis_url_parse(&url, eio_slice_of(bad[i]), &why) != EIO_E_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_true(strlen(why.text) > 10);
        assert_null(strchr(why.text, '\n'));
    }
}

static void the_password_is_in_no_refusal_and_no_description(void **state)
{
    static const char *const secrets[] = { "redis://u:hunter2@h:99999", "redis://u:hunter2%@h",
                                           "redis://u:hunter2@h/x", "redis://u:hunter2/@h" };
    char text[200];
    sio_redis_url url;

    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        eio_error why = { 0 };
        assert_int_equal(sio_redis_url_parse(&url, eio_slice_of(secrets[i]), &why), EIO_E_INVALID);
        assert_null(strstr(why.text, "hunter2"));
    }
    assert_int_equal(sio_redis_url_parse(&url, EIO_STR("redis://u:hunter2@[::1]:1/2"), NULL),
                     EIO_OK);
    sio_redis_url_describe(&url, text, sizeof(text));
    assert_string_equal(text, "redis://[::1]:1/2");
    sio_redis_url_fini(&url);
}

static void a_url_longer_than_the_limit_is_refused(void **state)
{
    char text[SIO_REDIS_MAX_URL_BYTES + 1];
    sio_redis_url url;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "redis://:", 9);
    text[SIO_REDIS_MAX_URL_BYTES - 2] = '@';
    text[SIO_REDIS_MAX_URL_BYTES - 1] = 'h';
    assert_int_equal(sio_redis_url_parse(&url, (eio_slice){ text, SIO_REDIS_MAX_URL_BYTES }, NULL),
                     EIO_OK);
    sio_redis_url_fini(&url);
    assert_int_equal(sio_redis_url_parse(&url, (eio_slice){ text, sizeof(text) }, NULL),
                     EIO_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_form_is_understood),
        cmocka_unit_test(sentinels_and_the_nodes_of_a_cluster_are_many_places),
        cmocka_unit_test(what_is_no_url_is_refused_in_one_line),
        cmocka_unit_test(the_password_is_in_no_refusal_and_no_description),
        cmocka_unit_test(a_url_longer_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
