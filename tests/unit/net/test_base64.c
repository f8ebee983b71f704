#include "engineio/net/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct vector {
    eio_slice bytes;
    eio_slice text;
} vector;

/* RFC 4648 §10, and the two characters in which the alphabets differ. */
static const vector vectors[] = {
    { { "", 0 }, { "", 0 } },
    { { "f", 1 }, { "Zg==", 4 } },
    { { "fo", 2 }, { "Zm8=", 4 } },
    { { "foo", 3 }, { "Zm9v", 4 } },
    { { "foob", 4 }, { "Zm9vYg==", 8 } },
    { { "fooba", 5 }, { "Zm9vYmE=", 8 } },
    { { "foobar", 6 }, { "Zm9vYmFy", 8 } },
    { { "\xfb\xff\xbf\xff\xfb", 5 }, { "+/+///s=", 8 } },
    { { "\0\0\0", 3 }, { "AAAA", 4 } },
};

static void encoder_writes_the_published_vectors(void **state)
{
    char out[16];
    (void)state;

    for (size_t i = 0; i < COUNT(vectors); i++) {
        assert_int_equal(eio_base64_encoded_len(vectors[i].bytes.len), vectors[i].text.len);
        eio_base64_encode(out, vectors[i].bytes);
        assert_memory_equal(out, vectors[i].text.base, vectors[i].text.len);
    }
}

static void url_encoder_writes_its_alphabet_without_padding(void **state)
{
    char out[9] = "xxxxxxxx";
    (void)state;

    eio_base64url_encode(out, (eio_slice){ "\xfb\xff\xbf\xff\xfb", 5 });
    assert_memory_equal(out, "-_-___sx", 8);
}

static void strict_decoder_reads_the_published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char out[8];
        size_t len = 99;
        assert_true(vectors[i].bytes.len <= eio_base64_decoded_max(vectors[i].text.len));
        assert_int_equal(eio_base64_decode(out, &len, vectors[i].text), EIO_OK);
        assert_int_equal(len, vectors[i].bytes.len);
        assert_memory_equal(out, vectors[i].bytes.base, len);
    }
}

static void strict_decoder_rejects_all_else(void **state)
{
    static const char *const texts[] = {
        "Z",     "Zg",          "Zg=",  "Zm8",   "Zg==Zg==", "Zh==",     "Zm9=",  "Zm9v\n",
        " Zm9v", "====",        "Z===", "=Zm9v", "Zm-v",     "Zm_v",     "Zm9v=", "Zm9v====",
        "Zg=g",  "Z\xc3\xa9==", "-g==", "Zm-=",  "Zm9!",     "Zg==Zm9v", "Zm9vZ",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(texts); i++) {
        char out[12];
        size_t len = 99;
        assert_int_equal(eio_base64_decode(out, &len, eio_slice_of(texts[i])), EIO_E_INVALID);
        assert_int_equal(len, 99);
    }
}

static void lenient_decoder_reads_as_node_does(void **state)
{
    /* Right: Buffer.from(left, "base64") of Node 20. */
    static const vector cases[] = {
        { { "YQ==YQ==", 8 }, { "a", 1 } },
        { { "YQ=YQ", 5 }, { "a", 1 } },
        { { "Y", 1 }, { "", 0 } },
        { { "YQ", 2 }, { "a", 1 } },
        { { "YWI", 3 }, { "ab", 2 } },
        { { "YWJj", 4 }, { "abc", 3 } },
        { { "YW Jj", 5 }, { "abc", 3 } },
        { { "Y\xc3\xa9WJj", 6 }, { "abc", 3 } },
        { { "Y=Q", 3 }, { "", 0 } },
        { { "-_-_", 4 }, { "\xfb\xff\xbf", 3 } },
        { { "+/+/", 4 }, { "\xfb\xff\xbf", 3 } },
        { { "====", 4 }, { "", 0 } },
        { { "YWJjZ", 5 }, { "abc", 3 } },
        { { "YWJj=ZA==", 9 }, { "abc", 3 } },
        { { "\r\nYWJjYWJj!YWJj", 15 }, { "abcabcabc", 9 } },
        { { "", 0 }, { "", 0 } },
        { { "YR==", 4 }, { "a", 1 } },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[16];
        size_t len = eio_base64_decode_lenient(out, cases[i].bytes);
        assert_int_equal(len, cases[i].text.len);
        assert_memory_equal(out, cases[i].text.base, len);
    }
}

static void every_length_comes_back_also_in_place(void **state)
{
    char bytes[64];
    char text[88];
    (void)state;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 37 + 200);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        size_t text_len = eio_base64_encoded_len(len);
        size_t back;
        eio_base64_encode(text, (eio_slice){ bytes, len });
        assert_int_equal(eio_base64_decode(text, &back, (eio_slice){ text, text_len }), EIO_OK);
        assert_int_equal(back, len);
        assert_memory_equal(text, bytes, len);
        eio_base64_encode(text, (eio_slice){ bytes, len });
        assert_int_equal(eio_base64_decode_lenient(text, (eio_slice){ text, text_len }), len);
        assert_memory_equal(text, bytes, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder_writes_the_published_vectors),
        cmocka_unit_test(url_encoder_writes_its_alphabet_without_padding),
        cmocka_unit_test(strict_decoder_reads_the_published_vectors),
        cmocka_unit_test(strict_decoder_rejects_all_else),
        cmocka_unit_test(lenient_decoder_reads_as_node_does),
        cmocka_unit_test(every_length_comes_back_also_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
