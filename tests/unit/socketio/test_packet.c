#include "socketio/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/socketio/describe_packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static sio_decoder decoder;

static int set_up(void **state)
{
    (void)state;
    sio_decoder_init(&decoder, 1000);
    return 0;
}

/* The text in a block of its own size, so that a read past the end is seen. */
static char *describe(const char *frames)
{
    char *copy = strdup(frames);
    char *text = describe_frames(&decoder, copy);

    free(copy);
    return text;
}

static void assert_decodes_to(const char *frames, const char *wanted)
{
    char *text = describe(frames);

    assert_string_equal(text, wanted);
    free(text);
}

/* socket.io-parser was asked about each line of vectors, or the reason is told there. */
static void decoder_gives_the_verdicts_on_record(void **state)
{
    FILE *file = fopen("tests/unit/socketio/vectors/packets.txt", "r");
    char *line = NULL;
    size_t capacity = 0, lines = 0;
    (void)state;

    assert_non_null(file);
    for (ssize_t len; (len = getline(&line, &capacity, file)) > 0;) {
        if (line[0] == '#')
            continue;
        line[len - 1] = '\0';
        char *wanted = strchr(line, '\t');
        assert_non_null(wanted);
        *wanted++ = '\0';
        assert_decodes_to(line, wanted);
        lines++;
    }
    assert_true(lines > 500);
    free(line);
    fclose(file);
}

/* Text around `count` repetitions of a piece, decoded; the fault, or NULL. */
static const char *fault_of_repeated(const char *start, const char *piece, size_t count,
                                     const char *end)
{
    size_t start_len = strlen(start), piece_len = strlen(piece), end_len = strlen(end);
    size_t len = start_len + count * piece_len + end_len;
    char *text = malloc(len);
    sio_packet packet;
    sio_reassembly *pending = NULL;

    memcpy(text, start, start_len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + start_len + i * piece_len, piece, piece_len);
    memcpy(text + start_len + count * piece_len, end, end_len);
    sio_decode_result result =
        sio_decode_text(&packet, &decoder, &pending, (eio_slice){ text, len });
    if (result == SIO_DECODE_PACKET)
        sio_packet_fini(&packet);
    assert_null(pending);
    free(text);
    return result == SIO_DECODE_FAULT ? decoder.fault : NULL;
}

static void decoder_holds_its_limits(void **state)
{
    static const struct {
        const char *start, *piece, *end;
        size_t most;
        const char *fault;
    } limits[] = {
        { "2[\"", "a", "\"]", 1024, "event name is too long (limit: 1024 bytes)" },
        { "2[\"", "\\u0041", "\"]", 1024, "event name is too long (limit: 1024 bytes)" },
        { "2[\"a\"", ",1", "]", 1024, "too many arguments (limit: 1024)" },
        { "3[1", ",1", "]", 1023, "too many arguments (limit: 1024)" },
        { "0/", "n", ",{}", 255, "namespace is too long (limit: 256 bytes)" },
        { "0{\"a\":", "[", "}", 127, "payload is nested too deeply (limit: 128)" },
        { "2[\"a\",", "[", "]", 127, "payload is nested too deeply (limit: 128)" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(limits); i++) {
        const char *at =
            fault_of_repeated(limits[i].start, limits[i].piece, limits[i].most, limits[i].end);
        bool unclosed = limits[i].piece[0] == '['; /* within the limit, it is no JSON */
        assert_string_equal(at == NULL ? "none" : at, unclosed ? "invalid payload" : "none");
        assert_string_equal(
            fault_of_repeated(limits[i].start, limits[i].piece, limits[i].most + 1, limits[i].end),
            limits[i].fault);
    }
}

static void decoder_takes_as_many_attachments_as_it_is_told(void **state)
{
    (void)state;
    assert_decodes_to("510-[\"a\"]", "pending");
    assert_decodes_to("511-[\"a\"]", "fault: too many attachments");
    decoder.max_attachments = 1;
    assert_decodes_to("52-[\"a\"]", "fault: too many attachments");
    assert_decodes_to("51-[\"a\"]", "pending");
}

static void decoder_counts_the_bytes_of_a_binary_packet(void **state)
{
    static const char header[] = "52-[\"a\"]";
    char bytes[1000] = { 0 };
    sio_packet packet;
    sio_reassembly *pending = NULL;
    eio_slice text = { header, sizeof(header) - 1 };
    eio_slice rest = { bytes, 1000 - text.len };
    (void)state;

    assert_int_equal(sio_decode_text(&packet, &decoder, &pending, text), SIO_DECODE_PENDING);
    assert_int_equal(sio_decode_binary(&packet, &decoder, &pending, rest), SIO_DECODE_PENDING);
    assert_int_equal(sio_decode_binary(&packet, &decoder, &pending, (eio_slice){ bytes, 1 }),
                     SIO_DECODE_FAULT);
    assert_string_equal(decoder.fault, "binary packet is too large");
    assert_int_equal(sio_decode_binary(&packet, &decoder, &pending, (eio_slice){ NULL, 0 }),
                     SIO_DECODE_PACKET);
    assert_null(pending);
    sio_packet_fini(&packet);
    sio_packet_fini(&packet);
    decoder.max_packet_bytes = text.len - 1;
    assert_int_equal(sio_decode_text(&packet, &decoder, &pending, text), SIO_DECODE_FAULT);
}

static void binary_packet_outlives_its_text(void **state)
{
    char text[] = "51-/n,7[\"\\u0061b\",[1],{\"_placeholder\":true,\"num\":0}]";
    sio_packet packet;
    sio_reassembly *pending = NULL;
    char *line = NULL;
    size_t len;
    (void)state;

    assert_int_equal(
        sio_decode_text(&packet, &decoder, &pending, (eio_slice){ text, sizeof(text) - 1 }),
        SIO_DECODE_PENDING);
    memset(text, 'x', sizeof(text));
    memset(decoder.name, 'x', sizeof(decoder.name));
    memset(decoder.args, 0, sizeof(decoder.args));
    assert_int_equal(sio_decode_binary(&packet, &decoder, &pending, EIO_STR("\1\2")),
                     SIO_DECODE_PACKET);
    FILE *out = open_memstream(&line, &len);
    describe_packet(out, &packet);
    fclose(out);
    assert_string_equal(line, "EVENT nsp=/n id=7 name=ab arg=[1] "
                              "arg={\"_placeholder\":true,\"num\":0} attachment=0102");
    free(line);
    sio_packet_fini(&packet);
}

static void decoder_refuses_every_cut_of_an_event(void **state)
{
    static const char text[] = "2/nsp,12[\"name\",{\"a\":[1,\"two\"]}]";
    (void)state;

    for (size_t len = 10; len < sizeof(text) - 1; len++) {
        sio_packet packet;
        sio_reassembly *pending = NULL;
        assert_int_equal(sio_decode_text(&packet, &decoder, &pending, (eio_slice){ text, len }),
                         SIO_DECODE_FAULT);
    }
    assert_decodes_to(text, "EVENT nsp=/nsp id=12 name=name arg={\"a\":[1,\"two\"]}");
}

static void assert_buffer_is(eio_buffer *buffer, const char *wanted)
{
    eio_slice got = eio_buffer_slice(buffer);

    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.base, wanted, got.len);
    eio_buffer_unref(buffer);
}

static const eio_slice root = { "/", 1 };
static const eio_slice admin = { "/admin", 6 };
static const eio_slice absent = { NULL, 0 };

static void encoder_writes_events_and_acks(void **state)
{
    eio_slice json[] = { EIO_STR("1"), EIO_STR("{\"a\":[]}") };
    sio_args two = { json, 2, NULL, 0 };
    sio_encoded out;
    (void)state;

    assert_int_equal(sio_packet_encode_event(&out, root, false, 0, EIO_STR("foo"), SIO_NO_ARGS), 0);
    assert_int_equal(out.attachment_count, 0);
    assert_buffer_is(out.text, "2[\"foo\"]");
    assert_int_equal(sio_packet_encode_event(&out, admin, true, 0, EIO_STR("a\"\n"), two), 0);
    assert_buffer_is(out.text, "2/admin,0[\"a\\\"\\n\",1,{\"a\":[]}]");
    assert_int_equal(sio_packet_encode_event(&out, root, true, UINT64_MAX, absent, SIO_NO_ARGS), 0);
    assert_buffer_is(out.text, "218446744073709551615[\"\"]");
    assert_int_equal(sio_packet_encode_ack(&out, root, 12, SIO_NO_ARGS), 0);
    assert_buffer_is(out.text, "312[]");
    assert_int_equal(sio_packet_encode_ack(&out, admin, 0, two), 0);
    assert_buffer_is(out.text, "3/admin,0[1,{\"a\":[]}]");
}

static void encoder_writes_the_other_types(void **state)
{
    eio_buffer *out;
    (void)state;

    assert_int_equal(sio_packet_encode_connect(&out, root, absent), 0);
    assert_buffer_is(out, "0");
    assert_int_equal(sio_packet_encode_connect(&out, admin, EIO_STR("{\"sid\":\"X\"}")), 0);
    assert_buffer_is(out, "0/admin,{\"sid\":\"X\"}");
    assert_int_equal(sio_packet_encode_disconnect(&out, root), 0);
    assert_buffer_is(out, "1");
    assert_int_equal(sio_packet_encode_disconnect(&out, admin), 0);
    assert_buffer_is(out, "1/admin,");
    assert_int_equal(sio_packet_encode_connect_error(&out, root, EIO_STR("a\"b"), absent), 0);
    assert_buffer_is(out, "4{\"message\":\"a\\\"b\"}");
    assert_int_equal(
        sio_packet_encode_connect_error(&out, admin, EIO_STR(""), EIO_STR("{\"code\":5}")), 0);
    assert_buffer_is(out, "4/admin,{\"message\":\"\",\"data\":{\"code\":5}}");
    assert_int_equal(sio_packet_encode_connect_error(&out, root, absent, absent), 0);
    assert_buffer_is(out, "4{}");
}

static void encoder_refuses_reserved_names(void **state)
{
    static const char *const names[] = { "connect",       "connect_error", "disconnect",
                                         "disconnecting", "newListener",   "removeListener" };
    sio_encoded out;
    (void)state;

    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(
            sio_packet_encode_event(&out, root, false, 0, eio_slice_of(names[i]), SIO_NO_ARGS),
            EIO_E_RESERVED);
    assert_false(sio_event_name_is_reserved(EIO_STR("error")));
    assert_false(sio_event_name_is_reserved(EIO_STR("Connect")));
}

#define HOLDER(num) "{\"_placeholder\":true,\"num\":" num "}"

/* Twelve attachments, of one byte each. */
static void make_attachments(eio_buffer *attachments[12])
{
    for (size_t i = 0; i < 12; i++)
        attachments[i] = eio_buffer_copy((eio_slice){ &"abcdefghijkl"[i], 1 });
}

static void free_attachments(eio_buffer *attachments[12])
{
    for (size_t i = 0; i < 12; i++)
        eio_buffer_unref(attachments[i]);
}

static void encoder_sends_used_attachments_renumbered(void **state)
{
    eio_slice json[] = { EIO_STR("{\"x\":[" HOLDER("11") ",1]}"), EIO_STR("2"),
                         EIO_STR(HOLDER("3")), EIO_STR("[" HOLDER("11") "," HOLDER("0") "]") };
    eio_buffer *all[12];
    sio_encoded out;
    (void)state;

    make_attachments(all);
    assert_int_equal(
        sio_packet_encode_event(&out, admin, true, 3, EIO_STR("b"), (sio_args){ json, 4, all, 12 }),
        0);
    assert_int_equal(out.attachment_count, 3);
    assert_ptr_equal(out.attachments[0], all[11]);
    assert_ptr_equal(out.attachments[1], all[3]);
    assert_ptr_equal(out.attachments[2], all[0]);
    assert_buffer_is(out.text, "53-/admin,3[\"b\",{\"x\":[" HOLDER("0") ",1]},2," HOLDER(
                                   "1") ",[" HOLDER("0") "," HOLDER("2") "]]");
    assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ json + 2, 1, all, 12 }), 0);
    assert_int_equal(out.attachment_count, 1);
    assert_buffer_is(out.text, "61-1[" HOLDER("0") "]");
    assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ json + 1, 1, all, 12 }), 0);
    assert_int_equal(out.attachment_count, 0);
    assert_buffer_is(out.text, "31[2]");
    free_attachments(all);
}

static void encoder_takes_parts_that_overlap(void **state)
{
    static const char whole[] = "{\"_placeholder\":true,\"x\":" HOLDER("1") ",\"num\":0}";
    eio_slice json[] = { { whole, sizeof(whole) - 1 },
                         { whole + 25, sizeof(HOLDER("1")) - 1 },
                         { whole, sizeof(whole) - 1 } };
    eio_buffer *all[12];
    sio_encoded out;
    (void)state;

    make_attachments(all);
    assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ json, 3, all, 2 }), 0);
    assert_int_equal(out.attachment_count, 2);
    assert_buffer_is(out.text,
                     "62-1[{\"_placeholder\":true,\"x\":" HOLDER("1") ",\"num\":0}," HOLDER(
                         "1") ",{\"_placeholder\":true,\"x\":" HOLDER("1") ",\"num\":0}]");
    free_attachments(all);
}

static void encoder_refuses_placeholders_that_name_nothing(void **state)
{
    static const char *const bad[] = { HOLDER("12"), HOLDER("-1"), HOLDER("\"0\""),
                                       "{\"_placeholder\":true}" };
    eio_buffer *all[12];
    sio_encoded out;
    (void)state;

    make_attachments(all);
    for (size_t i = 0; i < COUNT(bad); i++) {
        eio_slice json = eio_slice_of(bad[i]);
        assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ &json, 1, all, 12 }),
                         EIO_E_INVALID);
    }
    free_attachments(all);
}

static void encoder_sends_ten_attachments_at_most(void **state)
{
    char texts[11][sizeof(HOLDER("10"))];
    eio_slice json[11];
    eio_buffer *all[12];
    sio_encoded out;
    (void)state;

    make_attachments(all);
    for (int i = 0; i < 11; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), HOLDER("%d"), i);
        json[i] = (eio_slice){ texts[i], (size_t)len };
    }
    assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ json, 11, all, 12 }),
                     EIO_E_LIMIT);
    assert_int_equal(sio_packet_encode_ack(&out, root, 1, (sio_args){ json, 10, all, 12 }), 0);
    assert_int_equal(out.attachment_count, 10);
    assert_memory_equal(eio_buffer_slice(out.text).base, "610-1[", 6);
    eio_buffer_unref(out.text);
    free_attachments(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(decoder_gives_the_verdicts_on_record, set_up),
        cmocka_unit_test_setup(decoder_holds_its_limits, set_up),
        cmocka_unit_test_setup(decoder_takes_as_many_attachments_as_it_is_told, set_up),
        cmocka_unit_test_setup(decoder_counts_the_bytes_of_a_binary_packet, set_up),
        cmocka_unit_test_setup(binary_packet_outlives_its_text, set_up),
        cmocka_unit_test_setup(decoder_refuses_every_cut_of_an_event, set_up),
        cmocka_unit_test(encoder_writes_events_and_acks),
        cmocka_unit_test(encoder_writes_the_other_types),
        cmocka_unit_test(encoder_refuses_reserved_names),
        cmocka_unit_test(encoder_sends_used_attachments_renumbered),
        cmocka_unit_test(encoder_takes_parts_that_overlap),
        cmocka_unit_test(encoder_refuses_placeholders_that_name_nothing),
        cmocka_unit_test(encoder_sends_ten_attachments_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
