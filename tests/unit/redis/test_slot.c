/* Slots and nodes of a Redis Cluster, as Redis counts and tells them. */
#include "socketio/redis/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "socketio/redis/reader.h"

static void a_key_has_the_slot_that_redis_gives_it(void **state)
{
    (void)state;
    assert_int_equal(sio_redis_slot(EIO_STR("123456789")), 12739);
    assert_int_equal(sio_redis_slot(EIO_STR("")), 0);
    assert_int_equal(sio_redis_slot(EIO_STR("foo")), 12182);
    assert_int_equal(sio_redis_slot(EIO_STR("{foo}bar")), 12182);
    assert_int_equal(sio_redis_slot(EIO_STR("x{foo}{bar}")), 12182);
    assert_int_not_equal(sio_redis_slot(EIO_STR("{}foo")), sio_redis_slot(EIO_STR("")));
    assert_int_not_equal(sio_redis_slot(EIO_STR("{foo")), 12182);
}

static bool read_moved(sio_redis_node_place *out, const char *text)
{
    return sio_redis_read_moved(
        out, &(sio_redis_reply){ .type = SIO_REDIS_ERROR, .text = eio_slice_of(text) });
}

static void moved_names_a_node_or_is_nothing_to_follow(void **state)
{
    static const char *const bad[] = {
        "MOVED",           "MOVED 1",      "MOVED 1 :6379", "MOVED 1 h:",   "MOVED 1 h:0",
        "MOVED 1 h:70000", "MOVED 1 h:1x", "MOVED 1 h@x:1", "ASK 1 h:6379", "MOVED 1:2 h",
    };
    sio_redis_node_place place;

    (void)state;
    assert_true(read_moved(&place, "MOVED 3999 127.0.0.1:6381"));
    assert_string_equal(place.host, "127.0.0.1");
    assert_int_equal(place.port, 6381);
    assert_true(read_moved(&place, "MOVED 3999 2001:db8::1:6381"));
    assert_string_equal(place.host, "2001:db8::1");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (read_moved(&place, bad[i]))
            fail_msg("followed: %s", bad[i]);
}

static sio_redis_reply *read_reply(sio_redis_reader **reader, const char *text)
{
    sio_redis_reply *reply = NULL;

    assert_int_equal(sio_redis_reader_new(reader, 1000), EIO_OK);
    assert_int_equal(sio_redis_reader_feed(*reader, eio_slice_of(text)), EIO_OK);
    assert_int_equal(sio_redis_reader_next(*reader, &reply), EIO_OK);
    assert_non_null(reply);
    return reply;
}

static void a_range_has_a_master_and_replicas(void **state)
{
    sio_redis_reader *reader;
    sio_redis_slot_range range;
    sio_redis_node_place place;
    sio_redis_reply *reply =
        read_reply(&reader, "*4\r\n:5\r\n:16383\r\n*3\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n"
                            "*2\r\n$1\r\nb\r\n:7001\r\n");

    (void)state;
    assert_true(sio_redis_read_range(&range, reply));
    assert_int_equal(range.first, 5);
    assert_int_equal(range.last, 16383);
    assert_string_equal(range.place.host, "a");
    assert_true(sio_redis_read_replica(&place, reply, 0));
    assert_int_equal(place.port, 7001);
    assert_false(sio_redis_read_replica(&place, reply, 1));
    sio_redis_reply_free(reply);
    sio_redis_reader_free(reader);
}

static void what_is_no_range_is_passed_over(void **state)
{
    static const char *const bad[] = {
        ":1\r\n",
        "*0\r\n",
        "*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:7000\r\n",
        "*3\r\n:-1\r\n:5\r\n*2\r\n$1\r\na\r\n:7000\r\n",
        "*3\r\n:6\r\n:5\r\n*2\r\n$1\r\na\r\n:7000\r\n",
        "*3\r\n:1\r\n:5\r\n*1\r\n$1\r\na\r\n",
        "*3\r\n:1\r\n:5\r\n*2\r\n$0\r\n\r\n:7000\r\n",
        "*3\r\n:1\r\n:5\r\n*2\r\n$-1\r\n:7000\r\n",
        "*3\r\n$1\r\n1\r\n:5\r\n*2\r\n$1\r\na\r\n:7000\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_redis_reader *reader;
        sio_redis_slot_range range;
        sio_redis_reply *reply = read_reply(&reader, bad[i]);
        assert_false(sio_redis_read_range(&range, reply));
        sio_redis_reply_free(reply);
        sio_redis_reader_free(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_the_slot_that_redis_gives_it),
        cmocka_unit_test(moved_names_a_node_or_is_nothing_to_follow),
        cmocka_unit_test(a_range_has_a_master_and_replicas),
        cmocka_unit_test(what_is_no_range_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
