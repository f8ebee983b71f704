#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engineio/net/stream_private.h"

/* One side of a connection, and what it saw. */
typedef struct side {
    eio_stream *stream;
    size_t bytes;
    size_t reads;
    size_t drains;
    int closed;      /* reason; 1: not yet */
    bool end_on_all; /* close when `wanted` bytes came */
    size_t wanted;
    bool deaf; /* never reads */
    char last;
} side;

static uv_loop_t uv;
static eio_listener *listener;
static side client;
static side server;
static bool listener_closed;
static void (*on_accept)(void);

static void note_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    side *who = data;

    who->bytes += len;
    who->reads++;
    who->last = bytes[len - 1];
    if (who->end_on_all && who->bytes >= who->wanted)
        eio_stream_close(stream);
}

static void note_drain(eio_stream *stream, void *data)
{
    (void)stream;
    ((side *)data)->drains++;
}

static void note_close(eio_stream *stream, int reason, void *data)
{
    side *who = data;

    assert_ptr_equal(stream, who->stream);
    assert_int_equal(who->closed, 1);
    who->closed = reason;
}

static const eio_stream_handler handler = {
    .on_read = note_read,
    .on_drain = note_drain,
    .on_close = note_close,
};

static void accept_stream(eio_listener *from, eio_stream *stream, void *data)
{
    (void)from;
    (void)data;
    server.stream = stream;
    eio_stream_set_handler(stream, &handler, &server);
    if (server.deaf)
        eio_stream_set_reading(stream, false);
    eio_listener_stop(listener);
    if (on_accept != NULL)
        on_accept();
}

static void note_listener_closed(void *data)
{
    (void)data;
    listener_closed = true;
}

static eio_buffer *buffer_of(size_t len, char with)
{
    eio_buffer *buffer = eio_buffer_new(len);

    memset(eio_buffer_reserve(&buffer, len), with, len);
    eio_buffer_commit(buffer, len);
    return buffer;
}

static int send_bytes(eio_stream *stream, size_t len, char with)
{
    eio_buffer *buffer = buffer_of(len, with);
    int rc = eio_stream_write(stream, buffer, eio_buffer_slice(buffer));

    eio_buffer_unref(buffer);
    return rc;
}

static int set_up(void **state)
{
    eio_listen_options options;
    eio_error why;

    (void)state;
    server = client = (side){ .closed = 1 };
    listener_closed = false;
    on_accept = NULL;
    uv_loop_init(&uv);
    eio_listen_options_init(&options);
    options.host = "127.0.0.1";
    return eio_listener_new(&listener, &uv, &options, accept_stream, NULL, &why);
}

static int tear_down(void **state)
{
    (void)state;
    eio_listener_close(listener, note_listener_closed, NULL);
    uv_run(&uv, UV_RUN_DEFAULT);
    return uv_loop_close(&uv) != 0 || !listener_closed;
}

static void connect_client(void)
{
    eio_connect_options options;

    eio_connect_options_init(&options);
    options.host = "localhost"; /* two addresses perhaps, of which one refuses */
    options.port = eio_listener_port(listener);
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client), EIO_OK);
}

static void send_three_and_close(void)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_bytes(server.stream, 10, 'x'), EIO_OK);
    assert_int_equal(eio_stream_queued(server.stream), 30);
    eio_stream_close(server.stream);
    assert_int_equal(send_bytes(server.stream, 1, 'x'), EIO_E_CLOSED);
}

static void what_one_pass_queues_leaves_in_one_write(void **state)
{
    (void)state;
    on_accept = send_three_and_close;
    connect_client();
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.bytes, 30);
    assert_int_equal(client.reads, 1);
    assert_int_equal(client.closed, UV_EOF);
    assert_int_equal(server.closed, 1); /* its owner closed it: no callback */
}

enum { LARGE = 6 * 1024 * 1024 };

static void send_large(void)
{
    for (int i = 0; i < 6; i++)
        assert_int_equal(send_bytes(server.stream, LARGE / 6, (char)('a' + i)), EIO_OK);
}

static void more_than_the_kernel_takes_arrives_whole(void **state)
{
    (void)state;
    on_accept = send_large;
    client.end_on_all = true;
    client.wanted = LARGE;
    connect_client();
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.bytes, LARGE);
    assert_int_equal(client.last, 'f');
    assert_int_equal(server.drains, 1);
    assert_int_equal(server.closed, UV_EOF);
}

static void overfill(void)
{
    eio_stream_set_limit(server.stream, 1000);
    assert_int_equal(send_bytes(server.stream, 5000, 'x'),
                     EIO_OK); /* an empty queue takes any one message */
    assert_int_equal(send_bytes(server.stream, 1, 'y'), EIO_E_BACKLOG);
    assert_int_equal(eio_stream_queued(server.stream), 5000);
    eio_stream_abort(server.stream);
}

static void output_is_bounded_but_one_message_always_fits(void **state)
{
    (void)state;
    on_accept = overfill;
    connect_client();
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.bytes, 0);
}

static void rest_after_much_output(void)
{
    assert_int_equal(send_bytes(server.stream, LARGE, 'x'), EIO_OK);
    assert_false(server.stream->watched & UV_READABLE); /* its answers would only pile up */
}

static void reading_rests_while_much_is_queued(void **state)
{
    (void)state;
    on_accept = rest_after_much_output;
    client.end_on_all = true;
    client.wanted = LARGE;
    connect_client();
    send_bytes(client.stream, 10, 'q');
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(server.bytes, 10); /* it went on when the queue was gone */
}

static void unread_some(void)
{
    assert_int_equal(eio_stream_unread(server.stream, EIO_STR("before")), EIO_OK);
    assert_int_equal(server.bytes, 0); /* never from within the call */
}

static void unread_bytes_come_first(void **state)
{
    (void)state;
    on_accept = unread_some;
    connect_client();
    send_bytes(client.stream, 1, 'z');
    server.end_on_all = true;
    server.wanted = 7;
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(server.bytes, 7);
    assert_int_equal(server.reads, 2);
    assert_int_equal(server.last, 'z');
}

enum { OTHERS = 500 }; /* who have their part of a broadcast still to come */

static int others_left;

static void note_other(eio_late *late)
{
    (void)late;
    others_left--;
}

static void who_is_read_from_goes_before_those_that_wait(void **state)
{
    static eio_late others[OTHERS];

    (void)state;
    connect_client();
    send_bytes(client.stream, 1, 'q');
    while (server.bytes == 0)
        uv_run(&uv, UV_RUN_ONCE);
    server.stream->loop->late_slice_ns = 0;
    for (others_left = 0; others_left < OTHERS; others_left++) {
        others[others_left].run = note_other;
        eio_late_add(server.stream->loop, &others[others_left]);
    }
    send_bytes(server.stream, 10, 'x'); /* the last in line */
    assert_int_equal(send(client.stream->fd, "q", 1, 0), 1);
    while (eio_stream_queued(server.stream) > 0)
        uv_run(&uv, UV_RUN_NOWAIT);
    int left = others_left;
    eio_stream_close(server.stream);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.bytes, 10);
    assert_in_range(left, OTHERS / 2, OTHERS);
    assert_int_equal(others_left, 0);
}

enum { SHORT_ANSWER = 40, LARGE_ANSWER = 40 * 1000 };

static size_t answer_bytes;

static void answer(eio_stream *stream, char *bytes, size_t len, void *data)
{
    note_read(stream, bytes, len, data);
    send_bytes(stream, answer_bytes, 'a');
}

/* What is left of an answer of so many bytes when the message has been read; joins: others' messages came before. */
static size_t left_of_answer(size_t bytes, bool joins)
{
    static const eio_stream_handler talker = { .on_read = answer,
                                               .on_drain = note_drain,
                                               .on_close = note_close };

    answer_bytes = bytes;
    connect_client();
    while (server.stream == NULL)
        uv_run(&uv, UV_RUN_ONCE);
    eio_stream_set_handler(server.stream, &talker, &server);
    server.stream->loop->joins = joins;
    send_bytes(client.stream, 1, 'q');
    while (server.bytes == 0)
        uv_run(&uv, UV_RUN_ONCE);
    size_t left = eio_stream_queued(server.stream); /* what is late comes with the next pass */
    while (client.bytes < bytes)
        uv_run(&uv, UV_RUN_ONCE);
    eio_stream_close(server.stream);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(server.drains, 1);
    return left;
}

static void an_answer_leaves_right_after_its_message(void **state)
{
    (void)state;
    assert_int_equal(left_of_answer(SHORT_ANSWER, false), 0);
}

static void where_clients_hear_from_others_too_an_answer_waits_for_more(void **state)
{
    (void)state;
    assert_int_equal(left_of_answer(SHORT_ANSWER, true), SHORT_ANSWER);
}

static void a_large_answer_leaves_before_all_that_is_late(void **state)
{
    (void)state;
    assert_int_equal(left_of_answer(LARGE_ANSWER, true), 0);
}

static void the_pass_before_tells_whether_answers_wait(void **state)
{
    eio_loop *loop = eio_loop_acquire(&uv);

    (void)state;
    loop->reads = 8;
    loop->reads_behind = 3;
    uv_run(&uv, UV_RUN_NOWAIT);
    assert_true(loop->joins);
    uv_run(&uv, UV_RUN_NOWAIT); /* in which nothing is read */
    assert_true(loop->joins);
    loop->reads = 8;
    loop->reads_behind = 2;
    uv_run(&uv, UV_RUN_NOWAIT);
    assert_false(loop->joins);
    assert_int_equal(loop->reads + loop->reads_behind, 0);
    eio_loop_release(loop);
}

static void refused_connect_is_told_once_and_later(void **state)
{
    eio_connect_options options;

    (void)state;
    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = 1;
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client), EIO_OK);
    assert_int_equal(client.closed, 1);
    eio_listener_stop(listener);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.closed, UV_ECONNREFUSED);
}

static void absent_unix_socket_is_told_once_and_later(void **state)
{
    eio_connect_options options;

    (void)state;
    eio_connect_options_init(&options);
    options.path = "/nowhere/at/all";
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client), EIO_OK);
    assert_int_equal(client.closed, 1);
    eio_listener_stop(listener);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.closed, UV_ENOENT);
}

static void given_up_connect_says_nothing(void **state)
{
    (void)state;
    connect_client();
    eio_stream_abort(client.stream);
    eio_listener_stop(listener);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(client.closed, 1);
}

static void unsound_connect_options_are_refused(void **state)
{
    eio_connect_options options;
    char name[300];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    eio_connect_options_init(&options);
    options.host = name;
    options.port = 80;
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client),
                     EIO_E_INVALID);
    options.host = "127.0.0.1";
    options.port = 65536;
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client),
                     EIO_E_INVALID);
}

static void busy_port_is_refused_in_one_line(void **state)
{
    eio_listen_options options;
    eio_listener *second;
    eio_error why;

    (void)state;
    eio_listen_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_listener_port(listener);
    assert_int_equal(eio_listener_new(&second, &uv, &options, accept_stream, NULL, &why),
                     UV_EADDRINUSE);
    assert_non_null(strstr(why.text, "127.0.0.1 port "));
    assert_non_null(strstr(why.text, "address already in use"));
}

static void dead_unix_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    char path[64];
    eio_listen_options options;
    eio_listener *first;
    eio_listener *second;
    eio_error why;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/eio-stream-%d.sock", (int)getpid());
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd); /* left over, as by a crash */
    eio_listen_options_init(&options);
    options.path = path;
    assert_int_equal(eio_listener_new(&first, &uv, &options, accept_stream, NULL, &why), EIO_OK);
    assert_int_equal(eio_listener_new(&second, &uv, &options, accept_stream, NULL, &why),
                     UV_EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
    eio_listener_close(first, NULL, NULL);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_pass_queues_leaves_in_one_write, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_kernel_takes_arrives_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(output_is_bounded_but_one_message_always_fits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reading_rests_while_much_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unread_bytes_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_read_from_goes_before_those_that_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_leaves_right_after_its_message, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_clients_hear_from_others_too_an_answer_waits_for_more,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_answer_leaves_before_all_that_is_late, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_pass_before_tells_whether_answers_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refused_connect_is_told_once_and_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_unix_socket_is_told_once_and_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(given_up_connect_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unsound_connect_options_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(busy_port_is_refused_in_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_unix_socket_is_replaced_and_a_live_one_is_not, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
