#include "engineio/http/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "engineio/http/compress.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static eio_encoding best_of(eio_slice header)
{
    eio_accepted accepted = { .star_weight = 0 };
    char *copy = malloc(header.len == 0 ? 1 : header.len);

    assert_non_null(copy);
    if (header.len > 0)
        memcpy(copy, header.base, header.len);
    eio_accepted_feed(&accepted, (eio_slice){ copy, header.len });
    free(copy);
    return eio_accepted_best(&accepted);
}

static void the_best_of_what_we_have_is_chosen(void **state)
{
    static const struct {
        const char *header;
        eio_encoding best;
    } cases[] = {
        { "gzip, deflate", EIO_ENCODING_GZIP },
        { "gzip, deflate, br, zstd", EIO_ENCODING_GZIP },
        { "deflate, gzip", EIO_ENCODING_GZIP },
        { "br,deflate", EIO_ENCODING_DEFLATE },
        { "br, gzip", EIO_ENCODING_GZIP },
        { "br", EIO_ENCODING_IDENTITY },
        { "", EIO_ENCODING_IDENTITY },
        { "identity", EIO_ENCODING_IDENTITY },
        { "identity;q=0", EIO_ENCODING_IDENTITY },
        { "*", EIO_ENCODING_GZIP },
        { "*;q=0", EIO_ENCODING_IDENTITY },
        { "gzip;q=0, *", EIO_ENCODING_DEFLATE },
        { "*, gzip;q=0", EIO_ENCODING_DEFLATE },
        { "gzip;q=0", EIO_ENCODING_IDENTITY },
        { "gzip;q=0.000", EIO_ENCODING_IDENTITY },
        { "gzip;q=0.001", EIO_ENCODING_GZIP },
        { "gzip;q=0.5, deflate;q=0.8", EIO_ENCODING_DEFLATE },
        { "gzip;q=0.8, deflate;q=0.75", EIO_ENCODING_GZIP },
        { "gzip;q=0.5, deflate", EIO_ENCODING_DEFLATE },
        { "gzip ; q=0.5 , deflate ; q=1.000", EIO_ENCODING_DEFLATE },
        { "gzip;Q=0, deflate;q=1.", EIO_ENCODING_DEFLATE },
        { "GZip", EIO_ENCODING_GZIP },
        { "x-gzip", EIO_ENCODING_GZIP },
        { "gzipped, gzi", EIO_ENCODING_IDENTITY },
        { "gzip;level=1;q=0", EIO_ENCODING_IDENTITY },
        { "gzip;level=1", EIO_ENCODING_GZIP },
        { ",, ,gzip,", EIO_ENCODING_GZIP },
        { "; , ;q=1, deflate", EIO_ENCODING_DEFLATE },
        /* A weight that is none: the coding is passed over. */
        { "gzip;q=", EIO_ENCODING_IDENTITY },
        { "gzip;q=2", EIO_ENCODING_IDENTITY },
        { "gzip;q=1.001", EIO_ENCODING_IDENTITY },
        { "gzip;q=.5", EIO_ENCODING_IDENTITY },
        { "gzip;q=0.1234", EIO_ENCODING_IDENTITY },
        { "gzip;q=-1, deflate", EIO_ENCODING_DEFLATE },
        { "gzip;q=1e1", EIO_ENCODING_IDENTITY },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(best_of(eio_slice_of(cases[i].header)), cases[i].best);
}

static void headers_of_one_name_are_one_list(void **state)
{
    eio_accepted accepted = { .star_weight = 0 };
    (void)state;

    eio_accepted_feed(&accepted, EIO_STR("br, gzip;q=0.5"));
    assert_int_equal(eio_accepted_best(&accepted), EIO_ENCODING_GZIP);
    eio_accepted_feed(&accepted, EIO_STR("deflate"));
    assert_int_equal(eio_accepted_best(&accepted), EIO_ENCODING_DEFLATE);
}

/* What the two names stand for: RFC 1952, RFC 1950. */
static void bodies_are_what_their_encoding_says(void **state)
{
    static const int bits[EIO_ENCODINGS] = {
        [EIO_ENCODING_GZIP] = 15 + 16, [EIO_ENCODING_DEFLATE] = 15
    };
    static const eio_slice bodies[] = { { "", 0 },
                                        { "hello hello hello", 17 },
                                        { "\0\0\0\xff", 4 } };
    eio_compressor compressor = { { NULL } };
    char out[64];
    (void)state;

    for (size_t i = 0; i < COUNT(bodies) * EIO_ENCODINGS; i++) {
        eio_slice body = bodies[i / EIO_ENCODINGS];
        eio_encoding encoding = (eio_encoding)(i % EIO_ENCODINGS);
        z_stream reader = { .next_out = (Bytef *)out, .avail_out = sizeof(out) };
        eio_buffer *compressed = eio_compress(&compressor, encoding, body);
        assert_non_null(compressed);
        reader.next_in = (Bytef *)(uintptr_t)eio_buffer_slice(compressed).base;
        reader.avail_in = (uInt)eio_buffer_slice(compressed).len;
        assert_int_equal(inflateInit2(&reader, bits[encoding]), Z_OK);
        assert_int_equal(inflate(&reader, Z_FINISH), Z_STREAM_END);
        assert_int_equal(reader.avail_in, 0);
        assert_int_equal(reader.total_out, body.len);
        assert_memory_equal(out, body.base, body.len);
        inflateEnd(&reader);
        eio_buffer_unref(compressed);
    }
    eio_compressor_fini(&compressor);
    eio_compressor_fini(&compressor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_what_we_have_is_chosen),
        cmocka_unit_test(headers_of_one_name_are_one_list),
        cmocka_unit_test(bodies_are_what_their_encoding_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
