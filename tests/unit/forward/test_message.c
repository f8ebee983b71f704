#include "socketio/forward/message.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME EIO_STR("AAAAAAAAAAAAAAAAAAAA")
#define EXCHANGE EIO_STR("xxxxxxxxxxxxxxxxxxx1")

static const sio_forward_message samples[] = {
    { .kind = SIO_FORWARD_FIND, .bytes = { "sid", 3 } },
    { .kind = SIO_FORWARD_HERE, .bytes = { "sid", 3 } },
    { .kind = SIO_FORWARD_PING },
    { .kind = SIO_FORWARD_OPEN,
      .flags = SIO_FORWARD_HAS_BODY | SIO_FORWARD_IS_SECURE,
      .texts = { { "POST", 4 },
                 { "/?sid=1", 7 },
                 { "::1", 3 },
                 { "A: b\r\n", 6 },
                 { "C: d\r\n", 6 } },
      .bytes = { "4\0x", 3 } },
    { .kind = SIO_FORWARD_BODY, .flags = SIO_FORWARD_TOO_BIG },
    { .kind = SIO_FORWARD_ANSWER,
      .number = 413,
      .flags = SIO_FORWARD_KEEPS_ALIVE,
      .texts = { [SIO_FORWARD_LINES] = { "C: d\r\n", 6 } } },
    { .kind = SIO_FORWARD_UPGRADE },
    { .kind = SIO_FORWARD_BYTES, .bytes = { "\x81\x00", 2 } },
    { .kind = SIO_FORWARD_TAKEN, .number = UINT32_MAX },
    { .kind = SIO_FORWARD_END },
};
enum { N_SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static_assert((int)N_SAMPLES == (int)SIO_FORWARD_N_KINDS, "a sample of each kind");

static eio_buffer *encode(sio_forward_message message)
{
    eio_buffer *bytes;

    message.from = NAME;
    if (message.kind >= SIO_FORWARD_OPEN)
        message.exchange = EXCHANGE;
    assert_int_equal(sio_forward_encode(&bytes, &message), EIO_OK);
    return bytes;
}

static void assert_same(eio_slice a, eio_slice b)
{
    assert_true(eio_slice_equal(a, b));
}

static void every_kind_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        sio_forward_message read;
        eio_buffer *bytes = encode(samples[i]);

        assert_int_equal(sio_forward_decode(&read, eio_buffer_slice(bytes)), EIO_OK);
        assert_int_equal(read.kind, samples[i].kind);
        assert_int_equal(read.flags, samples[i].flags);
        assert_int_equal(read.number, samples[i].number);
        assert_same(read.from, NAME);
        assert_same(read.exchange,
                    samples[i].kind >= SIO_FORWARD_OPEN ? EXCHANGE : (eio_slice){ NULL, 0 });
        for (size_t text = 0; text < SIO_FORWARD_N_TEXTS; text++)
            assert_same(read.texts[text], samples[i].texts[text]);
        assert_same(read.bytes, samples[i].bytes);
        eio_buffer_unref(bytes);
    }
}

/* Up to the last length there is a place for each byte; what follows is free. */
static void what_is_cut_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        eio_buffer *bytes = encode(samples[i]);
        const eio_slice whole = eio_buffer_slice(bytes);
        sio_forward_message read;

        for (size_t len = 0; len < whole.len - samples[i].bytes.len; len++) {
            char *cut = malloc(len + 1);
            assert_non_null(cut);
            memcpy(cut, whole.base, len);
            assert_int_equal(sio_forward_decode(&read, (eio_slice){ cut, len }), EIO_E_PROTOCOL);
            free(cut);
        }
        eio_buffer_unref(bytes);
    }
}

/* One byte of a good message of that kind, changed. */
static void assert_refused_with(sio_forward_kind kind, size_t at, char byte)
{
    eio_buffer *bytes = encode(samples[kind]);
    const eio_slice whole = eio_buffer_slice(bytes);
    char *changed = malloc(whole.len);
    sio_forward_message read;

    assert_non_null(changed);
    memcpy(changed, whole.base, whole.len);
    changed[at] = byte;
    assert_int_equal(sio_forward_decode(&read, (eio_slice){ changed, whole.len }), EIO_E_PROTOCOL);
    free(changed);
    eio_buffer_unref(bytes);
}

static void what_no_server_of_ours_says_is_refused(void **state)
{
    enum { VERSION, KIND, FLAGS, FROM = 7, EXCHANGE_AT = 27, FIRST_LENGTH = 47 };

    (void)state;
    for (sio_forward_kind kind = 0; kind < SIO_FORWARD_N_KINDS; kind++) {
        assert_refused_with(kind, VERSION, 2);
        assert_refused_with(kind, KIND, SIO_FORWARD_N_KINDS);
        assert_refused_with(kind, KIND, (char)0xff);
        assert_refused_with(kind, FLAGS, 32);
        assert_refused_with(kind, FROM, '#');
        assert_refused_with(kind, FROM, '\0');
        assert_refused_with(kind, FIRST_LENGTH, (char)0xff);
    }
    assert_refused_with(SIO_FORWARD_END, EXCHANGE_AT, '\0');
}

static void assert_refused(sio_forward_message message)
{
    eio_buffer *bytes = encode(message);
    sio_forward_message read;

    assert_int_equal(sio_forward_decode(&read, eio_buffer_slice(bytes)), EIO_E_PROTOCOL);
    eio_buffer_unref(bytes);
}

static void a_kind_without_what_it_needs_is_refused(void **state)
{
    static const char long_sid[SIO_FORWARD_MOST_SID_BYTES + 1] = "x";

    (void)state;
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_FIND });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_HERE });
    assert_refused(
        (sio_forward_message){ .kind = SIO_FORWARD_FIND, .bytes = { long_sid, sizeof(long_sid) } });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_OPEN });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_OPEN, .texts = { { "GET", 3 } } });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_ANSWER, .number = 101 });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_ANSWER, .number = 600 });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_BYTES });
    assert_refused((sio_forward_message){ .kind = SIO_FORWARD_TAKEN });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_as_it_was_written),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_no_server_of_ours_says_is_refused),
        cmocka_unit_test(a_kind_without_what_it_needs_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
