#include "engineio/websocket/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cmocka.h>

#include "engineio/net/buffer_private.h"
#include "engineio/websocket/seal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LIMIT = 100000, BITS = 15 };

static const eio_deflate_options no_options = { .threshold = 0 };

/* ---- a client that compresses ---- */

static void start_client(z_stream *client, int bits)
{
    memset(client, 0, sizeof(*client));
    assert_int_equal(deflateInit2(client, 9, Z_DEFLATED, -bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
}

/* One message, without its tail; new. It may refer to those before. */
static eio_slice deflate_message(z_stream *client, eio_slice message)
{
    size_t room = message.len + message.len / 100 + 64;
    char *out = malloc(room);

    assert_non_null(out);
    client->next_in = (Bytef *)(uintptr_t)message.base;
    client->avail_in = (uInt)message.len;
    client->next_out = (Bytef *)out;
    client->avail_out = (uInt)room;
    assert_int_equal(deflate(client, Z_SYNC_FLUSH), Z_OK);
    size_t len = room - client->avail_out;
    assert_true(len >= 5 && memcmp(out + len - 4, "\0\0\xff\xff", 4) == 0);
    return (eio_slice){ out, len - 4 };
}

static void free_slice(eio_slice slice)
{
    free((char *)(uintptr_t)slice.base);
}

/* ---- inflating ---- */

/* From memory of its exact size. */
static int inflate_of(eio_deflate *deflate, eio_slice compressed, size_t limit,
                      eio_inflate_window *window, eio_slice *out)
{
    char *copy = malloc(compressed.len == 0 ? 1 : compressed.len);
    char *bytes = NULL;
    size_t len = 0;

    assert_non_null(copy);
    if (compressed.len > 0)
        memcpy(copy, compressed.base, compressed.len);
    int rc = eio_inflate(&bytes, &len, deflate, (eio_slice){ copy, compressed.len }, limit, window);
    free(copy);
    *out = (eio_slice){ bytes, len };
    return rc;
}

static void assert_inflates(eio_deflate *deflate, eio_slice compressed, eio_inflate_window *window,
                            eio_slice expected)
{
    eio_slice out;

    assert_int_equal(inflate_of(deflate, compressed, LIMIT, window, &out), EIO_OK);
    assert_int_equal(out.len, expected.len);
    if (out.len > 0)
        assert_memory_equal(out.base, expected.base, out.len);
    free_slice(out);
}

static void assert_fails(eio_deflate *deflate, eio_slice compressed, size_t limit, int code)
{
    eio_slice out;

    assert_int_equal(inflate_of(deflate, compressed, limit, NULL, &out), code);
    assert_null(out.base);
}

static void examples_of_the_rfc_inflate(void **state)
{
    eio_deflate deflate;
    eio_inflate_window window = { .bits = BITS };
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    /* RFC 7692 §7.2.3.1, .2: the second refers to the first; .3: stored; .4: a last block; .5: two blocks; .6: empty */
    assert_inflates(&deflate, EIO_STR("\xf2\x48\xcd\xc9\xc9\x07\x00"), &window, EIO_STR("Hello"));
    assert_inflates(&deflate, EIO_STR("\xf2\x00\x11\x00\x00"), &window, EIO_STR("Hello"));
    assert_inflates(&deflate, EIO_STR("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), NULL,
                    EIO_STR("Hello"));
    assert_inflates(&deflate, EIO_STR("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), NULL, EIO_STR("Hello"));
    assert_inflates(&deflate, EIO_STR("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), NULL,
                    EIO_STR("Hello"));
    assert_inflates(&deflate, EIO_STR("\x00"), NULL, EIO_STR(""));
    eio_inflate_window_fini(&window);
    eio_deflate_fini(&deflate);
}

static void an_empty_payload_is_an_empty_message(void **state)
{
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    assert_inflates(&deflate, EIO_STR(""), NULL, EIO_STR(""));
    eio_deflate_fini(&deflate);
}

static void bad_data_is_refused_and_the_next_message_is_not(void **state)
{
    static const eio_slice bad[] = {
        { "\x06\x00", 2 },                 /* no such kind of block */
        { "\x00\x05\x00\xfa\xfe\x48", 6 }, /* lengths that do not agree */
        { "\xf2\x00\x11\x00\x00", 5 },     /* a reference to what is not there */
        { "\xf2\x48\xcd", 3 },             /* it ends inside a block */
        { "\x00\xff\xff\x00\x00", 5 },     /* likewise: its tail would be taken for data */
        { "\xff\xff\xff\xff", 4 },
        { "Hello", 5 },
    };
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_fails(&deflate, bad[i], LIMIT, EIO_E_PROTOCOL);
        assert_inflates(&deflate, EIO_STR("\xf2\x48\xcd\xc9\xc9\x07\x00"), NULL, EIO_STR("Hello"));
    }
    eio_deflate_fini(&deflate);
}

static void a_message_of_the_limit_passes_and_one_byte_more_does_not(void **state)
{
    static char zeros[LIMIT + 1];
    eio_deflate deflate;
    z_stream client;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    for (size_t limit = 1; limit <= LIMIT; limit = limit * 3 + 1) {
        for (size_t over = 0; over <= 1; over++) {
            eio_slice out;
            start_client(&client, BITS);
            eio_slice compressed = deflate_message(&client, (eio_slice){ zeros, limit + over });
            int rc = inflate_of(&deflate, compressed, limit, NULL, &out);
            assert_int_equal(rc, over == 0 ? EIO_OK : EIO_E_TOO_BIG);
            assert_int_equal(out.len, over == 0 ? limit : 0);
            free_slice(out);
            free_slice(compressed);
            deflateEnd(&client);
        }
    }
    eio_deflate_fini(&deflate);
}

/* The most that this process ever had. */
static long most_kib(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* A megabyte of zeros, so flushed that it can be repeated. */
static void a_bomb_of_a_gigabyte_dies_at_the_limit(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 1024, ROOM = 4096, PAYLOAD_LIMIT = 1000000 };
    char *zeros = calloc(1, PIECE);
    char *bomb = malloc((size_t)ROOM * PIECES);
    eio_deflate shared;
    z_stream client;
    (void)state;

    assert_true(zeros != NULL && bomb != NULL);
    start_client(&client, BITS);
    client.next_in = (Bytef *)zeros;
    client.avail_in = PIECE;
    client.next_out = (Bytef *)bomb;
    client.avail_out = ROOM;
    assert_int_equal(deflate(&client, Z_FULL_FLUSH), Z_OK);
    size_t len = ROOM - client.avail_out;
    deflateEnd(&client);
    free(zeros);
    for (size_t i = 1; i < PIECES; i++)
        memcpy(bomb + i * len, bomb, len);
    eio_deflate_init(&shared, &no_options);
    long before = most_kib();
    assert_fails(&shared, (eio_slice){ bomb, len * PIECES }, PAYLOAD_LIMIT, EIO_E_TOO_BIG);
    assert_true(most_kib() - before < 4 * PAYLOAD_LIMIT / 1024);
    /* The rest of it is not even read: zlib stopped where the limit was passed. */
    assert_in_range(shared.inflater->total_out, PAYLOAD_LIMIT, PAYLOAD_LIMIT + 1);
    eio_deflate_fini(&shared);
    free(bomb);
}

/* ---- context takeover ---- */

static void fill(char *text, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        text[i] = (char)('a' + (seed >> 16) % 26);
    }
}

static void messages_may_refer_to_earlier_ones_within_the_window(void **state)
{
    static char text[20000];
    static const size_t lengths[] = { 1, 10, 255, 256, 257, 5000, 20000, 20000, 3, 511, 20000 };
    (void)state;

    for (int bits = 9; bits <= 15; bits++) {
        eio_inflate_window window = { .bits = (unsigned)bits };
        eio_deflate deflate;
        z_stream client;
        start_client(&client, bits);
        eio_deflate_init(&deflate, &no_options);
        fill(text, sizeof(text), (unsigned)bits);
        for (size_t i = 0; i < COUNT(lengths); i++) {
            eio_slice message = { text, lengths[i] };
            eio_slice compressed = deflate_message(&client, message);
            char *out;
            size_t len;
            assert_int_equal(eio_inflate(&out, &len, &deflate, compressed, LIMIT, &window), EIO_OK);
            assert_int_equal(len, message.len);
            assert_memory_equal(out, message.base, len);
            assert_true(window.len <= (size_t)1 << bits && window.capacity <= (size_t)1 << bits);
            free(out);
            free_slice(compressed);
        }
        deflateEnd(&client);
        eio_deflate_fini(&deflate);
        eio_inflate_window_fini(&window);
    }
}

static void clients_that_share_an_inflater_do_not_mix(void **state)
{
    static char texts[3][4000];
    eio_inflate_window windows[3] = { { .bits = BITS }, { .bits = BITS }, { .bits = BITS } };
    eio_deflate deflate;
    z_stream clients[3];
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    for (unsigned i = 0; i < 3; i++) {
        start_client(&clients[i], BITS);
        fill(texts[i], sizeof(texts[i]), i);
    }
    for (int round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 3; i++) {
            eio_slice message = { texts[i], sizeof(texts[i]) };
            eio_slice compressed = deflate_message(&clients[i], message);
            if (round > 0)
                assert_in_range(compressed.len, 1, 100); /* it does refer to an earlier one */
            assert_inflates(&deflate, compressed, &windows[i], message);
            free_slice(compressed);
            assert_fails(&deflate, EIO_STR("\x06"), LIMIT, EIO_E_PROTOCOL);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        eio_inflate_window_fini(&windows[i]);
        deflateEnd(&clients[i]);
    }
    eio_deflate_fini(&deflate);
}

static void a_client_that_said_little_costs_little(void **state)
{
    eio_inflate_window window = { .bits = BITS };
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    assert_inflates(&deflate, EIO_STR("\x00"), &window, EIO_STR(""));
    assert_int_equal(window.capacity, 0);
    assert_inflates(&deflate, EIO_STR("\xf2\x48\xcd\xc9\xc9\x07\x00"), &window, EIO_STR("Hello"));
    assert_in_range(window.capacity, 5, 256);
    eio_inflate_window_fini(&window);
    eio_deflate_fini(&deflate);
}

/* ---- compressing ---- */

/* "xx…x" of that length, sealed as a text with the prefix '4'. */
static eio_buffer *sealed_text(size_t len)
{
    eio_buffer *buffer = eio_buffer_new(len);

    assert_non_null(buffer);
    memset(eio_buffer_reserve(&buffer, len), 'x', len);
    eio_buffer_commit(buffer, len);
    assert_int_equal(eio_frame_seal(buffer, '4', EIO_OPCODE_TEXT), EIO_OK);
    return buffer;
}

static void a_message_is_compressed_once_for_all(void **state)
{
    eio_buffer *buffer = sealed_text(5000);
    eio_deflate deflate;
    eio_slice text;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    eio_buffer *first = eio_deflate_frame(&deflate, buffer, 15);
    assert_ptr_not_equal(first, buffer);
    assert_ptr_equal(eio_deflate_frame(&deflate, buffer, 15), first);
    eio_slice frame = eio_buffer_sealed(first);
    assert_in_range(frame.len, 5, 100);
    assert_int_equal((uint8_t)frame.base[0], 0xc1);
    assert_int_equal((uint8_t)frame.base[1], frame.len - 2);
    assert_int_equal(
        inflate_of(&deflate, (eio_slice){ frame.base + 2, frame.len - 2 }, LIMIT, NULL, &text),
        EIO_OK);
    assert_int_equal(text.len, 5001);
    assert_memory_equal(text.base, "4xxx", 4);
    free_slice(text);
    eio_buffer_unref(buffer);
    eio_deflate_fini(&deflate);
}

static void no_message_refers_to_an_earlier_one(void **state)
{
    eio_buffer *first = sealed_text(5000);
    eio_buffer *second = sealed_text(5000);
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    assert_true(eio_slice_equal(eio_buffer_sealed(eio_deflate_frame(&deflate, first, 15)),
                                eio_buffer_sealed(eio_deflate_frame(&deflate, second, 15))));
    eio_buffer_unref(first);
    eio_buffer_unref(second);
    eio_deflate_fini(&deflate);
}

static void a_companion_outlives_its_message_in_a_queue(void **state)
{
    eio_buffer *buffer = sealed_text(5000);
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    eio_buffer *queued = eio_buffer_ref(eio_deflate_frame(&deflate, buffer, 15));
    (void)eio_deflate_frame(&deflate, buffer, 10);
    eio_buffer_unref(buffer);
    assert_int_equal((uint8_t)eio_buffer_sealed(queued).base[0], 0xc1);
    eio_buffer_unref(queued);
    eio_deflate_fini(&deflate);
}

/* Two copies of a random text, so far apart that only a large window sees that they are the same. */
static void each_window_has_a_form_of_its_own(void **state)
{
    enum { HALF = 1000 };
    char text[2 * HALF];
    size_t lengths[16] = { 0 };
    eio_deflate deflate;
    (void)state;

    fill(text, HALF, 1);
    memcpy(text + HALF, text, HALF);
    eio_buffer *buffer = eio_buffer_copy((eio_slice){ text, sizeof(text) });
    assert_int_equal(eio_frame_seal(buffer, 0, EIO_OPCODE_BINARY), EIO_OK);
    eio_deflate_init(&deflate, &no_options);
    for (unsigned bits = 8; bits <= 15; bits++) {
        eio_buffer *frame = eio_deflate_frame(&deflate, buffer, bits);
        assert_ptr_equal(eio_deflate_frame(&deflate, buffer, bits), frame);
        lengths[bits] = eio_buffer_slice(frame).len;
    }
    assert_int_equal(lengths[8], lengths[9]); /* zlib has none below 9 */
    assert_true(lengths[9] > HALF && lengths[11] < lengths[9] - HALF / 4);
    assert_ptr_equal(eio_deflate_frame(&deflate, buffer, 8),
                     eio_deflate_frame(&deflate, buffer, 9));
    eio_buffer_unref(buffer);
    eio_deflate_fini(&deflate);
}

/* A client that was promised 8 bits keeps 256 bytes, whatever zlib calls its smallest window. */
static void the_smallest_window_is_kept_to(void **state)
{
    static char text[3000];
    char out[3001];
    z_stream client = { .next_out = (Bytef *)out, .avail_out = sizeof(out) };
    eio_deflate deflate;
    (void)state;

    fill(text, 240, 7);
    for (size_t i = 240; i < sizeof(text); i++)
        text[i] = i % 2 == 0 ? text[i - 240] : (char)('a' + i % 26);
    eio_buffer *buffer = eio_buffer_copy((eio_slice){ text, sizeof(text) });
    assert_int_equal(eio_frame_seal(buffer, 0, EIO_OPCODE_BINARY), EIO_OK);
    eio_deflate_init(&deflate, &no_options);
    eio_slice compressed = eio_buffer_slice(eio_deflate_frame(&deflate, buffer, 8));
    assert_int_equal(inflateInit2(&client, -8), Z_OK);
    client.next_in = (Bytef *)(uintptr_t)compressed.base;
    client.avail_in = (uInt)compressed.len;
    assert_int_equal(inflate(&client, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(client.total_out, sizeof(text));
    assert_memory_equal(out, text, sizeof(text));
    inflateEnd(&client);
    eio_buffer_unref(buffer);
    eio_deflate_fini(&deflate);
}

static void what_does_not_become_shorter_is_sent_as_it_is(void **state)
{
    eio_deflate deflate;
    (void)state;

    eio_deflate_init(&deflate, &no_options);
    for (size_t len = 0; len <= 8; len++) {
        eio_buffer *buffer =
            eio_buffer_copy((eio_slice){ "\x93\x05\xf1\x7e\x2a\xd8\x41\x66", len });
        assert_int_equal(eio_frame_seal(buffer, 0, EIO_OPCODE_BINARY), EIO_OK);
        assert_ptr_equal(eio_deflate_frame(&deflate, buffer, 15), buffer);
        assert_ptr_equal(eio_deflate_frame(&deflate, buffer, 15), buffer);
        eio_buffer_unref(buffer);
    }
    eio_deflate_fini(&deflate);
}

static void options_out_of_range_are_named(void **state)
{
    static const eio_deflate_options bad[] = {
        { .server_max_window_bits = 7 },
        { .server_max_window_bits = 16 },
        { .client_max_window_bits = -2 },
        { .client_max_window_bits = 99 },
        { .level = 10 },
        { .memory_level = 10 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_non_null(eio_deflate_fault(&bad[i]));
    assert_null(eio_deflate_fault(&no_options));
    assert_null(eio_deflate_fault(&(eio_deflate_options){ 1, true, true, 8, 15, 9, 9, true }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc_inflate),
        cmocka_unit_test(an_empty_payload_is_an_empty_message),
        cmocka_unit_test(bad_data_is_refused_and_the_next_message_is_not),
        cmocka_unit_test(a_message_of_the_limit_passes_and_one_byte_more_does_not),
        cmocka_unit_test(a_bomb_of_a_gigabyte_dies_at_the_limit),
        cmocka_unit_test(messages_may_refer_to_earlier_ones_within_the_window),
        cmocka_unit_test(clients_that_share_an_inflater_do_not_mix),
        cmocka_unit_test(a_client_that_said_little_costs_little),
        cmocka_unit_test(a_message_is_compressed_once_for_all),
        cmocka_unit_test(no_message_refers_to_an_earlier_one),
        cmocka_unit_test(a_companion_outlives_its_message_in_a_queue),
        cmocka_unit_test(each_window_has_a_form_of_its_own),
        cmocka_unit_test(the_smallest_window_is_kept_to),
        cmocka_unit_test(what_does_not_become_shorter_is_sent_as_it_is),
        cmocka_unit_test(options_out_of_range_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
