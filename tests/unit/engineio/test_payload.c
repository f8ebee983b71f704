#include "engineio/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
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

typedef struct vector {
    eio_slice body;
    size_t count;
    eio_packet packets[3];
} vector;

static const vector vectors[] = {
    { TEXT("4hello"), 1, { MESSAGE("hello") } },
    { TEXT("4"), 1, { MESSAGE("") } },
    { TEXT("4a\x1e"
           "4b\x1e"
           "4c"),
      3,
      { MESSAGE("a"), MESSAGE("b"), MESSAGE("c") } },
    { TEXT("4hello\x1e"
           "bAQIDBA=="),
      2,
      { MESSAGE("hello"), BYTES("\1\2\3\4") } },
    { TEXT("b//79AA==\x1e"
           "4"),
      2,
      { BYTES("\xff\xfe\xfd\0"), MESSAGE("") } },
    { TEXT("6\x1e"
           "1"),
      2,
      { { EIO_PACKET_NOOP, false, TEXT("") }, { EIO_PACKET_CLOSE, false, TEXT("") } } },
    { TEXT("b\x1e"
           "b\x1e"
           "2probe"),
      3,
      { BYTES(""), BYTES(""), { EIO_PACKET_PING, false, TEXT("probe") } } },
};

/* A copy of the text in a block of its own size, so that a read past the end is seen. */
static char *copy_of(eio_slice text)
{
    char *copy = malloc(text.len == 0 ? 1 : text.len);

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    return copy;
}

static void decoder_yields_the_packets_of_a_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        char *body = copy_of(v->body);
        eio_payload payload;
        eio_packet packet;
        eio_payload_init(&payload, body, v->body.len);
        for (size_t n = 0; n < v->count; n++) {
            assert_int_equal(eio_payload_next(&payload, &packet), 1);
            assert_int_equal(packet.type, v->packets[n].type);
            assert_int_equal(packet.binary, v->packets[n].binary);
            assert_true(eio_slice_equal(packet.data, v->packets[n].data));
        }
        assert_int_equal(eio_payload_next(&payload, &packet), 0);
        free(body);
    }
}

static void encoder_writes_what_the_decoder_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        size_t len = 0;
        for (size_t n = 0; n < v->count; n++)
            len += eio_payload_packet_len(&v->packets[n]);
        eio_buffer *body = eio_buffer_new(len);
        eio_buffer *same = body;
        for (size_t n = 0; n < v->count; n++)
            assert_int_equal(eio_payload_append(&body, &v->packets[n]), EIO_OK);
        assert_ptr_equal(body, same);
        assert_true(eio_slice_equal(eio_buffer_slice(body), v->body));
        eio_buffer_unref(body);
    }
}

static void decoder_stops_at_a_bad_packet(void **state)
{
    static const struct {
        eio_slice body;
        int good;
    } bad[] = {
        { TEXT(""), 0 },
        { TEXT("\x1e"), 0 },
        { TEXT("\x1e"
               "4a"),
          0 },
        { TEXT("4a\x1e"), 1 },
        { TEXT("4a\x1e\x1e"
               "4b"),
          1 },
        { TEXT("7"), 0 },
        { TEXT("abc"), 0 },
        { TEXT("4a\x1e"
               "7\x1e"
               "4b"),
          1 },
        { TEXT("\xef\xbf\xbd"), 0 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        char *body = copy_of(bad[i].body);
        eio_payload payload;
        eio_packet packet;
        eio_payload_init(&payload, body, bad[i].body.len);
        for (int n = 0; n < bad[i].good; n++)
            assert_int_equal(eio_payload_next(&payload, &packet), 1);
        assert_int_equal(eio_payload_next(&payload, &packet), EIO_E_PROTOCOL);
        assert_int_equal(eio_payload_next(&payload, &packet), 0);
        free(body);
    }
}

static void decoder_takes_10000_packets_at_most(void **state)
{
    enum { MOST = EIO_PAYLOAD_PACKETS_MAX };
    char body[2 * (MOST + 1)];
    eio_payload payload;
    eio_packet packet;
    (void)state;

    for (size_t i = 0; i <= MOST; i++)
        memcpy(body + 2 * i, "6\x1e", 2);
    for (size_t count = MOST - 1; count <= MOST + 1; count++) {
        eio_payload_init(&payload, body, 2 * count - 1);
        for (size_t i = 0; i < count && i < MOST; i++)
            assert_int_equal(eio_payload_next(&payload, &packet), 1);
        assert_int_equal(eio_payload_next(&payload, &packet), count > MOST ? EIO_E_LIMIT : 0);
        assert_int_equal(eio_payload_next(&payload, &packet), 0);
    }
}

#define BAD "\xef\xbf\xbd"

/* As Buffer.from(bytes).toString() has them. */
static const struct {
    eio_slice bytes, text;
} repairs[] = {
    { TEXT("\xff"), TEXT(BAD) },
    { TEXT("4a\x80z"), TEXT("4a" BAD "z") },
    { TEXT("\xc3"), TEXT(BAD) },
    { TEXT("\xc3\x28"), TEXT(BAD "(") },
    { TEXT("\xc0\xaf"), TEXT(BAD BAD) },
    { TEXT("\xe2\x82"), TEXT(BAD) },
    { TEXT("\xe2\x82x"), TEXT(BAD "x") },
    { TEXT("\xe0\x80\x80"), TEXT(BAD BAD BAD) },
    { TEXT("\xed\xa0\x80"), TEXT(BAD BAD BAD) },
    { TEXT("\xf0\x9f\x98"), TEXT(BAD) },
    { TEXT("\xf0\x9f\xf0\x9f\x98\x80"), TEXT(BAD "\xf0\x9f\x98\x80") },
    { TEXT("\xf4\x90\x80\x80"), TEXT(BAD BAD BAD BAD) },
    { TEXT("\xf5\xc3\xa9\x80"), TEXT(BAD "\xc3\xa9" BAD) },
    { TEXT("\xe2\xe2\xe2\x82\xac"), TEXT(BAD BAD "\xe2\x82\xac") },
    { TEXT("\xf0\x9f\x98\x80\xbf"), TEXT("\xf0\x9f\x98\x80" BAD) },
};

static void repair_replaces_what_is_not_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(repairs); i++) {
        char *body = copy_of(repairs[i].bytes);
        eio_buffer *out = NULL;
        assert_int_equal(eio_payload_repair(&out, (eio_slice){ body, repairs[i].bytes.len }), 0);
        assert_non_null(out);
        assert_int_equal(eio_buffer_slice(out).len, repairs[i].text.len);
        assert_true(eio_slice_equal(eio_buffer_slice(out), repairs[i].text));
        eio_buffer_unref(out);
        free(body);
    }
}

static void repair_leaves_utf8_alone(void **state)
{
    eio_buffer *out;
    (void)state;

    for (size_t i = 0; i < COUNT(repairs); i++) {
        assert_int_equal(eio_payload_repair(&out, repairs[i].text), EIO_OK);
        assert_null(out);
    }
    assert_int_equal(eio_payload_repair(&out, (eio_slice){ NULL, 0 }), EIO_OK);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_yields_the_packets_of_a_body),
        cmocka_unit_test(encoder_writes_what_the_decoder_reads),
        cmocka_unit_test(decoder_stops_at_a_bad_packet),
        cmocka_unit_test(decoder_takes_10000_packets_at_most),
        cmocka_unit_test(repair_replaces_what_is_not_utf8),
        cmocka_unit_test(repair_leaves_utf8_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
