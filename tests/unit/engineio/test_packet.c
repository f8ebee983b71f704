#include "engineio/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

typedef struct vector {
    eio_slice text;
    eio_packet packet;
} vector;

static const vector vectors[] = {
    { TEXT("0{}"), { EIO_PACKET_OPEN, false, TEXT("{}") } },
    { TEXT("1"), { EIO_PACKET_CLOSE, false, TEXT("") } },
    { TEXT("2"), { EIO_PACKET_PING, false, TEXT("") } },
    { TEXT("2probe"), { EIO_PACKET_PING, false, TEXT("probe") } },
    { TEXT("3probe"), { EIO_PACKET_PONG, false, TEXT("probe") } },
    { TEXT("4"), { EIO_PACKET_MESSAGE, false, TEXT("") } },
    { TEXT("4hello"), { EIO_PACKET_MESSAGE, false, TEXT("hello") } },
    { TEXT("4b"), { EIO_PACKET_MESSAGE, false, TEXT("b") } },
    { TEXT("5"), { EIO_PACKET_UPGRADE, false, TEXT("") } },
    { TEXT("6"), { EIO_PACKET_NOOP, false, TEXT("") } },
    { TEXT("bAQIDBA=="), { EIO_PACKET_MESSAGE, true, TEXT("\1\2\3\4") } },
    { TEXT("bAQIDBA"), { EIO_PACKET_MESSAGE, true, TEXT("\1\2\3\4") } },
    { TEXT("b//79AA=="), { EIO_PACKET_MESSAGE, true, TEXT("\xff\xfe\xfd\0") } },
    { TEXT("b_ _79AA"), { EIO_PACKET_MESSAGE, true, TEXT("\xff\xfe\xfd\0") } },
    { TEXT("b"), { EIO_PACKET_MESSAGE, true, TEXT("") } },
    { TEXT("b!"), { EIO_PACKET_MESSAGE, true, TEXT("") } },
};

static void decoder_reads_each_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        char text[32];
        eio_packet packet;
        memcpy(text, v->text.base, v->text.len);
        assert_int_equal(eio_packet_decode(&packet, text, v->text.len), EIO_OK);
        assert_int_equal(packet.type, v->packet.type);
        assert_int_equal(packet.binary, v->packet.binary);
        assert_true(eio_slice_equal(packet.data, v->packet.data));
    }
}

static void decoder_refuses_every_other_first_character(void **state)
{
    eio_packet packet;
    (void)state;

    assert_int_equal(eio_packet_decode(&packet, NULL, 0), EIO_E_PROTOCOL);
    for (int c = 0; c < 256; c++) {
        char text[1] = { (char)c };
        bool good = (c >= '0' && c <= '6') || c == 'b';
        assert_int_equal(eio_packet_decode(&packet, text, 1), good ? EIO_OK : EIO_E_PROTOCOL);
    }
}

static void probes_are_told_from_what_looks_like_one(void **state)
{
    static const struct {
        const char *text;
        bool ping, pong;
    } texts[] = {
        { "2probe", true, false }, { "3probe", false, true },   { "2", false, false },
        { "2prob", false, false }, { "2probes", false, false }, { "4probe", false, false },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[16];
        eio_packet packet;
        size_t len = strlen(texts[i].text);
        memcpy(text, texts[i].text, len);
        assert_int_equal(eio_packet_decode(&packet, text, len), EIO_OK);
        assert_int_equal(eio_packet_is_probe(&packet, EIO_PACKET_PING), texts[i].ping);
        assert_int_equal(eio_packet_is_probe(&packet, EIO_PACKET_PONG), texts[i].pong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_reads_each_type),
        cmocka_unit_test(decoder_refuses_every_other_first_character),
        cmocka_unit_test(probes_are_told_from_what_looks_like_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
