/* Requests whose client is elsewhere: what is done to them reaches their handler, once. */
#include "engineio/http/far.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct scene {
    uv_loop_t loop;
    eio_http_server *http;
    eio_stream *stream, *other;
    unsigned responses, upgrades, drops, aborts, bodies;
    int status, body_status;
    bool keep_alive;
    char lines[200], body[200], heard[400];
} scene;

static void keep(char *out, eio_slice text)
{
    assert_true(text.len < 200);
    if (text.len > 0)
        memcpy(out, text.base, text.len);
    out[text.len] = '\0';
}

static void handle_response(int status, eio_slice lines, eio_slice body, bool keep_alive,
                            void *data)
{
    scene *s = data;

    s->responses++;
    s->status = status;
    s->keep_alive = keep_alive;
    keep(s->lines, lines);
    keep(s->body, body);
}

static void handle_upgrade(eio_stream *stream, void *data)
{
    scene *s = data;

    s->upgrades++;
    s->other = stream;
}

static void handle_drop(void *data)
{
    ((scene *)data)->drops++;
}

static const eio_http_far_handler handler = {
    .on_response = handle_response,
    .on_upgrade = handle_upgrade,
    .on_drop = handle_drop,
};

static int set_up(void **state)
{
    scene *s = calloc(1, sizeof(*s));
    eio_listen_options where;

    assert_non_null(s);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_int_equal(eio_http_server_new(&s->http, &s->loop, NULL), EIO_OK);
    eio_listen_options_init(&where);
    where.host = "127.0.0.1";
    where.port = 0;
    assert_int_equal(eio_http_server_listen(s->http, &where, NULL), EIO_OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scene *s = *state;

    eio_http_server_close(s->http, NULL, NULL);
    assert_int_equal(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    free(s);
    return 0;
}

static eio_http_far_head plain_head(void)
{
    return (eio_http_far_head){
        .method = EIO_STR("POST"),
        .target = EIO_STR("/a?b=c"),
        .address = EIO_STR("10.0.0.1"),
        .headers = EIO_STR("Host: x\r\nEmpty:\r\nAccept: a, b\r\n"),
        .lines = EIO_STR("Vary: Origin\r\n"),
        .is_secure = true,
    };
}

static eio_http_request *make(scene *s)
{
    const eio_http_far_head head = plain_head();
    eio_http_request *request = eio_http_far_new(s->http, &head, &handler, s);

    assert_non_null(request);
    return request;
}

static void assert_text(eio_slice slice, const char *text)
{
    assert_true(eio_slice_equal(slice, eio_slice_of(text)));
}

static void it_reads_as_it_was_sent(void **state)
{
    eio_http_request *request = make(*state);
    char address[64];

    assert_text(eio_http_method(request), "POST");
    assert_text(eio_http_query(request), "b=c");
    assert_text(eio_http_header(request, "accept"), "a, b");
    assert_text(eio_http_header(request, "empty"), "");
    assert_int_equal(eio_http_remote_address(request, address, sizeof(address)), 8);
    assert_string_equal(address, "10.0.0.1");
    assert_int_equal(eio_http_remote_address(request, address, 4), 3);
    assert_true(eio_http_is_secure(request));
    eio_http_destroy(request);
}

static void a_response_has_the_lines_from_before(void **state)
{
    scene *s = *state;
    eio_http_request *request = make(s);

    assert_int_equal(eio_http_add_header(request, EIO_STR("X"), EIO_STR("y")), EIO_OK);
    assert_int_equal(eio_http_respond_text(request, 201, NULL, EIO_STR("made")), EIO_OK);
    assert_int_equal(s->responses, 1);
    assert_int_equal(s->status, 201);
    assert_true(s->keep_alive);
    assert_string_equal(s->lines, "Vary: Origin\r\nX: y\r\n");
    assert_string_equal(s->body, "made");
    assert_int_equal(s->drops, 0);
}

static void to_destroy_it_is_to_drop_it(void **state)
{
    scene *s = *state;

    eio_http_destroy(make(s));
    assert_int_equal(s->drops, 1);
    assert_int_equal(s->responses, 0);
}

static void handle_abort(eio_http_request *request, void *data)
{
    (void)request;
    ((scene *)data)->aborts++;
}

static void a_client_that_is_gone_is_told_to_its_owner_alone(void **state)
{
    scene *s = *state;
    eio_http_request *request = make(s);

    eio_http_on_abort(request, handle_abort, s);
    eio_http_far_abort(request);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->drops + s->responses, 0);
}

static void handle_body(eio_http_request *request, int status, eio_slice body, void *data)
{
    scene *s = data;

    s->bodies++;
    s->body_status = status;
    keep(s->heard, body);
    eio_http_destroy(request);
}

static void a_body_is_given_to_who_waits_for_it(void **state)
{
    scene *s = *state;
    eio_http_request *request = make(s);

    eio_http_read_body(request, 5, handle_body, s);
    assert_int_equal(s->bodies, 0);
    eio_http_far_feed(request, EIO_OK, EIO_STR("12345"));
    assert_int_equal(s->body_status, EIO_OK);
    assert_string_equal(s->heard, "12345");
    request = make(s);
    eio_http_read_body(request, 5, handle_body, s);
    eio_http_far_feed(request, EIO_OK, EIO_STR(""));
    assert_int_equal(s->body_status, EIO_OK);
    assert_int_equal(s->bodies, 2);
}

static void a_body_that_is_too_long_is_not(void **state)
{
    scene *s = *state;
    eio_http_request *request = make(s);

    eio_http_read_body(request, 5, handle_body, s);
    eio_http_far_feed(request, EIO_OK, EIO_STR("123456"));
    assert_int_equal(s->body_status, EIO_E_TOO_BIG);
    request = make(s);
    eio_http_read_body(request, 5, handle_body, s);
    eio_http_far_feed(request, EIO_E_TOO_BIG, EIO_STR(""));
    assert_int_equal(s->body_status, EIO_E_TOO_BIG);
    assert_int_equal(s->bodies, 2);
    request = make(s);
    eio_http_far_feed(request, EIO_OK, EIO_STR("nobody waits"));
    assert_int_equal(s->bodies, 2);
    eio_http_destroy(request);
}

static void hear(eio_stream *stream, char *bytes, size_t len, void *data)
{
    scene *s = data;

    (void)stream;
    keep(s->heard + strlen(s->heard), (eio_slice){ bytes, len });
}

static void lose(eio_stream *stream, int reason, void *data)
{
    (void)stream;
    (void)reason;
    ((scene *)data)->other = NULL;
}

static const eio_stream_handler ears = { .on_read = hear, .on_close = lose };

static void an_upgrade_makes_two_ends(void **state)
{
    scene *s = *state;
    eio_buffer *text = eio_buffer_copy(EIO_STR("behind"));

    assert_non_null(text);
    s->stream = eio_http_upgrade(make(s), EIO_STR("Upgrade: a\r\n"), &ears, s);
    assert_non_null(s->stream);
    assert_int_equal(s->upgrades, 1);
    eio_stream_set_handler(s->other, &ears, s);
    assert_int_equal(eio_stream_write(s->stream, text, eio_buffer_slice(text)), EIO_OK);
    eio_buffer_unref(text);
    eio_stream_close(s->stream);
    while (s->other != NULL)
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_string_equal(s->heard, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n"
                                  "Vary: Origin\r\n\r\nbehind");
    assert_int_equal(s->drops + s->responses, 0);
}

static void a_head_that_no_client_could_send_is_refused(void **state)
{
    static const char *const bad[] = { "Host x\r\n",      "Host: x\n", "Host: x",
                                       "Host: x\r\r\n\n", "\r\n",      ": empty name\r\n",
                                       "A: b\rc\r\n" };
    static const char long_text[100] = { 'x' };
    scene *s = *state;
    eio_http_far_head head;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        head = plain_head();
        head.headers = eio_slice_of(bad[i]);
        assert_null(eio_http_far_new(s->http, &head, &handler, s));
        head = plain_head();
        head.lines = eio_slice_of(bad[i]);
        assert_null(eio_http_far_new(s->http, &head, &handler, s));
    }
    head = plain_head();
    head.method = (eio_slice){ long_text, sizeof(long_text) };
    assert_null(eio_http_far_new(s->http, &head, &handler, s));
    head = plain_head();
    head.address = (eio_slice){ long_text, sizeof(long_text) };
    assert_null(eio_http_far_new(s->http, &head, &handler, s));
    assert_int_equal(s->drops + s->responses, 0);
}

int main(void)
{
#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(it_reads_as_it_was_sent),
        SCENE_TEST(a_response_has_the_lines_from_before),
        SCENE_TEST(to_destroy_it_is_to_drop_it),
        SCENE_TEST(a_client_that_is_gone_is_told_to_its_owner_alone),
        SCENE_TEST(a_body_is_given_to_who_waits_for_it),
        SCENE_TEST(a_body_that_is_too_long_is_not),
        SCENE_TEST(an_upgrade_makes_two_ends),
        SCENE_TEST(a_head_that_no_client_could_send_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
