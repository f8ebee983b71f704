/* jansson's trees for arguments, both ways (socketio/json.h). */
#include "socketio/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"

static sio_server *io;
static sio_namespace *root;
static eio_session *session;
static sio_socket *socket_;

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    socket_ = socket;
}

static void on_sum(sio_socket *socket, sio_event *event, void *data)
{
    json_t *args = sio_json_of_args(sio_event_args(event), NULL);
    int a;
    int b;

    (void)socket;
    (void)data;
    assert_int_equal(json_unpack(args, "[i, {s:i}]", &a, "b", &b), 0);
    assert_int_equal(sio_event_ack_pack(event, "[i]", a + b), EIO_OK);
    assert_int_equal(sio_event_ack_json(event, args), EIO_E_STATE);
    json_decref(args);
}

static int set_up(void **state)
{
    (void)state;
    io = fake_server_new(NULL);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("sum"), on_sum, NULL), EIO_OK);
    session = fake_come(io);
    fake_say(session, "0");
    (void)fake_heard(session);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

static void arguments_become_a_tree_and_come_back_as_texts(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "0",
        "-1",
        "9007199254740991",
        "0.5",
        "\"\"",
        "\"a\\u0000b\"",
        "\"\xf0\x9f\x98\x80\"",
        "[]",
        "{}",
        "[1,[2,{\"a\":[]}]]",
    };
    enum { COUNT = sizeof(texts) / sizeof(*texts) };
    eio_slice json[COUNT];
    sio_json_args *back;

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        json[i] = eio_slice_of(texts[i]);
    json_t *tree = sio_json_of_args((sio_args){ json, COUNT, NULL, 0 }, NULL);
    assert_int_equal(json_array_size(tree), COUNT);
    assert_int_equal(sio_json_args_new(&back, tree, NULL, 0), EIO_OK);
    json_decref(tree);
    sio_args args = sio_json_args_get(back);
    assert_int_equal(args.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(eio_slice_equal(args.json[i], json[i]));
    sio_json_args_free(back);
}

static void no_arguments_are_an_empty_tree(void **state)
{
    json_t *tree = sio_json_of_args(SIO_NO_ARGS, NULL);

    (void)state;
    assert_int_equal(json_array_size(tree), 0);
    assert_int_equal(sio_emit_json(socket_, SIO_STR("none"), tree), EIO_OK);
    assert_string_equal(fake_heard(session), "2[\"none\"]|");
    json_decref(tree);
}

static void whole_numbers_beyond_64_bits_become_reals(void **state)
{
    eio_slice json = EIO_STR("[1,100000000000000000000]");
    json_t *tree = sio_json_of_args((sio_args){ &json, 1, NULL, 0 }, NULL);

    (void)state;
    assert_true(json_real_value(json_array_get(json_array_get(tree, 0), 1)) == 1e20);
    json_decref(tree);
}

static void what_jansson_cannot_hold_is_refused_with_a_reason(void **state)
{
    eio_slice json[] = { EIO_STR("1"), EIO_STR("\"\\ud800\"") };
    eio_error why = { 0 };

    (void)state;
    assert_null(sio_json_of_args((sio_args){ json, 2, NULL, 0 }, &why));
    assert_non_null(strstr(why.text, "argument 1: "));
    json[1] = EIO_STR("1e999");
    assert_null(sio_json_of_args((sio_args){ json, 2, NULL, 0 }, NULL));
}

static void a_placeholder_leads_to_its_bytes(void **state)
{
    eio_slice json = EIO_STR("[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1},"
                             "{\"_placeholder\":true,\"num\":-1},{\"num\":0},0]");
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("\1\2"));
    sio_args args = { &json, 1, &bytes, 1 };
    json_t *tree = sio_json_of_args(args, NULL);
    const json_t *values = json_array_get(tree, 0);

    (void)state;
    assert_ptr_equal(sio_json_attachment(json_array_get(values, 0), args), bytes);
    for (size_t i = 1; i < json_array_size(values); i++)
        assert_null(sio_json_attachment(json_array_get(values, i), args));
    json_decref(tree);
    eio_buffer_unref(bytes);
}

static void bytes_go_out_with_a_tree(void **state)
{
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("bin"));
    json_t *tree = json_pack("[{s:o}]", "image", sio_json_placeholder(0));
    sio_json_args *args;

    (void)state;
    assert_int_equal(sio_json_args_new(&args, tree, &bytes, 1), EIO_OK);
    assert_int_equal(sio_emit(socket_, SIO_STR("x"), sio_json_args_get(args)), EIO_OK);
    assert_string_equal(fake_heard(session),
                        "51-[\"x\",{\"image\":{\"_placeholder\":true,\"num\":0}}]|<bin>|");
    sio_json_args_free(args);
    json_decref(tree);
    eio_buffer_unref(bytes);
}

static void values_are_emitted_from_a_format(void **state)
{
    (void)state;
    assert_int_equal(
        sio_emit_pack(socket_, SIO_STR("hello"), "[s, {s:i, s:n}]", "J\"o", "age", 7, "none"),
        EIO_OK);
    assert_string_equal(fake_heard(session), "2[\"hello\",\"J\\\"o\",{\"age\":7,\"none\":null}]|");
    assert_int_equal(sio_broadcast_pack(root, NULL, SIO_STR("all"), "[b]", 1), EIO_OK);
    assert_string_equal(fake_heard(session), "2[\"all\",true]|");
    assert_int_equal(sio_broadcast_json(root, NULL, SIO_STR("all"), json_true()), EIO_E_INVALID);
}

static void what_is_no_array_is_refused(void **state)
{
    (void)state;
    assert_int_equal(sio_emit_pack(socket_, SIO_STR("x"), "{s:i}", "a", 1), EIO_E_INVALID);
    assert_int_equal(sio_emit_pack(socket_, SIO_STR("x"), "[s]", "\xff"), EIO_E_INVALID);
    assert_int_equal(sio_emit_pack(socket_, SIO_STR("x"), "[", 1), EIO_E_INVALID);
    assert_int_equal(sio_emit_json(socket_, SIO_STR("x"), NULL), EIO_E_INVALID);
    assert_int_equal(sio_emit_pack(socket_, SIO_STR("connect"), "[]"), EIO_E_RESERVED);
    assert_string_equal(fake_heard(session), "");
}

/* Emit an argument of arrays and objects within each other. */
static int emit_nested(size_t depth)
{
    json_t *tree = json_array();

    for (size_t i = 1; i < depth; i++)
        tree =
            i % 2 == 0 ? json_pack("[i, o]", 1, tree) : json_pack("{s:i, s:o}", "a", 1, "b", tree);
    int rc = sio_emit_pack(socket_, SIO_STR("x"), "[s, o]", "first", tree);
    (void)fake_heard(session);
    return rc;
}

static void what_is_nested_too_deeply_is_refused(void **state)
{
    json_t *inner = json_array();
    json_t *outer = json_pack("[O]", inner);

    (void)state;
    assert_int_equal(emit_nested(127), EIO_OK);
    assert_int_equal(emit_nested(128), EIO_E_TOO_BIG);
    (void)json_array_append(inner, outer);
    assert_int_equal(sio_emit_json(socket_, SIO_STR("x"), outer), EIO_E_TOO_BIG);
    assert_string_equal(fake_heard(session), "");
    (void)json_array_clear(inner);
    json_decref(inner);
    json_decref(outer);
}

static void an_event_is_read_and_answered_with_values(void **state)
{
    (void)state;
    fake_say(session, "21[\"sum\",1,{\"b\":2}]");
    assert_string_equal(fake_heard(session), "31[3]|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arguments_become_a_tree_and_come_back_as_texts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_arguments_are_an_empty_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_numbers_beyond_64_bits_become_reals, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_jansson_cannot_hold_is_refused_with_a_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_placeholder_leads_to_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_go_out_with_a_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_emitted_from_a_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_array_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_nested_too_deeply_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_is_read_and_answered_with_values, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
