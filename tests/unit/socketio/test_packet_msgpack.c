#include "socketio/packet_msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/socketio/describe_packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define TYPE "\xa4type"
#define DATA                                                                                       \
    "\xa4"                                                                                         \
    "data"
#define NSP "\xa3nsp"
#define ID "\xa2id"
#define ROOT NSP "\xa1/"

static sio_decoder decoder;

static int set_up(void **state)
{
    (void)state;
    sio_decoder_init(&decoder, 1000);
    return 0;
}

/* What a message gives as one line. It is decoded in a block of its own size. */
static char *describe(eio_slice bytes)
{
    char *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    sio_packet packet;

    if (bytes.len > 0)
        memcpy(copy, bytes.base, bytes.len);
    sio_decode_result result =
        sio_msgpack_decode(&packet, &decoder, (eio_slice){ copy, bytes.len });
    if (result == SIO_DECODE_PACKET) {
        describe_packet(out, &packet);
        sio_packet_fini(&packet);
    } else {
        fprintf(out, "fault: %s", decoder.fault);
    }
    fclose(out);
    free(copy);
    return line;
}

typedef struct vector {
    eio_slice bytes;
    const char *line;
} vector;

static void assert_lines(const vector *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *line = describe(vectors[i].bytes);
        assert_string_equal(line, vectors[i].line);
        free(line);
    }
}

static void decoder_reads_the_packets_on_record(void **state)
{
    static const vector vectors[] = {
        { TEXT("\x82" TYPE "\x00" ROOT), "CONNECT nsp=/ no payload" },
        { TEXT("\x83" TYPE "\x00" DATA "\x81\xa3sid\xa3"
               "abc" ROOT),
          "CONNECT nsp=/ payload={\"sid\":\"abc\"}" },
        { TEXT("\x83" TYPE "\x02" DATA "\x93\xa5hello\x01\xc4\x03\x01\x02\x03" ROOT),
          "EVENT nsp=/ name=hello arg=1 arg={\"_placeholder\":true,\"num\":0} attachment=010203" },
        { TEXT("\x84" ID "\x03" TYPE "\x03" DATA "\x91\xa2ok" NSP "\xa2/a"),
          "ACK nsp=/a id=3 arg=\"ok\"" },
        { TEXT("\x82" TYPE "\x01" ROOT), "DISCONNECT nsp=/ no payload" },
        { TEXT("\x83" TYPE "\x04" DATA "\x81\xa7message\xa1m" ROOT),
          "CONNECT_ERROR nsp=/ payload={\"message\":\"m\"}" },
        { TEXT("\x83" TYPE "\x04" DATA "\xa1m" ROOT), "CONNECT_ERROR nsp=/ payload=\"m\"" },
        { TEXT("\x85" ROOT DATA "\x92\xa1"
               "e\x90" ID "\xcb\x40\x08\x00\x00\x00\x00\x00\x00" TYPE "\xcd\x00\x02\xa7options\x81"
               "\xa8"
               "compress\xc3"),
          "EVENT nsp=/ id=3 name=e arg=[]" },
        { TEXT("\x83" TYPE "\x02" DATA "\x92\x05\xc0" ROOT), "EVENT nsp=/ name=5 arg=null" },
        { TEXT("\x84" TYPE "\x02" DATA "\x91\xa1"
               "a" ROOT ID "\xd4\x00\x00"),
          "EVENT nsp=/ name=a" },
        { TEXT("\x83" TYPE "\x03" DATA "\x90" ROOT), "ACK nsp=/" },
        { TEXT("\x83" TYPE "\x02" DATA "\x91\xa2\"\n" ROOT), "EVENT nsp=/ name=\"\\x0a" },
        { TEXT("\x84" TYPE "\x01" TYPE "\x00" NSP "\xa1x" ROOT), "CONNECT nsp=/ no payload" },
        { TEXT("\x83" TYPE "\x00" DATA "\xd4\x00\x00" ROOT), "CONNECT nsp=/ no payload" },
        { TEXT("\x83" TYPE "\x02" DATA "\x92\xa1"
               "a\x82\xac_placeholder\xc3\xa3num\x05" ROOT),
          "EVENT nsp=/ name=a arg={\"_placeholder\":true,\"num\":5}" },
    };
    (void)state;

    assert_lines(vectors, COUNT(vectors));
}

static void decoder_refuses_what_breaks_the_rules(void **state)
{
    static const vector vectors[] = {
        { TEXT(""), "fault: invalid msgpack" },
        { TEXT("\x90"), "fault: invalid msgpack" },
        { TEXT("\xa1x"), "fault: invalid msgpack" },
        { TEXT("\x82" TYPE "\x00" ROOT "\x00"), "fault: invalid msgpack" },
        { TEXT("\x83" TYPE "\x00" ROOT "\xc0\x01"), "fault: invalid msgpack" },
        { TEXT("\x80"), "fault: invalid packet type" },
        { TEXT("\x82" TYPE "\x05" ROOT), "fault: invalid packet type" },
        { TEXT("\x82" TYPE "\xff" ROOT), "fault: invalid packet type" },
        { TEXT("\x82" TYPE "\xa1"
               "0" ROOT),
          "fault: invalid packet type" },
        { TEXT("\x82" TYPE "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00" ROOT),
          "fault: invalid packet type" },
        { TEXT("\x82" TYPE "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00" ROOT),
          "fault: invalid packet type" },
        { TEXT("\x81" TYPE "\x00"), "fault: invalid namespace" },
        { TEXT("\x82" TYPE "\x00" NSP "\x01"), "fault: invalid namespace" },
        { TEXT("\x82" TYPE "\x00" NSP "\xa1\xff"), "fault: invalid namespace" },
        { TEXT("\x83" TYPE "\x00" ROOT ID "\xff"), "fault: invalid packet id" },
        { TEXT("\x83" TYPE "\x00" ROOT ID "\xc0"), "fault: invalid packet id" },
        { TEXT("\x83" TYPE "\x00" ROOT ID "\xcf\x00\x20\x00\x00\x00\x00\x00\x00"),
          "fault: invalid packet id" },
        { TEXT("\x83" TYPE "\x00" ROOT DATA "\x90"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x00" ROOT DATA "\xc0"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x01" ROOT DATA "\x80"), "fault: invalid payload" },
        { TEXT("\x82" TYPE "\x02" ROOT), "fault: invalid payload" },
        { TEXT("\x82" TYPE "\x03" ROOT), "fault: invalid payload" },
        { TEXT("\x82" TYPE "\x04" ROOT), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x02" ROOT DATA "\x90"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x02" ROOT DATA "\x80"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x02" ROOT DATA "\x91\xc3"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x02" ROOT DATA "\x91\xc4\x01x"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x02" ROOT DATA "\x91\xaa"
               "disconnect"),
          "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x03" ROOT DATA "\x01"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x04" ROOT DATA "\x90"), "fault: invalid payload" },
        { TEXT("\x83" TYPE "\x00" ROOT DATA "\x81\xa1"
               "a\xc4\x00"),
          "fault: too many attachments" },
        { TEXT("\x83" TYPE "\x03" ROOT DATA
               "\x9b\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4"
               "\x00\xc4\x00"),
          "fault: too many attachments" },
        { TEXT("\x83" TYPE "\x03" ROOT DATA "\x92\xc4\x00\x82\xac_placeholder\xc3\xa3num\x05"),
          "fault: illegal attachments" },
    };
    (void)state;

    assert_lines(vectors, COUNT(vectors));
}

static void decoder_refuses_every_cut(void **state)
{
    static const eio_slice whole = TEXT("\x84" TYPE "\x02" DATA "\x93\xa5hello\x01\xc4\x03\x01\x02"
                                        "\x03" ID "\x07" ROOT);
    (void)state;

    for (size_t len = 0; len < whole.len; len++) {
        char *line = describe((eio_slice){ whole.base, len });
        assert_string_equal(line, "fault: invalid msgpack");
        free(line);
    }
}

static void assert_buffer_is(eio_buffer *buffer, eio_slice wanted)
{
    eio_slice got = eio_buffer_slice(buffer);

    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.base, wanted.base, got.len);
    eio_buffer_unref(buffer);
}

static const eio_slice root = { "/", 1 };
static const eio_slice absent = { NULL, 0 };

static void encoder_writes_the_bytes_on_record(void **state)
{
    eio_slice json[] = { EIO_STR("1"), EIO_STR("{\"_placeholder\":true,\"num\":0}"),
                         EIO_STR("\"ok\"") };
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("\1\2\3"));
    sio_args args = { json, 2, &bytes, 1 };
    sio_args ok = { json + 2, 1, NULL, 0 };
    sio_encoded packet = { .attachment_count = 1 };
    eio_buffer *out;
    (void)state;

    assert_int_equal(sio_msgpack_encode_connect(&out, root, absent), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x82" TYPE "\x00" ROOT));
    assert_int_equal(sio_msgpack_encode_connect(&out, root, EIO_STR("{\"sid\":\"abc\"}")), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x83" TYPE "\x00" DATA "\x81\xa3sid\xa3"
                                  "abc" ROOT));
    assert_int_equal(sio_msgpack_encode_event(&packet, root, false, 0, EIO_STR("hello"), args), 0);
    assert_buffer_is(packet.text,
                     EIO_STR("\x83" TYPE "\x02" DATA "\x93\xa5hello\x01\xc4\x03\x01\x02\x03" ROOT));
    assert_int_equal(sio_msgpack_encode_event(&packet, root, true, 300, absent, SIO_NO_ARGS), 0);
    assert_buffer_is(packet.text,
                     EIO_STR("\x84" TYPE "\x02" DATA "\x91\xa0" ID "\xcd\x01\x2c" ROOT));
    assert_int_equal(sio_msgpack_encode_ack(&packet, EIO_STR("/a"), 3, ok), EIO_OK);
    assert_buffer_is(packet.text,
                     EIO_STR("\x84" ID "\x03" TYPE "\x03" DATA "\x91\xa2ok" NSP "\xa2/a"));
    assert_int_equal(packet.attachment_count, 0);
    assert_int_equal(sio_msgpack_encode_error4(&out, root, EIO_STR("m"), absent), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x83" TYPE "\x04" DATA "\xa1m" ROOT));
    assert_int_equal(sio_msgpack_encode_error4(&out, root, EIO_STR("m"), EIO_STR("7")), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x83" TYPE "\x04" DATA "\x07" ROOT));
    assert_int_equal(sio_msgpack_encode_disconnect(&out, root), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x82" TYPE "\x01" ROOT));
    assert_int_equal(
        sio_msgpack_encode_connect_error(&out, root, EIO_STR("m"), EIO_STR("{\"a\":1}")), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x83" TYPE "\x04" DATA "\x82\xa7message\xa1m" DATA "\x81\xa1"
                                  "a\x01" ROOT));
    assert_int_equal(sio_msgpack_encode_connect_error(&out, root, absent, absent), EIO_OK);
    assert_buffer_is(out, EIO_STR("\x83" TYPE "\x04" DATA "\x80" ROOT));
    eio_buffer_unref(bytes);
}

static void encoder_refuses_what_it_cannot_send(void **state)
{
    eio_slice json[] = { EIO_STR("{\"_placeholder\":true,\"num\":1}"), EIO_STR("[") };
    eio_buffer *bytes = eio_buffer_new(0);
    sio_encoded out;
    (void)state;

    assert_int_equal(
        sio_msgpack_encode_event(&out, root, false, 0, EIO_STR("connect"), SIO_NO_ARGS),
        EIO_E_RESERVED);
    assert_int_equal(sio_msgpack_encode_ack(&out, root, 1, (sio_args){ json, 1, &bytes, 1 }),
                     EIO_E_INVALID);
    assert_int_equal(sio_msgpack_encode_ack(&out, root, 1, (sio_args){ json + 1, 1, NULL, 0 }),
                     EIO_E_INVALID);
    eio_buffer_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(decoder_reads_the_packets_on_record, set_up),
        cmocka_unit_test_setup(decoder_refuses_what_breaks_the_rules, set_up),
        cmocka_unit_test_setup(decoder_refuses_every_cut, set_up),
        cmocka_unit_test(encoder_writes_the_bytes_on_record),
        cmocka_unit_test(encoder_refuses_what_it_cannot_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
