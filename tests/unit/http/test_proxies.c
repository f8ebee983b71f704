#include "engineio/http/proxies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_proxy_is_trusted_as_the_table_says(void **state)
{
    static const struct {
        const char *list;
        const char *address;
        bool trusted;
    } table[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "127.0.0.1", "::ffff:127.0.0.1", true },
        { "::ffff:127.0.0.1", "127.0.0.1", true },
        { "10.0.0.0/8", "10.255.0.1", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.1.2.128/25", "10.1.2.200", true },
        { "10.1.2.128/25", "10.1.2.127", false },
        { "0.0.0.0/0", "8.8.8.8", true },
        { "0.0.0.0/0", "::1", false },
        { "::/0", "8.8.8.8", true },
        { "fd00::/8", "fd12::1", true },
        { "fd00::/8", "fe12::1", false },
        { "::1 , 192.0.2.7", "192.0.2.7", true },
        { "unix", "", true },
        { "unix", "127.0.0.1", false },
        { "127.0.0.1", "", false },
        { "::/0", "localhost", false },
        { "::/0", "1.2.3.4 ", false },
        { "", "127.0.0.1", false },
    };
    eio_proxies proxies;
    (void)state;

    for (size_t i = 0; i < COUNT(table); i++) {
        assert_int_equal(eio_proxies_parse(&proxies, table[i].list), EIO_OK);
        assert_int_equal(eio_proxies_trust(&proxies, eio_slice_of(table[i].address)),
                         table[i].trusted);
        eio_proxies_fini(&proxies);
    }
}

static void nobody_is_trusted_without_a_list(void **state)
{
    eio_proxies proxies;
    (void)state;

    assert_int_equal(eio_proxies_parse(&proxies, NULL), EIO_OK);
    assert_false(eio_proxies_trust(&proxies, EIO_STR("127.0.0.1")));
    assert_false(eio_proxies_trust(&proxies, EIO_STR("")));
    eio_proxies_fini(&proxies);
}

static void a_list_with_a_mistake_is_refused(void **state)
{
    static const char *const lists[] = {
        "proxy.example", "127.0.0.1,",     ",",           "127.0.0.1/33", "::1/129",  "127.0.0.1/",
        "127.0.0.1/+8",  "127.0.0.1/0008", "1.2.3.4/8 9", "Unix",         "1.2.3.4;", "/8",
    };
    eio_proxies proxies;
    (void)state;

    for (size_t i = 0; i < COUNT(lists); i++)
        assert_int_equal(eio_proxies_parse(&proxies, lists[i]), EIO_E_INVALID);
}

static void the_client_is_who_the_trusted_ones_name(void **state)
{
    static const struct {
        const char *list; /* X-Forwarded-For */
        const char *client;
        bool goes_on;
    } table[] = {
        { "203.0.113.9", "203.0.113.9", false },
        { "1.1.1.1, 203.0.113.9", "203.0.113.9", false }, /* the first is the client's own word */
        { "203.0.113.9, 10.0.0.2", "203.0.113.9", false },
        { "203.0.113.9,10.0.0.2,  10.0.0.3 ", "203.0.113.9", false },
        { "10.0.0.7, 10.0.0.2", "10.0.0.7", true },
        { "203.0.113.9:1234", "203.0.113.9", false },
        { "[2001:db8::1]:1234", "2001:db8::1", false },
        { "2001:db8::1", "2001:db8::1", false },
        { "unknown, 10.0.0.2", "10.0.0.2", false },
        { "203.0.113.9, nonsense", "peer", false },
        { "[", "peer", false },
        { ",", "peer", false },
        { "", "peer", true },
    };
    eio_proxies proxies;
    (void)state;

    assert_int_equal(eio_proxies_parse(&proxies, "10.0.0.0/8"), EIO_OK);
    for (size_t i = 0; i < COUNT(table); i++) {
        eio_slice client = EIO_STR("peer");
        assert_int_equal(eio_proxies_follow(&proxies, eio_slice_of(table[i].list), &client),
                         table[i].goes_on);
        assert_true(eio_slice_equal(client, eio_slice_of(table[i].client)));
    }
    eio_proxies_fini(&proxies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_trusted_as_the_table_says),
        cmocka_unit_test(nobody_is_trusted_without_a_list),
        cmocka_unit_test(a_list_with_a_mistake_is_refused),
        cmocka_unit_test(the_client_is_who_the_trusted_ones_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
