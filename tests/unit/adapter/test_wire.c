/* Messages between servers as text, and what all adapters say of a broadcast. */
#include "socketio/adapter/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "socketio/adapter/opts.h"

static void assert_slice(eio_slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.base, text, slice.len);
}

static sio_wire read_all(eio_slice bytes)
{
    sio_wire wire;

    assert_int_equal(sio_wire_read(&wire, bytes), EIO_OK);
    return wire;
}

static void msgpack_becomes_text_with_placeholders(void **state)
{
    sio_wire wire = read_all(EIO_STR("\x93\xa1x\xc4\x02\x01\x02\xd6\xff\x65\x53\xf1\x00"));

    (void)state;
    assert_slice(sio_wire_text(&wire),
                 "[\"x\",{\"_placeholder\":true,\"num\":0},\"2023-11-14T22:13:20.000Z\"]");
    assert_int_equal(wire.attachment_count, 1);
    assert_slice(eio_buffer_slice(wire.attachments[0]), "\x01\x02");
    sio_wire_fini(&wire);
}

static void many_binaries_are_found(void **state)
{
    static char bytes[3 + 2 * 65000] = "\xdc\xfd\xe8";
    sio_wire wire;

    (void)state;
    for (size_t i = 3; i < sizeof(bytes); i += 2) {
        bytes[i] = '\xc4';
        bytes[i + 1] = 0;
    }
    wire = read_all((eio_slice){ bytes, sizeof(bytes) });
    assert_int_equal(wire.attachment_count, 65000);
    sio_wire_fini(&wire);
}

static void what_is_not_one_value_is_refused(void **state)
{
    static const char *const bad[] = { "\x93\x01", "\x01\x02", "\xc1", "{\"a\":}", "{} {}", "{" };
    sio_wire wire;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(sio_wire_read(&wire, eio_slice_of(bad[i])), EIO_E_PROTOCOL);
    assert_int_equal(sio_wire_read(&wire, EIO_STR("")), EIO_E_PROTOCOL);
}

static void json_that_is_no_utf8_is_repaired(void **state)
{
    sio_wire wire = read_all(EIO_STR("{\"a\":\"\xffx\xe2\x82\",\"b\":\"\xc3\xa9\"}"));

    (void)state;
    assert_slice(sio_wire_text(&wire), "{\"a\":\"\xef\xbf\xbdx\xef\xbf\xbd\",\"b\":\"\xc3\xa9\"}");
    sio_wire_fini(&wire);
}

static void opts_take_what_node_takes(void **state)
{
    sio_opts opts;

    (void)state;
    assert_int_equal(
        sio_opts_read(&opts,
                      EIO_STR("{\"rooms\":[5,\"a\\u0041\",null,{}],\"except\":null,\"flags\":{"
                              "\"volatile\":true,\"compress\":false,\"timeout\":800,\"x\":1}}")),
        EIO_OK);
    assert_int_equal(opts.target.rooms.count, 2);
    assert_slice(opts.target.rooms.names[0], "5");
    assert_slice(opts.target.rooms.names[1], "aA");
    assert_int_equal(opts.target.except.count, 0);
    assert_int_equal(opts.target.flags, SIO_VOLATILE | SIO_NO_COMPRESS);
    assert_int_equal(opts.timeout_ms, 800);
    sio_opts_fini(&opts);
    assert_int_equal(sio_opts_read(&opts, EIO_STR("{}")), EIO_OK);
    assert_int_equal(opts.target.rooms.count + opts.target.except.count, 0);
    sio_opts_fini(&opts);
    assert_int_equal(sio_opts_read(&opts, EIO_STR("{\"rooms\":7}")), EIO_E_PROTOCOL);
    assert_int_equal(sio_opts_read(&opts, EIO_STR("null")), EIO_E_PROTOCOL);
    assert_int_equal(sio_opts_read(&opts, (eio_slice){ NULL, 0 }), EIO_E_PROTOCOL);
}

static void opts_are_written_in_the_order_of_node(void **state)
{
    sio_writer writer = { .json = NULL };
    const sio_target target = { .rooms = SIO_ROOMS(SIO_STR("a"), SIO_STR("\"")),
                                .except = SIO_ROOMS(SIO_STR("b")),
                                .flags = SIO_VOLATILE | SIO_NO_COMPRESS | SIO_LOCAL };

    (void)state;
    sio_write_opts(&writer, &target, 10);
    sio_write_short_opts(&writer, &(sio_target){ .flags = 0 });
    assert_int_equal(writer.rc, EIO_OK);
    assert_slice(eio_buffer_slice(writer.json),
                 "{\"rooms\":[\"a\",\"\\\"\"],\"except\":[\"b\"],\"flags\":{\"volatile\":true,"
                 "\"compress\":false,\"timeout\":10}}{\"rooms\":[],\"except\":[]}");
    sio_writer_fini(&writer);
}

static void an_event_is_read_with_what_belongs_to_it(void **state)
{
    sio_wire wire = read_all(EIO_STR("\x93\xa2hi\xc4\x01z\xd0\xfe"));
    sio_wire_event event;

    (void)state;
    assert_int_equal(sio_wire_event_read(&event, &wire, sio_wire_text(&wire)), EIO_OK);
    assert_slice(event.name, "hi");
    assert_int_equal(event.args.count, 2);
    assert_slice(event.args.json[1], "-2");
    assert_int_equal(event.args.attachment_count, 1);
    sio_wire_event_fini(&event);
    assert_int_equal(sio_wire_event_read(&event, &wire, EIO_STR("[]")), EIO_E_PROTOCOL);
    assert_int_equal(sio_wire_event_read(&event, &wire, EIO_STR("[{}]")), EIO_E_PROTOCOL);
    assert_int_equal(sio_wire_event_read(&event, &wire, EIO_STR("3")), EIO_E_PROTOCOL);
    sio_wire_fini(&wire);
}

static void binary_can_be_written_as_plain_json(void **state)
{
    sio_writer writer = { .json = NULL };
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("\x01\xff"));
    const sio_args args = { (const eio_slice[]){
                                SIO_JSON("{\"b\":{\"_placeholder\":true,\"num\":0},\"c\":2}") },
                            1, &bytes, 1 };

    (void)state;
    sio_write_plain_event(&writer, SIO_STR("e"), args);
    assert_int_equal(writer.rc, EIO_OK);
    assert_slice(eio_buffer_slice(writer.json),
                 "[\"e\",{\"b\":{\"type\":\"Buffer\",\"data\":[1,255]},\"c\":2}]");
    sio_writer_fini(&writer);
    eio_buffer_unref(bytes);
}

static void text_becomes_msgpack_as_a_whole(void **state)
{
    sio_writer writer = { .json = NULL };
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("\x07"));
    eio_buffer *packed = NULL;

    (void)state;
    sio_write_event(&writer, SIO_STR("e"),
                    (sio_args){ (const eio_slice[]){ SIO_JSON("{\"_placeholder\":true,\"num\":0}"),
                                                     SIO_JSON("1e3") },
                                2, &bytes, 1 });
    assert_int_equal(sio_writer_to_msgpack(&packed, &writer, &bytes, 1), EIO_OK);
    assert_slice(eio_buffer_slice(packed), "\x93\xa1"
                                           "e\xc4\x01\x07\xcd\x03\xe8");
    eio_buffer_unref(packed);
    sio_writer_fini(&writer);
    eio_buffer_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msgpack_becomes_text_with_placeholders),
        cmocka_unit_test(many_binaries_are_found),
        cmocka_unit_test(what_is_not_one_value_is_refused),
        cmocka_unit_test(json_that_is_no_utf8_is_repaired),
        cmocka_unit_test(opts_take_what_node_takes),
        cmocka_unit_test(opts_are_written_in_the_order_of_node),
        cmocka_unit_test(an_event_is_read_with_what_belongs_to_it),
        cmocka_unit_test(binary_can_be_written_as_plain_json),
        cmocka_unit_test(text_becomes_msgpack_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
