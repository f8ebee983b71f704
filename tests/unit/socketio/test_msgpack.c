#include "socketio/msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define HOLDER(num) "{\"_placeholder\":true,\"num\":" num "}"

typedef struct vector {
    eio_slice bytes;
    const char *json;
} vector;

/* What notepack writes for the JSON, and the JSON of what it reads. */
static const vector both_ways[] = {
    { TEXT("\xc0"), "null" },
    { TEXT("\xc2"), "false" },
    { TEXT("\xc3"), "true" },
    { TEXT("\x00"), "0" },
    { TEXT("\x7f"), "127" },
    { TEXT("\xcc\x80"), "128" },
    { TEXT("\xcc\xff"), "255" },
    { TEXT("\xcd\x01\x00"), "256" },
    { TEXT("\xcd\xff\xff"), "65535" },
    { TEXT("\xce\x00\x01\x00\x00"), "65536" },
    { TEXT("\xce\xff\xff\xff\xff"), "4294967295" },
    { TEXT("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), "4294967296" },
    { TEXT("\xcf\x00\x1f\xff\xff\xff\xff\xff\xff"), "9007199254740991" },
    { TEXT("\xcf\x8a\xc7\x23\x04\x89\xe8\x00\x00"), "10000000000000000000" },
    { TEXT("\xff"), "-1" },
    { TEXT("\xe0"), "-32" },
    { TEXT("\xd0\xdf"), "-33" },
    { TEXT("\xd0\x80"), "-128" },
    { TEXT("\xd1\xff\x7f"), "-129" },
    { TEXT("\xd1\x80\x00"), "-32768" },
    { TEXT("\xd2\xff\xff\x7f\xff"), "-32769" },
    { TEXT("\xd2\x80\x00\x00\x00"), "-2147483648" },
    { TEXT("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"), "-2147483649" },
    { TEXT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854776000" },
    { TEXT("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), "1.5" },
    { TEXT("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1" },
    { TEXT("\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c"), "1e+300" },
    { TEXT("\xa0"), "\"\"" },
    { TEXT("\xa5hello"), "\"hello\"" },
    { TEXT("\xa3\"\\\n"), "\"\\\"\\\\\\n\"" },
    { TEXT("\xa5"
           "a\xf0\x9f\x98\x80"),
      "\"a\xf0\x9f\x98\x80\"" },
    { TEXT("\xbf"
           "0123456789012345678901234567890"),
      "\"0123456789012345678901234567890\"" },
    { TEXT("\xd9\x20"
           "01234567890123456789012345678901"),
      "\"01234567890123456789012345678901\"" },
    { TEXT("\x90"), "[]" },
    { TEXT("\x80"), "{}" },
    { TEXT("\x93\x01\x92\x02\x90\x80"), "[1,[2,[]],{}]" },
    { TEXT("\x82\xa1"
           "a\x01\xa1"
           "b\x81\xa0\x91\xc0"),
      "{\"a\":1,\"b\":{\"\":[null]}}" },
    { TEXT("\xdc\x00\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"),
      "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]" },
};

/* In a block of its own size, so that a read past the end is seen. */
static eio_slice copy_of(eio_slice bytes)
{
    char *copy = malloc(bytes.len == 0 ? 1 : bytes.len);

    if (bytes.len > 0)
        memcpy(copy, bytes.base, bytes.len);
    return (eio_slice){ copy, bytes.len };
}

static void free_copy(eio_slice copy)
{
    free((void *)(uintptr_t)copy.base);
}

static eio_slice found[4];

/* Convert a whole message; EIO_E_PROTOCOL if bytes are left. */
static int to_json(eio_buffer **json, sio_msgpack_binaries *binaries, eio_slice bytes)
{
    eio_slice copy = copy_of(bytes);
    eio_slice in = copy;

    *binaries = (sio_msgpack_binaries){ found, COUNT(found), 0 };
    *json = eio_buffer_new(0);
    int rc = sio_msgpack_to_json(json, binaries, &in);
    if (rc == EIO_OK && in.len > 0)
        rc = EIO_E_PROTOCOL;
    free_copy(copy);
    return rc;
}

static void assert_reads_as(eio_slice bytes, const char *json, size_t binaries_wanted)
{
    sio_msgpack_binaries binaries;
    eio_buffer *out;

    assert_int_equal(to_json(&out, &binaries, bytes), EIO_OK);
    assert_int_equal(eio_buffer_slice(out).len, strlen(json));
    assert_memory_equal(eio_buffer_slice(out).base, json, strlen(json));
    assert_int_equal(binaries.count, binaries_wanted);
    eio_buffer_unref(out);
}

static void assert_writes(const char *json, eio_slice bytes)
{
    eio_buffer *out = eio_buffer_new(0);
    eio_slice text = copy_of(eio_slice_of(json));

    assert_int_equal(sio_msgpack_put_json(&out, text, NULL, 0), EIO_OK);
    assert_int_equal(eio_buffer_slice(out).len, bytes.len);
    assert_memory_equal(eio_buffer_slice(out).base, bytes.base, bytes.len);
    eio_buffer_unref(out);
    free_copy(text);
}

static void values_convert_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(both_ways); i++) {
        assert_reads_as(both_ways[i].bytes, both_ways[i].json, 0);
        assert_writes(both_ways[i].json, both_ways[i].bytes);
    }
}

static void reader_takes_every_form(void **state)
{
    static const vector forms[] = {
        { TEXT("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"), "5" },
        { TEXT("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), "5" },
        { TEXT("\xd0\x05"), "5" },
        { TEXT("\xce\x00\x00\x00\x05"), "5" },
        { TEXT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709552000" },
        { TEXT("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), "9223372036854776000" },
        { TEXT("\xca\x3f\xc0\x00\x00"), "1.5" },
        { TEXT("\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612" },
        { TEXT("\xcb\x80\x00\x00\x00\x00\x00\x00\x00"), "0" },
        { TEXT("\xcb\x40\x00\x00\x00\x00\x00\x00\x00"), "2" },
        { TEXT("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "null" },
        { TEXT("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"), "null" },
        { TEXT("\xd9\x01\x61"), "\"a\"" },
        { TEXT("\xda\x00\x01\x61"), "\"a\"" },
        { TEXT("\xdb\x00\x00\x00\x01\x61"), "\"a\"" },
        { TEXT("\xdd\x00\x00\x00\x01\x61"), "[97]" },
        { TEXT("\xde\x00\x01\xa1\x61\x01"), "{\"a\":1}" },
        { TEXT("\xdf\x00\x00\x00\x01\xa1\x61\x01"), "{\"a\":1}" },
        { TEXT("\x82\x05\x01\xff\x02"), "{\"5\":1,\"-1\":2}" },
        { TEXT("\xd6\xff\x00\x00\x00\x00"), "\"1970-01-01T00:00:00.000Z\"" },
        { TEXT("\xd7\xff\x1d\x53\xcd\x00\x65\x53\xf1\x00"), "\"2023-11-14T22:13:20.123Z\"" },
        { TEXT("\xc7\x0c\xff\x1d\xcd\x65\x00\xff\xff\xff\xff\xff\xff\xff\xfe"),
          "\"1969-12-31T23:59:58.500Z\"" },
        { TEXT("\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x3a\xff\xf4\x41\x80"),
          "\"+010000-01-01T00:00:00.000Z\"" },
        { TEXT("\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x84\x00"),
          "\"0000-01-01T00:00:00.000Z\"" },
        { TEXT("\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x83\xff"),
          "\"-000001-12-31T23:59:59.000Z\"" },
        { TEXT("\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), "null" },
        { TEXT("\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x7b"), "\"2023-11-14T22:13:20.123Z\"" },
        { TEXT("\xd4\x00\x00"), "null" },
        { TEXT("\x92\xd4\x00\x00\x01"), "[null,1]" },
        { TEXT("\x83\xa1"
               "a\xd4\x00\x00\xa1"
               "b\x01\xa1"
               "c\xd4\x00\x00"),
          "{\"b\":1}" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(forms); i++)
        assert_reads_as(forms[i].bytes, forms[i].json, 0);
}

static void reader_replaces_what_is_not_utf8(void **state)
{
    static const vector strings[] = {
        { TEXT("\xa1\xff"), "\"\xef\xbf\xbd\"" },
        { TEXT("\xa3\xe2\x82\x41"), "\"\xef\xbf\xbd"
                                    "A\"" },
        { TEXT("\xa2\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { TEXT("\xa4\"\xf0\x9f\x98"), "\"\\\"\xef\xbf\xbd\"" },
        { TEXT("\xa3\xed\xa0\xbd"), "\"\\ud83d\"" },
        { TEXT("\xa2\xed\xa0"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { TEXT("\xa5\xc3\xa9\x80\x01z"), "\"\xc3\xa9\xef\xbf\xbd\\u0001z\"" },
        { TEXT("\x81\xa1\xff\x01"), "{\"\xef\xbf\xbd\":1}" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(strings); i++)
        assert_reads_as(strings[i].bytes, strings[i].json, 0);
}

static void bytes_become_placeholders(void **state)
{
    (void)state;
    assert_reads_as((eio_slice)TEXT("\xc4\x03\x01\x02\x03"), HOLDER("0"), 1);
    assert_reads_as((eio_slice)TEXT("\x93\xc4\x00\x81\xa1"
                                    "a\xc5\x00\x01\x07\xc6\x00\x00\x00\x01\x08"),
                    "[" HOLDER("0") ",{\"a\":" HOLDER("1") "}," HOLDER("2") "]", 3);
    assert_reads_as((eio_slice)TEXT("\xc7\x02\x00\x01\x02"), HOLDER("0"), 1);
    assert_reads_as((eio_slice)TEXT("\xc8\x00\x01\x00\x01"), HOLDER("0"), 1);
    assert_reads_as((eio_slice)TEXT("\xc9\x00\x00\x00\x01\x00\x01"), HOLDER("0"), 1);
    assert_reads_as((eio_slice)TEXT("\xd4\x05\x7f"), "[5," HOLDER("0") "]", 1);
    assert_reads_as((eio_slice)TEXT("\xc7\x03\xf6\x01\x02\x03"), "[-10," HOLDER("0") "]", 1);
    assert_reads_as((eio_slice)TEXT("\xd5\x00\x01\x02"), "[0," HOLDER("0") "]", 1);
    assert_reads_as((eio_slice)TEXT("\xd5\xff\x01\x02"), "[-1," HOLDER("0") "]", 1);
    assert_reads_as((eio_slice)TEXT("\xd8\x01"
                                    "0123456789abcdef"),
                    "[1," HOLDER("0") "]", 1);
}

static void reader_refuses_what_is_no_message(void **state)
{
    static const eio_slice bad[] = {
        TEXT(""),
        TEXT("\xc1"),
        TEXT("\x01\x01"),
        TEXT("\xa1"),
        TEXT("\x91"),
        TEXT("\x81\xa1\x61"),
        TEXT("\x81\xc0\x01"),
        TEXT("\x81\xcb\x3f"),
        TEXT("\xc4\x01"),
        TEXT("\xd4\x00"),
        TEXT("\xd9"),
        TEXT("\xdd\xff\xff\xff\xff"),
        TEXT("\xdf\xff\xff\xff\xff\x01"),
        TEXT("\x81\x90\x01"),
        TEXT("\x81\x90\xd4\x00\x00"),
        TEXT("\x81\xc4\x00\x01"),
        TEXT("\xcb\x00\x00\x00\x00\x00\x00\x00"),
    };
    sio_msgpack_binaries binaries;
    eio_buffer *out;
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(to_json(&out, &binaries, bad[i]), EIO_E_PROTOCOL);
        eio_buffer_unref(out);
    }
}

static void reader_refuses_every_cut(void **state)
{
    static const eio_slice whole =
        TEXT("\x93\xa5hello\x82\xa1"
             "a\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1"
             "b\xd7\xff\x1d\x53\xcd\x00\x65\x53\xf1\x00\xc4\x03\x01\x02\x03");
    sio_msgpack_binaries binaries;
    eio_buffer *out;
    (void)state;

    for (size_t len = 0; len <= whole.len; len++) {
        eio_slice copy = copy_of((eio_slice){ whole.base, len });
        eio_slice in = copy;
        int wanted = len == whole.len ? EIO_OK : EIO_E_PROTOCOL;
        assert_int_equal(to_json(&out, &binaries, copy), wanted);
        eio_buffer_unref(out);
        assert_int_equal(sio_msgpack_skip(&in), wanted);
        assert_true(wanted != EIO_OK || in.len == 0);
        free_copy(copy);
    }
}

static void depth_is_limited_to_128(void **state)
{
    char bytes[300], text[300];
    sio_msgpack_binaries binaries;
    eio_buffer *out;
    (void)state;

    for (size_t depth = 127; depth <= 129; depth++) {
        int wanted = depth <= SIO_MSGPACK_DEPTH_MAX ? EIO_OK : EIO_E_TOO_BIG;
        memset(bytes, 0x91, depth);
        bytes[depth - 1] = (char)0x80;
        eio_slice in = { bytes, depth };
        assert_int_equal(to_json(&out, &binaries, in), wanted);
        eio_buffer_unref(out);
        assert_int_equal(sio_msgpack_skip(&in), wanted);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        out = eio_buffer_new(0);
        assert_int_equal(sio_msgpack_put_json(&out, (eio_slice){ text, 2 * depth }, NULL, 0),
                         wanted);
        eio_buffer_unref(out);
    }
}

static void reader_finds_as_many_binaries_as_it_may(void **state)
{
    sio_msgpack_binaries binaries;
    eio_buffer *out;
    (void)state;

    assert_int_equal(to_json(&out, &binaries, EIO_STR("\x94\xc4\0\xc4\0\xc4\0\xc4\0")), EIO_OK);
    eio_buffer_unref(out);
    assert_int_equal(to_json(&out, &binaries, EIO_STR("\x95\xc4\0\xc4\0\xc4\0\xc4\0\xc4\0")),
                     EIO_E_LIMIT);
    eio_buffer_unref(out);
}

static void writer_takes_json_as_it_comes(void **state)
{
    static const vector texts[] = {
        { TEXT("\x01"), " 1.0 " },
        { TEXT("\x00"), "-0" },
        { TEXT("\xcd\x03\xe8"), "1e3" },
        { TEXT("\xcb\x44\x15\xaf\x1d\x78\xb5\x8c\x40"), "1e20" },
        { TEXT("\xcb\xc4\x15\xaf\x1d\x78\xb5\x8c\x40"), "-1e20" },
        { TEXT("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), "1e400" },
        { TEXT("\xcf\x00\x20\x00\x00\x00\x00\x00\x00"), "9007199254740993" },
        { TEXT("\xa3\xe2\x82\xac"), "\"\\u20ac\"" },
        { TEXT("\xa4\xf0\x9f\x98\x80"), "\"\\ud83d\\ude00\"" },
        { TEXT("\xa3\xef\xbf\xbd"), "\"\\ud83d\"" },
        { TEXT("\xa5/\x08\x0c\r\t"), "\"\\/\\b\\f\\r\\t\"" },
        { TEXT("\x93\x01\x90\x80"), "\t[ 1 ,\r\n[ ], { } ] " },
        { TEXT("\x82\xa1"
               "a\x01\xa1"
               "a\x02"),
          "{ \"a\" : 1 , \"\\u0061\" : 2 }" },
        { TEXT("\x81\xac_placeholder\xc3"), "{\"_placeholder\":true}" },
        { TEXT("\x82\xac_placeholder\xc3\xa3num\x00"), HOLDER("0") },
        { TEXT("\x92\xa3[{,\xa2]:"), "[\"[{,\",\"]:\"]" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++)
        assert_writes(texts[i].json, texts[i].bytes);
}

static void lengths_are_written_in_the_shortest_form(void **state)
{
    static const struct {
        size_t len;
        const char *string, *binary, *array, *map;
    } lengths[] = {
        { 0, "\xa0", "\xc4\x00", "\x90", "\x80" },
        { 15, "\xaf", "\xc4\x0f", "\x9f", "\x8f" },
        { 31, "\xbf", "\xc4\x1f", "\xdc\x00\x1f", "\xde\x00\x1f" },
        { 32, "\xd9\x20", "\xc4\x20", "\xdc\x00\x20", "\xde\x00\x20" },
        { 255, "\xd9\xff", "\xc4\xff", "\xdc\x00\xff", "\xde\x00\xff" },
        { 256, "\xda\x01\x00", "\xc5\x01\x00", "\xdc\x01\x00", "\xde\x01\x00" },
        { 65535, "\xda\xff\xff", "\xc5\xff\xff", "\xdc\xff\xff", "\xde\xff\xff" },
        { 65536, "\xdb\x00\x01\x00\x00", "\xc6\x00\x01\x00\x00", "\xdd\x00\x01\x00\x00",
          "\xdf\x00\x01\x00\x00" },
    };
    char *bytes = calloc(1, 65536);
    (void)state;

    for (size_t i = 0; i < COUNT(lengths); i++) {
        eio_slice data = { bytes, lengths[i].len };
        eio_buffer *out[4];
        for (size_t n = 0; n < 4; n++)
            out[n] = eio_buffer_new(0);
        assert_int_equal(sio_msgpack_put_string(&out[0], data), EIO_OK);
        assert_int_equal(sio_msgpack_put_binary(&out[1], data), EIO_OK);
        assert_int_equal(sio_msgpack_put_array(&out[2], data.len), EIO_OK);
        assert_int_equal(sio_msgpack_put_map(&out[3], data.len), EIO_OK);
        const char *wanted[] = { lengths[i].string, lengths[i].binary, lengths[i].array,
                                 lengths[i].map };
        for (size_t n = 0; n < 4; n++) {
            size_t head = eio_buffer_slice(out[n]).len - (n < 2 ? data.len : 0);
            assert_memory_equal(eio_buffer_slice(out[n]).base, wanted[n], head);
            eio_buffer_unref(out[n]);
        }
    }
    free(bytes);
}

static void writer_puts_attachments_where_placeholders_stand(void **state)
{
    static const char text[] =
        "{\"a\":[" HOLDER("1") ",1],\"b\":{\"num\":0,\"x\":" HOLDER("1") ",\"_placeholder\":true}}";
    static const char wanted[] = "\x82\xa1"
                                 "a\x92\xc4\x02xy\x01\xa1"
                                 "b\xc4\x00";
    eio_buffer *attachments[2] = { eio_buffer_new(0), eio_buffer_copy(EIO_STR("xy")) };
    eio_buffer *out = eio_buffer_new(0);
    (void)state;

    assert_int_equal(sio_msgpack_put_json(&out, eio_slice_of(text), attachments, 2), EIO_OK);
    assert_int_equal(eio_buffer_slice(out).len, sizeof(wanted) - 1);
    assert_memory_equal(eio_buffer_slice(out).base, wanted, sizeof(wanted) - 1);
    assert_int_equal(sio_msgpack_put_json(&out, EIO_STR(HOLDER("2")), attachments, 2),
                     EIO_E_INVALID);
    assert_int_equal(sio_msgpack_put_json(&out, EIO_STR(HOLDER("-1")), attachments, 2),
                     EIO_E_INVALID);
    eio_buffer_unref(out);
    eio_buffer_unref(attachments[0]);
    eio_buffer_unref(attachments[1]);
}

static void writer_refuses_what_is_no_json(void **state)
{
    static const char *const bad[] = { "", "[", "[1,]", "tru", "01", "\"\\x\"", "{\"a\"}", "1 2" };
    eio_buffer *out = eio_buffer_new(0);
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(sio_msgpack_put_json(&out, eio_slice_of(bad[i]), NULL, 0), EIO_E_INVALID);
    assert_int_equal(eio_buffer_slice(out).len, 0);
    eio_buffer_unref(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_convert_both_ways),
        cmocka_unit_test(reader_takes_every_form),
        cmocka_unit_test(reader_replaces_what_is_not_utf8),
        cmocka_unit_test(bytes_become_placeholders),
        cmocka_unit_test(reader_refuses_what_is_no_message),
        cmocka_unit_test(reader_refuses_every_cut),
        cmocka_unit_test(depth_is_limited_to_128),
        cmocka_unit_test(reader_finds_as_many_binaries_as_it_may),
        cmocka_unit_test(writer_takes_json_as_it_comes),
        cmocka_unit_test(lengths_are_written_in_the_shortest_form),
        cmocka_unit_test(writer_puts_attachments_where_placeholders_stand),
        cmocka_unit_test(writer_refuses_what_is_no_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
