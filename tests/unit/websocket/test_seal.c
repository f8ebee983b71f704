#include "engineio/websocket/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "engineio/net/buffer_private.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void header_has_the_shortest_length(void **state)
{
    static const struct {
        uint64_t len;
        eio_slice head;
    } cases[] = {
        { 0, { "\x82\x00", 2 } },
        { 125, { "\x82\x7d", 2 } },
        { 126, { "\x82\x7e\x00\x7e", 4 } },
        { 65535, { "\x82\x7e\xff\xff", 4 } },
        { 65536, { "\x82\x7f\0\0\0\0\0\x01\0\0", 10 } },
        { 0x0123456789abcdef, { "\x82\x7f\x01\x23\x45\x67\x89\xab\xcd\xef", 10 } },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t head[EIO_FRAME_HEAD_MAX];
        assert_int_equal(eio_frame_head(head, EIO_OPCODE_BINARY, cases[i].len), cases[i].head.len);
        assert_memory_equal(head, cases[i].head.base, cases[i].head.len);
    }
}

static void assert_sealed(eio_buffer *buffer, eio_slice wire)
{
    eio_slice sealed = eio_buffer_sealed(buffer);

    assert_int_equal(sealed.len, wire.len);
    assert_memory_equal(sealed.base, wire.base, wire.len);
}

static void sealing_puts_header_and_prefix_before_the_payload(void **state)
{
    eio_buffer *text = eio_buffer_copy(EIO_STR("hello"));
    eio_buffer *plain = eio_buffer_copy(EIO_STR(""));
    (void)state;

    assert_int_equal(eio_frame_seal(text, '4', EIO_OPCODE_TEXT), EIO_OK);
    assert_sealed(text, EIO_STR("\x81\x06"
                                "4hello"));
    assert_true(eio_slice_equal(eio_buffer_slice(text), EIO_STR("hello")));
    assert_int_equal(eio_frame_seal(plain, 0, EIO_OPCODE_BINARY), EIO_OK);
    assert_sealed(plain, EIO_STR("\x82\x00"));
    eio_buffer_unref(text);
    eio_buffer_unref(plain);
}

static void a_prefix_counts_in_the_length(void **state)
{
    char bytes[125] = { 0 };
    eio_buffer *buffer = eio_buffer_copy((eio_slice){ bytes, sizeof(bytes) });
    (void)state;

    assert_int_equal(eio_frame_seal(buffer, '4', EIO_OPCODE_TEXT), EIO_OK);
    assert_int_equal(eio_buffer_sealed(buffer).len, 4 + 126);
    assert_memory_equal(eio_buffer_sealed(buffer).base, "\x81\x7e\x00\x7e\x34", 5);
    eio_buffer_unref(buffer);
}

static void a_buffer_is_sealed_in_one_way_only(void **state)
{
    eio_buffer *buffer = eio_buffer_copy(EIO_STR("x"));
    (void)state;

    assert_int_equal(eio_frame_seal(buffer, '4', EIO_OPCODE_TEXT), EIO_OK);
    assert_int_equal(eio_frame_seal(buffer, '4', EIO_OPCODE_TEXT), EIO_OK);
    assert_int_equal(eio_frame_seal(buffer, 0, EIO_OPCODE_TEXT), EIO_E_STATE);
    assert_int_equal(eio_frame_seal(buffer, 'b', EIO_OPCODE_TEXT), EIO_E_STATE);
    assert_int_equal(eio_frame_seal(buffer, '4', EIO_OPCODE_BINARY), EIO_E_STATE);
    assert_sealed(buffer, EIO_STR("\x81\x02"
                                  "4x"));
    eio_buffer_unref(buffer);
}

static void a_compressed_frame_says_so_in_its_first_byte(void **state)
{
    char bytes[126] = { 0 };
    eio_buffer *text = eio_buffer_copy(EIO_STR("\xf2\x48"));
    eio_buffer *longer = eio_buffer_copy((eio_slice){ bytes, sizeof(bytes) });
    (void)state;

    eio_frame_seal_compressed(text, EIO_OPCODE_TEXT);
    assert_sealed(text, EIO_STR("\xc1\x02\xf2\x48"));
    assert_int_equal(eio_frame_opcode(text), EIO_OPCODE_TEXT);
    eio_frame_seal_compressed(longer, EIO_OPCODE_BINARY);
    assert_memory_equal(eio_buffer_sealed(longer).base, "\xc2\x7e\x00\x7e", 4);
    eio_buffer_unref(text);
    eio_buffer_unref(longer);
}

static void the_payload_of_a_frame_has_its_prefix(void **state)
{
    eio_buffer *text = eio_buffer_copy(EIO_STR("hello"));
    eio_buffer *plain = eio_buffer_copy(EIO_STR("hello"));
    (void)state;

    assert_int_equal(eio_frame_seal(text, '4', EIO_OPCODE_TEXT), EIO_OK);
    assert_true(eio_slice_equal(eio_frame_payload(text), EIO_STR("4hello")));
    assert_int_equal(eio_frame_seal(plain, 0, EIO_OPCODE_BINARY), EIO_OK);
    assert_true(eio_slice_equal(eio_frame_payload(plain), EIO_STR("hello")));
    assert_int_equal(eio_frame_opcode(plain), EIO_OPCODE_BINARY);
    eio_buffer_unref(text);
    eio_buffer_unref(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_shortest_length),
        cmocka_unit_test(sealing_puts_header_and_prefix_before_the_payload),
        cmocka_unit_test(a_prefix_counts_in_the_length),
        cmocka_unit_test(a_buffer_is_sealed_in_one_way_only),
        cmocka_unit_test(a_compressed_frame_says_so_in_its_first_byte),
        cmocka_unit_test(the_payload_of_a_frame_has_its_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
