#include "engineio/websocket/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/websocket/mask.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LIMIT = 300, MAX_FRAGMENTS = 5, LOG_SIZE = 8192, MAX_INPUT = 4096 };

static const eio_frame_limits limits = { LIMIT, MAX_FRAGMENTS };

/* What the client sends, being put together. */
typedef struct input {
    size_t len;
    char bytes[MAX_INPUT];
} input;

/* What the decoder said, in one line an event. */
typedef struct record {
    size_t len;
    char text[LOG_SIZE];
} record;

static void put(input *in, const void *bytes, size_t len)
{
    assert_true(in->len + len <= MAX_INPUT);
    memcpy(in->bytes + in->len, bytes, len);
    in->len += len;
}

/* Whether permessage-deflate was agreed on, in the test at work. */
static bool has_deflate;

/* A masked frame of a client, in its shortest form. */
static void put_frame(input *in, unsigned first, eio_slice payload)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    uint8_t head[4] = { (uint8_t)first, (uint8_t)(payload.len < 126 ? 0x80 | payload.len : 0xfe),
                        (uint8_t)(payload.len >> 8), (uint8_t)payload.len };

    put(in, head, payload.len < 126 ? 2 : 4);
    put(in, mask, 4);
    put(in, payload.base, payload.len);
    char *at = in->bytes + in->len - payload.len;
    eio_unmask(at, at, payload.len, mask);
}

static void note(record *out, eio_frame_result result, const eio_frame_event *event)
{
    static const char *const names[] = { "more", "message", "control", "failed" };
    int room = (int)(sizeof(out->text) - out->len);
    int code = result == EIO_FRAME_MESSAGE ? 0 : event->code;
    int opcode = result == EIO_FRAME_FAILED ? 0 : (int)event->opcode;

    int len =
        snprintf(out->text + out->len, (size_t)room, "%s%s %x %d %.*s\n",
                 event->compressed ? "compressed " : "", names[result], (unsigned)opcode, code,
                 (int)event->payload.len, event->payload.len == 0 ? "" : event->payload.base);
    assert_true(len >= 0 && len < room);
    out->len += (size_t)len;
}

/* Feed one piece, in memory of its exact size, so that a byte read behind it is seen. */
static void feed(eio_frame_decoder *decoder, const char *bytes, size_t len, record *out)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    char *at = copy;
    eio_frame_event event;
    eio_frame_result result;

    while ((result = eio_frame_next(decoder, &limits, &at, copy + len, &event)) != EIO_FRAME_MORE)
        note(out, result, &event);
    assert_ptr_equal(at, copy + len);
    assert_true(eio_frame_heap_bytes(decoder) <= LIMIT + 512);
    free(copy);
}

/* Feed all of it in two pieces, the first of `cut` bytes. */
static void feed_cut(const input *in, size_t cut, record *out)
{
    eio_frame_decoder decoder = { .has_deflate = has_deflate };

    out->len = 0;
    out->text[0] = '\0';
    feed(&decoder, in->bytes, cut, out);
    feed(&decoder, in->bytes + cut, in->len - cut, out);
    eio_frame_fini(&decoder);
}

static void feed_byte_by_byte(const input *in, record *out)
{
    eio_frame_decoder decoder = { .has_deflate = has_deflate };

    out->len = 0;
    out->text[0] = '\0';
    for (size_t i = 0; i < in->len; i++)
        feed(&decoder, in->bytes + i, 1, out);
    eio_frame_fini(&decoder);
}

/* The events are these, fed whole, byte by byte, and at every split. */
static void assert_events(const input *in, const char *expected)
{
    record out;

    for (size_t cut = 0; cut <= in->len; cut++) {
        feed_cut(in, cut, &out);
        assert_string_equal(out.text, expected);
    }
    feed_byte_by_byte(in, &out);
    assert_string_equal(out.text, expected);
}

static void decoder_reads_the_examples_of_the_rfc(void **state)
{
    input in = { 0 };
    (void)state;

    /* RFC 6455 §5.7: a masked "Hello", as text and as a pong. */
    put(&in, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    put(&in, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    assert_events(&in, "message 1 0 Hello\ncontrol a 0 Hello\n");
}

static void decoder_reads_many_messages_of_one_read(void **state)
{
    input in = { 0 };
    char large[LIMIT];
    char expected[1024];
    (void)state;

    memset(large, 'x', sizeof(large));
    put_frame(&in, 0x81, EIO_STR("one"));
    put_frame(&in, 0x82, EIO_STR(""));
    put_frame(&in, 0x82, EIO_STR("\xff\xfe"));
    put_frame(&in, 0x89, EIO_STR("ping"));
    put_frame(&in, 0x81, (eio_slice){ large, sizeof(large) });
    put_frame(&in, 0x81, (eio_slice){ large, 126 });
    put_frame(&in, 0x81, (eio_slice){ large, 125 });
    snprintf(expected, sizeof(expected),
             "message 1 0 one\nmessage 2 0 \nmessage 2 0 \xff\xfe\ncontrol 9 0 ping\n"
             "message 1 0 %.300s\nmessage 1 0 %.126s\nmessage 1 0 %.125s\n",
             large, large, large);
    assert_events(&in, expected);
}

static void decoder_joins_fragments_around_control_frames(void **state)
{
    input in = { 0 };
    (void)state;

    put_frame(&in, 0x01, EIO_STR("one "));
    put_frame(&in, 0x89, EIO_STR("first"));
    put_frame(&in, 0x00, EIO_STR(""));
    put_frame(&in, 0x8a, EIO_STR("second"));
    put_frame(&in, 0x00, EIO_STR("and two\xe2"));
    put_frame(&in, 0x80, EIO_STR("\x82\xac"));
    put_frame(&in, 0x02, EIO_STR(""));
    put_frame(&in, 0x80, EIO_STR(""));
    put_frame(&in, 0x81, EIO_STR("next"));
    assert_events(&in,
                  "control 9 0 first\ncontrol a 0 second\nmessage 1 0 one and two\xe2\x82\xac\n"
                  "message 2 0 \nmessage 1 0 next\n");
}

static void decoder_reads_close_frames_and_swallows_what_follows(void **state)
{
    static const struct {
        eio_slice payload;
        const char *expected;
    } cases[] = {
        { { "", 0 }, "control 8 0 \n" },
        { { "\x03\xe8", 2 }, "control 8 1000 \n" },
        { { "\x03\xe9going \xc3\xa9", 10 }, "control 8 1001 going \xc3\xa9\n" },
        { { "\x03\xf6", 2 }, "control 8 1014 \n" },
        { { "\x0b\xb8", 2 }, "control 8 3000 \n" },
        { { "\x13\x87", 2 }, "control 8 4999 \n" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        input in = { 0 };
        put_frame(&in, 0x88, cases[i].payload);
        put_frame(&in, 0x81, EIO_STR("too late"));
        put(&in, "\xff\xff", 2);
        assert_events(&in, cases[i].expected);
    }
}

static void decoder_reads_a_close_frame_inside_a_message(void **state)
{
    input in = { 0 };
    (void)state;

    put_frame(&in, 0x01, EIO_STR("never ended"));
    put_frame(&in, 0x88, EIO_STR("\x03\xe8"));
    put_frame(&in, 0x80, EIO_STR("too late"));
    assert_events(&in, "control 8 1000 \n");

    eio_frame_decoder decoder = { 0 };
    record out = { 0 };
    feed(&decoder, in.bytes, in.len, &out);
    assert_int_equal(eio_frame_heap_bytes(&decoder), 0); /* nothing is kept of the message */
    eio_frame_fini(&decoder);
}

static void decoder_rejects_wrong_close_frames(void **state)
{
    static const struct {
        eio_slice payload;
        int code;
    } cases[] = {
        { { "\x03", 1 }, EIO_E_PROTOCOL },     { { "\x00\x00", 2 }, EIO_E_PROTOCOL },
        { { "\x03\xe7", 2 }, EIO_E_PROTOCOL }, { { "\x03\xec", 2 }, EIO_E_PROTOCOL },
        { { "\x03\xed", 2 }, EIO_E_PROTOCOL }, { { "\x03\xee", 2 }, EIO_E_PROTOCOL },
        { { "\x03\xf7", 2 }, EIO_E_PROTOCOL }, { { "\x0b\xb7", 2 }, EIO_E_PROTOCOL },
        { { "\x13\x88", 2 }, EIO_E_PROTOCOL }, { { "\xff\xff", 2 }, EIO_E_PROTOCOL },
        { { "\x03\xe8\xc3", 3 }, EIO_E_UTF8 }, { { "\x03\xe8\xff.", 4 }, EIO_E_UTF8 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        input in = { 0 };
        char expected[128];
        put_frame(&in, 0x88, cases[i].payload);
        snprintf(expected, sizeof(expected), "failed 0 %d %s\n", cases[i].code,
                 cases[i].payload.len == 1         ? "a close frame with half a code"
                 : cases[i].code == EIO_E_PROTOCOL ? "a close code that may not be sent"
                                                   : "a close reason that is not UTF-8");
        assert_events(&in, expected);
    }
}

/* Bytes that fail, behind one good message, and before bytes that are swallowed. */
static void assert_fails(eio_slice bytes, int code, const char *why)
{
    input in = { 0 };
    char expected[256];

    put_frame(&in, 0x81, EIO_STR("good"));
    put(&in, bytes.base, bytes.len);
    put_frame(&in, 0x81, EIO_STR("dropped"));
    snprintf(expected, sizeof(expected), "message 1 0 good\nfailed 0 %d %s\n", code, why);
    assert_events(&in, expected);
}

static void decoder_rejects_reserved_bits_and_opcodes(void **state)
{
    (void)state;
    assert_fails(EIO_STR("\xc1"), EIO_E_PROTOCOL,
                 "a reserved bit is set"); /* RSV1: nothing was negotiated */
    assert_fails(EIO_STR("\xa1"), EIO_E_PROTOCOL, "a reserved bit is set");
    assert_fails(EIO_STR("\x91"), EIO_E_PROTOCOL, "a reserved bit is set");
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        char first = (char)(0x80 | opcode);
        if ((opcode > 2 && opcode < 8) || opcode > 10)
            assert_fails((eio_slice){ &first, 1 }, EIO_E_PROTOCOL, "a reserved opcode");
    }
}

/* What is inside is not looked at: neither its length when inflated, nor whether it is UTF-8. */
static void decoder_marks_compressed_messages(void **state)
{
    input in = { 0 };
    (void)state;

    put_frame(&in, 0xc1, EIO_STR("\xf2\x48\xff"));
    put_frame(&in, 0xc2, EIO_STR(""));
    put_frame(&in, 0x81, EIO_STR("plain"));
    put_frame(&in, 0x41, EIO_STR("\xff"));
    put_frame(&in, 0x89, EIO_STR("ping"));
    put_frame(&in, 0x00, EIO_STR(""));
    put_frame(&in, 0x80, EIO_STR("\xfe"));
    put_frame(&in, 0x01, EIO_STR("a"));
    put_frame(&in, 0x80, EIO_STR("b"));
    has_deflate = true;
    assert_events(&in, "compressed message 1 0 \xf2\x48\xff\ncompressed message 2 0 \n"
                       "message 1 0 plain\ncontrol 9 0 ping\ncompressed message 1 0 \xff\xfe\n"
                       "message 1 0 ab\n");
    has_deflate = false;
}

static void decoder_rejects_rsv1_but_in_the_first_frame_of_a_message(void **state)
{
    static const unsigned alone[] = { 0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xe1, 0xd2, 0xf1 };
    static const unsigned after[] = { 0xc0, 0x40 };
    (void)state;

    has_deflate = true;
    for (size_t i = 0; i < COUNT(alone) + COUNT(after); i++) {
        input in = { 0 };
        bool is_alone = i < COUNT(alone);
        if (!is_alone)
            put_frame(&in, 0x41, EIO_STR("x"));
        put_frame(&in, is_alone ? alone[i] : after[i - COUNT(alone)], EIO_STR(""));
        assert_events(&in, "failed 0 -10011 a reserved bit is set\n");
    }
    has_deflate = false;
}

static void limits_hold_for_compressed_bytes(void **state)
{
    static const char bytes[LIMIT + 1];
    input in = { 0 };
    (void)state;

    has_deflate = true;
    put_frame(&in, 0xc2, (eio_slice){ bytes, LIMIT + 1 });
    assert_events(&in, "failed 0 -10004 message too big\n");
    in.len = 0;
    put_frame(&in, 0x42, (eio_slice){ bytes, LIMIT });
    put_frame(&in, 0x80, (eio_slice){ bytes, 1 });
    assert_events(&in, "failed 0 -10004 message too big\n");
    has_deflate = false;
}

static void decoder_rejects_an_unmasked_client_frame(void **state)
{
    (void)state;
    assert_fails(EIO_STR("\x81\x05Hello"), EIO_E_PROTOCOL, "a frame that is not masked");
    assert_fails(EIO_STR("\x89\x00"), EIO_E_PROTOCOL, "a frame that is not masked");
}

static void decoder_rejects_long_or_fragmented_control_frames(void **state)
{
    (void)state;
    assert_fails(EIO_STR("\x89\xfe"), EIO_E_PROTOCOL, "a control frame of more than 125 bytes");
    assert_fails(EIO_STR("\x88\xff"), EIO_E_PROTOCOL, "a control frame of more than 125 bytes");
    assert_fails(EIO_STR("\x09\x80"), EIO_E_PROTOCOL, "a fragmented control frame");
    assert_fails(EIO_STR("\x08\x80"), EIO_E_PROTOCOL, "a fragmented control frame");
}

static void decoder_rejects_lengths_that_are_not_minimal(void **state)
{
    (void)state;
    assert_fails(EIO_STR("\x82\xfe\x00\x7d"), EIO_E_PROTOCOL,
                 "a length that is not in its shortest form");
    assert_fails(EIO_STR("\x82\xff\0\0\0\0\0\0\xff\xff"), EIO_E_PROTOCOL,
                 "a length that is not in its shortest form");
    assert_fails(EIO_STR("\x82\xff\x80\0\0\0\0\0\0\0"), EIO_E_PROTOCOL, "a length of 2^63 or more");
}

static void decoder_rejects_frames_out_of_sequence(void **state)
{
    input in = { 0 };
    (void)state;

    assert_fails(EIO_STR("\x80"), EIO_E_PROTOCOL, "a continuation of no message");
    assert_fails(EIO_STR("\x00"), EIO_E_PROTOCOL, "a continuation of no message");
    put_frame(&in, 0x01, EIO_STR("begun"));
    put_frame(&in, 0x81, EIO_STR("another"));
    assert_events(&in, "failed 0 -10011 a new message inside a fragmented one\n");
}

static void decoder_rejects_text_that_is_not_utf8(void **state)
{
    input split = { 0 };
    input unfinished = { 0 };
    (void)state;

    put_frame(&split, 0x01, EIO_STR("ok \xe2\x82"));
    put_frame(&split, 0x80, EIO_STR("no"));
    assert_events(&split, "failed 0 -10012 a text that is not UTF-8\n");
    put_frame(&unfinished, 0x81, EIO_STR("ok \xe2\x82"));
    assert_events(&unfinished, "failed 0 -10012 a text that is not UTF-8\n");
}

static void decoder_fails_at_the_first_bad_byte_of_a_text(void **state)
{
    eio_frame_decoder decoder = { 0 };
    char bytes[] = "\x81\xfe\x01\x00\0\0\0\0ab\xff";
    char *at = bytes;
    eio_frame_event event;
    (void)state;

    /* 3 of the announced 256 bytes. */
    assert_int_equal(eio_frame_next(&decoder, &limits, &at, bytes + 11, &event), EIO_FRAME_FAILED);
    assert_int_equal(event.code, EIO_E_UTF8);
    eio_frame_fini(&decoder);
}

static void decoder_rejects_large_messages_from_the_header(void **state)
{
    input in = { 0 };
    char large[200] = { 0 };
    (void)state;

    assert_fails(EIO_STR("\x82\xfe\x01\x2d"), EIO_E_TOO_BIG, "message too big");
    assert_fails(EIO_STR("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), EIO_E_TOO_BIG,
                 "message too big");
    put_frame(&in, 0x02, (eio_slice){ large, 200 });
    put(&in, "\x80\xe5", 2); /* 101 more make 301 */
    record out;
    feed_byte_by_byte(&in, &out);
    assert_string_equal(out.text, "failed 0 -10004 message too big\n");
}

static void decoder_accepts_fragments_up_to_the_limit(void **state)
{
    input in = { 0 };
    input over = { 0 };
    (void)state;

    put_frame(&in, 0x01, EIO_STR("a"));
    for (int i = 2; i < MAX_FRAGMENTS; i++)
        put_frame(&in, 0x00, EIO_STR("b"));
    over = in;
    put_frame(&in, 0x80, EIO_STR("c"));
    put_frame(&in, 0x81, EIO_STR("next"));
    assert_events(&in, "message 1 0 abbbc\nmessage 1 0 next\n");
    put_frame(&over, 0x00, EIO_STR(""));
    put_frame(&over, 0x80, EIO_STR(""));
    assert_events(&over, "failed 0 -10007 too many fragments\n");
}

static void an_idle_decoder_owns_no_heap(void **state)
{
    eio_frame_decoder decoder = { 0 };
    input in = { 0 };
    record out = { 0 };
    (void)state;

    assert_true(sizeof(decoder) <= 16);
    put_frame(&in, 0x81, EIO_STR("whole"));
    feed(&decoder, in.bytes, in.len, &out);
    assert_int_equal(eio_frame_heap_bytes(&decoder), 0);
    feed(&decoder, in.bytes, 8, &out);
    assert_true(eio_frame_heap_bytes(&decoder) > 0);
    feed(&decoder, in.bytes + 8, in.len - 8, &out);
    assert_int_equal(eio_frame_heap_bytes(&decoder), 0);
    feed(&decoder, in.bytes, 1, &out);
    feed(&decoder, in.bytes + 1, in.len - 1, &out);
    assert_int_equal(eio_frame_heap_bytes(&decoder), 0);
    assert_string_equal(out.text, "message 1 0 whole\nmessage 1 0 whole\nmessage 1 0 whole\n");
    eio_frame_fini(&decoder);
}

static void heap_follows_what_arrived_not_what_was_announced(void **state)
{
    static const eio_frame_limits large = { 1 << 30, MAX_FRAGMENTS };
    eio_frame_decoder decoder = { 0 };
    char bytes[] =
        "\x82\xff\0\0\0\0\x20\0\0\0\0\0\0\0abcdefghij"; /* 512 MiB, of which ten bytes came */
    char *at = bytes;
    eio_frame_event event;
    (void)state;

    assert_int_equal(eio_frame_next(&decoder, &large, &at, bytes + 24, &event), EIO_FRAME_MORE);
    assert_true(eio_frame_heap_bytes(&decoder) < 512);
    eio_frame_fini(&decoder);
}

static void unmasking_equals_byte_by_byte_at_every_length_and_offset(void **state)
{
    enum { MOST = 700 }; /* more than what goes by in the widest steps */
    char from[MOST];
    char to[MOST];
    uint8_t mask[4] = { 1, 2, 4, 8 };
    (void)state;

    for (size_t i = 0; i < sizeof(from); i++)
        from[i] = (char)i;
    for (size_t offset = 0; offset < 9; offset++) {
        for (size_t len = 0; len + offset < MOST; len += len < 300 ? 1 : 17) {
            memset(to, 'z', sizeof(to));
            eio_unmask(to + offset, from, len, mask);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(to[offset + i], from[i] ^ mask[i % 4]);
            assert_int_equal(to[offset + len], 'z');
        }
        eio_mask_advance(mask, offset);
    }
}

static void unmasking_in_place_tells_whether_all_is_ascii(void **state)
{
    const uint8_t mask[4] = { 0x80, 0xff, 0x01, 0xaa };
    char bytes[600] = { 0 };
    (void)state;

    for (size_t len = 0; len <= sizeof(bytes); len += len < 100 ? 1 : 25) {
        for (size_t odd = 0; odd <= len; odd++) { /* at len: nowhere */
            for (size_t i = 0; i < len; i++)
                bytes[i] = (char)((i == odd ? 0x80 : i & 0x7f) ^ mask[i % 4]);
            assert_int_equal(eio_unmask(bytes, bytes, len, mask), odd == len);
            for (size_t i = 0; i < len; i++)
                assert_int_equal((uint8_t)bytes[i], i == odd ? 0x80 : i & 0x7f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoder_reads_the_examples_of_the_rfc),
        cmocka_unit_test(decoder_reads_many_messages_of_one_read),
        cmocka_unit_test(decoder_joins_fragments_around_control_frames),
        cmocka_unit_test(decoder_reads_close_frames_and_swallows_what_follows),
        cmocka_unit_test(decoder_reads_a_close_frame_inside_a_message),
        cmocka_unit_test(decoder_rejects_wrong_close_frames),
        cmocka_unit_test(decoder_rejects_reserved_bits_and_opcodes),
        cmocka_unit_test(decoder_marks_compressed_messages),
        cmocka_unit_test(decoder_rejects_rsv1_but_in_the_first_frame_of_a_message),
        cmocka_unit_test(limits_hold_for_compressed_bytes),
        cmocka_unit_test(decoder_rejects_an_unmasked_client_frame),
        cmocka_unit_test(decoder_rejects_long_or_fragmented_control_frames),
        cmocka_unit_test(decoder_rejects_lengths_that_are_not_minimal),
        cmocka_unit_test(decoder_rejects_frames_out_of_sequence),
        cmocka_unit_test(decoder_rejects_text_that_is_not_utf8),
        cmocka_unit_test(decoder_fails_at_the_first_bad_byte_of_a_text),
        cmocka_unit_test(decoder_rejects_large_messages_from_the_header),
        cmocka_unit_test(decoder_accepts_fragments_up_to_the_limit),
        cmocka_unit_test(an_idle_decoder_owns_no_heap),
        cmocka_unit_test(heap_follows_what_arrived_not_what_was_announced),
        cmocka_unit_test(unmasking_equals_byte_by_byte_at_every_length_and_offset),
        cmocka_unit_test(unmasking_in_place_tells_whether_all_is_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
