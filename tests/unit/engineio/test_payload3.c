#include "engineio/payload3.h"

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
#define MESSAGE(literal)                                                                           \
    {                                                                                              \
        EIO_PACKET_MESSAGE, false, TEXT(literal)                                                   \
    }
#define BYTES(literal)                                                                             \
    {                                                                                              \
        EIO_PACKET_MESSAGE, true, TEXT(literal)                                                    \
    }
#define EMPTY(type)                                                                                \
    {                                                                                              \
        type, false, TEXT("")                                                                      \
    }
#define EURO "\xe2\x82\xac"
#define FACE "\xf0\x9f\x98\x80"

typedef struct vector {
    eio_slice body;
    bool binary;
    size_t count;
    eio_packet packets[3];
} vector;

static const vector vectors[] = {
    { TEXT("6:4hello2:4" EURO), false, 2, { MESSAGE("hello"), MESSAGE(EURO) } },
    { TEXT("6:4test16:4test26:4test3"),
      false,
      3,
      { MESSAGE("test1"), MESSAGE("test2"), MESSAGE("test3") } },
    { TEXT("3:4" FACE), false, 1, { MESSAGE(FACE) } },
    { TEXT("2:4" EURO "10:b4AQIDBA=="), false, 2, { MESSAGE(EURO), BYTES("\1\2\3\4") } },
    { TEXT("1:31:61:1"),
      false,
      3,
      { EMPTY(EIO_PACKET_PONG), EMPTY(EIO_PACKET_NOOP), EMPTY(EIO_PACKET_CLOSE) } },
    { TEXT("2:40"), false, 1, { MESSAGE("0") } },
    { TEXT("23:40/chat?token=1&b=%20x,"), false, 1, { MESSAGE("0/chat?token=1&b=%20x,") } },
    { TEXT("8:40/chat,"), false, 1, { MESSAGE("0/chat,") } },
    { TEXT("6:2probe2:b4"), false, 2, { { EIO_PACKET_PING, false, TEXT("probe") }, BYTES("") } },
    { TEXT("13:4" FACE EURO "\xc3\xa9 " FACE "12345"),
      false,
      1,
      { MESSAGE(FACE EURO "\xc3\xa9 " FACE "12345") } },
    { TEXT("\x00\x04\xff\x34" EURO "\x01\x05\xff\x04\x01\x02\x03\x04"),
      true,
      2,
      { MESSAGE(EURO), BYTES("\1\2\3\4") } },
    { TEXT("\x00\x06\xff\x34hello\x01\x05\xff\x04\x01\x02\x03\x04"),
      true,
      2,
      { MESSAGE("hello"), BYTES("\1\2\3\4") } },
    { TEXT("\x00\x01\x03\xff\x34"
           "aaaaaaaaaaaa\x01\x02\xff\x04\x01"),
      true,
      2,
      { MESSAGE("aaaaaaaaaaaa"), BYTES("\1") } },
    { TEXT("\x00\x01\xff\x33\x01\x02\xff\x04\x01"),
      true,
      2,
      { EMPTY(EIO_PACKET_PONG), BYTES("\1") } },
    { TEXT(""), true, 0, { EMPTY(EIO_PACKET_OPEN) } },
};

/* A copy of the text in a block of its own size, so that a read past the end is seen. */
static char *copy_of(eio_slice text)
{
    char *copy = malloc(text.len == 0 ? 1 : text.len);

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    return copy;
}

static void assert_packet(const eio_packet *packet, const eio_packet *wanted)
{
    assert_int_equal(packet->type, wanted->type);
    assert_int_equal(packet->binary, wanted->binary);
    assert_true(eio_slice_equal(packet->data, wanted->data));
}

static void decoder_yields_the_packets_of_a_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        char *body = copy_of(v->body);
        eio_payload3 payload;
        eio_packet packet;
        eio_payload3_init(&payload, body, v->body.len, v->binary);
        for (size_t n = 0; n < v->count; n++) {
            assert_int_equal(eio_payload3_next(&payload, &packet), 1);
            assert_packet(&packet, &v->packets[n]);
        }
        assert_int_equal(eio_payload3_next(&payload, &packet), 0);
        assert_int_equal(eio_payload3_next(&payload, &packet), 0);
        free(body);
    }
}

static void encoder_writes_the_bytes_on_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        size_t len = 0;
        for (size_t n = 0; n < v->count; n++)
            len += eio_payload3_packet_len(&v->packets[n]);
        eio_buffer *body = eio_buffer_new(len);
        eio_buffer *same = body;
        for (size_t n = 0; n < v->count; n++)
            assert_int_equal(eio_payload3_append(&body, &v->packets[n], v->binary), EIO_OK);
        assert_ptr_equal(body, same);
        assert_true(eio_slice_equal(eio_buffer_slice(body), v->body));
        eio_buffer_unref(body);
    }
}

static void decoder_takes_what_the_encoder_does_not_write(void **state)
{
    static const vector others[] = {
        { TEXT("0:"), false, 0, { EMPTY(EIO_PACKET_OPEN) } },
        { TEXT("0:2:4a0:"), false, 1, { MESSAGE("a") } },
        { TEXT("0002:4a"), false, 1, { MESSAGE("a") } },
        { TEXT("7:b4_-8==8:b4A Q\nI="), false, 2, { BYTES("\xff\xef"), BYTES("\1\2") } },
        { TEXT("6:b3AQID"), false, 1, { { EIO_PACKET_PONG, false, TEXT("\1\2\3") } } },
        { TEXT("\x00\x00\x02\xff"
               "4a"),
          true,
          1,
          { MESSAGE("a") } },
        { TEXT("\x00\x06\xff"
               "b4AQID"),
          true,
          1,
          { BYTES("\1\2\3") } },
        { TEXT("\x01\x02\xff\x03x"), true, 1, { { EIO_PACKET_PONG, false, TEXT("x") } } },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(others); i++) {
        const vector *v = &others[i];
        char *body = copy_of(v->body);
        eio_payload3 payload;
        eio_packet packet;
        eio_payload3_init(&payload, body, v->body.len, v->binary);
        for (size_t n = 0; n < v->count; n++) {
            assert_int_equal(eio_payload3_next(&payload, &packet), 1);
            assert_packet(&packet, &v->packets[n]);
        }
        assert_int_equal(eio_payload3_next(&payload, &packet), 0);
        free(body);
    }
}

typedef struct bad_vector {
    eio_slice body;
    int good;
} bad_vector;

static void assert_stops(const bad_vector *v, bool binary)
{
    char *body = copy_of(v->body);
    eio_payload3 payload;
    eio_packet packet;

    eio_payload3_init(&payload, body, v->body.len, binary);
    for (int n = 0; n < v->good; n++)
        assert_int_equal(eio_payload3_next(&payload, &packet), 1);
    assert_int_equal(eio_payload3_next(&payload, &packet), EIO_E_PROTOCOL);
    assert_int_equal(eio_payload3_next(&payload, &packet), 0);
    free(body);
}

static void text_decoder_stops_at_what_is_wrong(void **state)
{
    static const bad_vector bad[] = {
        { TEXT(""), 0 },
        { TEXT("abc"), 0 },
        { TEXT("x:4"), 0 },
        { TEXT("1:"), 0 },
        { TEXT("2:4"), 0 },
        { TEXT("1:7"), 0 },
        { TEXT("3:4abX"), 1 },
        { TEXT("2:4a3"), 1 },
        { TEXT(":4"), 0 },
        { TEXT("-1:4"), 0 },
        { TEXT(" 1:4"), 0 },
        { TEXT("1.0:4"), 0 },
        { TEXT("2:4" FACE), 0 },
        { TEXT("4:4" FACE), 0 },
        { TEXT("1:b"), 0 },
        { TEXT("3:b7A"), 0 },
        { TEXT("18446744073709551617:4"), 0 },
        { TEXT("2:4\xe2\x82"), 0 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_stops(&bad[i], false);
}

static void binary_decoder_stops_at_what_is_wrong(void **state)
{
    static const bad_vector bad[] = {
        { TEXT("\x02\x01\xff\x34"), 0 },
        { TEXT("\x00"), 0 },
        { TEXT("\x00\xff\x34"), 0 },
        { TEXT("\x00\x01"), 0 },
        { TEXT("\x00\x01\xff"), 0 },
        { TEXT("\x00\x0a\xff\x34"
               "123456789"),
          0 },
        { TEXT("\x00\x31\xff\x34"), 0 },
        { TEXT("\x00\x00\xff"), 0 },
        { TEXT("\x01\x00\xff"), 0 },
        { TEXT("\x01\x01\xff\x07"), 0 },
        { TEXT("\x00\x02\xff\x34\xff"), 0 },
        { TEXT("\x00\x03\xff\x34\xe2\x82\xac"), 0 },
        { TEXT("\x00\x01\xff\x34\x01\x05\xff\x04\x01\x02\x03"), 1 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_stops(&bad[i], true);
}

/* `digits` digits, all zeros but the last, then a packet. */
static int decode_with_digits(size_t digits, bool binary)
{
    size_t len = (binary ? 1 : 0) + digits + 2;
    char *body = calloc(1, len);
    char *at = body + (binary ? 1 : 0);
    eio_payload3 payload;
    eio_packet packet;

    memset(at, binary ? 0 : '0', digits);
    at[digits - 1] = binary ? 1 : '1';
    at[digits] = binary ? '\xff' : ':';
    at[digits + 1] = '4';
    eio_payload3_init(&payload, body, len, binary);
    int rc = eio_payload3_next(&payload, &packet);
    free(body);
    return rc;
}

static void a_length_has_310_digits_at_most(void **state)
{
    (void)state;
    for (int binary = 0; binary < 2; binary++) {
        assert_int_equal(decode_with_digits(EIO_PAYLOAD3_DIGITS_MAX, binary == 1), 1);
        assert_int_equal(decode_with_digits(EIO_PAYLOAD3_DIGITS_MAX + 1, binary == 1),
                         EIO_E_PROTOCOL);
    }
}

static void decoder_takes_10000_packets_at_most(void **state)
{
    enum { MOST = EIO_PAYLOAD3_PACKETS_MAX };
    char *body = malloc(3 * (MOST + 1));
    eio_payload3 payload;
    eio_packet packet;
    (void)state;

    for (size_t i = 0; i <= MOST; i++)
        memcpy(body + 3 * i, "1:6", 3);
    for (size_t count = MOST - 1; count <= MOST + 1; count++) {
        eio_payload3_init(&payload, body, 3 * count, false);
        for (size_t i = 0; i < count && i < MOST; i++)
            assert_int_equal(eio_payload3_next(&payload, &packet), 1);
        assert_int_equal(eio_payload3_next(&payload, &packet), count > MOST ? EIO_E_LIMIT : 0);
        assert_int_equal(eio_payload3_next(&payload, &packet), 0);
    }
    for (size_t i = 0; i <= MOST; i++)
        memcpy(body + 2 * i, "0:", 2);
    eio_payload3_init(&payload, body, 2 * (MOST + 1), false);
    assert_int_equal(eio_payload3_next(&payload, &packet), EIO_E_LIMIT);
    free(body);
}

static void frames_are_decoded(void **state)
{
    char text[] = "b4AQID", hello[] = "4hello", bad[] = "7";
    eio_packet packet;
    (void)state;

    assert_int_equal(eio_packet3_decode_text(&packet, text, 6), EIO_OK);
    assert_packet(&packet, &(eio_packet)BYTES("\1\2\3"));
    assert_int_equal(eio_packet3_decode_text(&packet, hello, 6), EIO_OK);
    assert_packet(&packet, &(eio_packet)MESSAGE("hello"));
    assert_int_equal(eio_packet3_decode_text(&packet, bad, 1), EIO_E_PROTOCOL);
    assert_int_equal(eio_packet3_decode_text(&packet, bad, 0), EIO_E_PROTOCOL);
    assert_int_equal(eio_packet3_decode_binary(&packet, EIO_STR("\4\1\2")), EIO_OK);
    assert_packet(&packet, &(eio_packet)BYTES("\1\2"));
    assert_int_equal(eio_packet3_decode_binary(&packet, EIO_STR("\4")), EIO_OK);
    assert_packet(&packet, &(eio_packet)BYTES(""));
    assert_int_equal(eio_packet3_decode_binary(&packet, EIO_STR("\7")), EIO_E_PROTOCOL);
    assert_int_equal(eio_packet3_decode_binary(&packet, EIO_STR("4a")), EIO_E_PROTOCOL);
    assert_int_equal(eio_packet3_decode_binary(&packet, (eio_slice){ NULL, 0 }), EIO_E_PROTOCOL);
}

static void bytes_become_a_text_frame_for_clients_that_ask_for_it(void **state)
{
    eio_buffer *frame;
    (void)state;

    assert_int_equal(eio_packet3_encode_base64(&frame, EIO_STR("\1\2\3\4")), EIO_OK);
    assert_true(eio_slice_equal(eio_buffer_slice(frame), EIO_STR("b4AQIDBA==")));
    eio_buffer_unref(frame);
    assert_int_equal(eio_packet3_encode_base64(&frame, (eio_slice){ NULL, 0 }), EIO_OK);
    assert_true(eio_slice_equal(eio_buffer_slice(frame), EIO_STR("b4")));
    eio_buffer_unref(frame);
}

static void decoder_refuses_every_cut_of_a_body(void **state)
{
    static const vector whole = {
        TEXT("\x00\x01\x03\xff\x34"
             "aaaaaaaaaaaa\x01\x02\xff\x04\x01"),
        true,
        0,
        { EMPTY(EIO_PACKET_OPEN) },
    };
    static const char text[] = "3:4" FACE "2:4" EURO "10:b4AQIDBA==";
    (void)state;

    for (int binary = 0; binary < 2; binary++) {
        eio_slice all = binary ? whole.body : eio_slice_of(text);
        for (size_t len = 0; len <= all.len; len++) {
            char *body = copy_of((eio_slice){ all.base, len });
            eio_payload3 payload;
            eio_packet packet;
            int rc;
            eio_payload3_init(&payload, body, len, binary == 1);
            while ((rc = eio_payload3_next(&payload, &packet)) == 1) {
            }
            bool between =
                len == all.len || (binary == 1 ? len == 0 || len == 17 : len == 7 || len == 13);
            assert_int_equal(rc, between ? 0 : EIO_E_PROTOCOL);
            free(body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_yields_the_packets_of_a_body),
        cmocka_unit_test(encoder_writes_the_bytes_on_record),
        cmocka_unit_test(decoder_takes_what_the_encoder_does_not_write),
        cmocka_unit_test(text_decoder_stops_at_what_is_wrong),
        cmocka_unit_test(binary_decoder_stops_at_what_is_wrong),
        cmocka_unit_test(a_length_has_310_digits_at_most),
        cmocka_unit_test(decoder_takes_10000_packets_at_most),
        cmocka_unit_test(frames_are_decoded),
        cmocka_unit_test(bytes_become_a_text_frame_for_clients_that_ask_for_it),
        cmocka_unit_test(decoder_refuses_every_cut_of_a_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
