#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engineio/net/stream_private.h"

/* One side of a connection, and what it saw. */
typedef struct side {
    eio_stream *stream;
    size_t bytes;
    size_t reads;
    size_t drains;
    int closed; /* reason; 1: not yet */
    char why[200];
    bool connected;
    size_t wanted; /* close when so many bytes came; 0: never */
    bool ordered;  /* the bytes that came count up */
} side;

static uv_loop_t uv;
static eio_listener *listener;
static eio_tls *server_tls, *client_tls;
static side client, server;
static size_t accepted;
static size_t wanted_accepts;
static void (*on_accept)(void);

static void note_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    side *who = data;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)bytes[i] != (who->bytes + i) % 251)
            who->ordered = false;
    who->bytes += len;
    who->reads++;
    memset(bytes, 0xff, len); /* they are the callee's to change */
    if (who->wanted > 0 && who->bytes >= who->wanted)
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
    eio_stream_tls_failure(stream, who->why, sizeof(who->why));
}

static void note_connect(eio_stream *stream, void *data)
{
    (void)stream;
    ((side *)data)->connected = true;
}

static const eio_stream_handler handler = {
    .on_read = note_read,
    .on_drain = note_drain,
    .on_close = note_close,
    .on_connect = note_connect,
};

static void accept_stream(eio_listener *from, eio_stream *stream, void *data)
{
    (void)from;
    (void)data;
    assert_true(eio_stream_is_secure(stream));
    server.stream = stream;
    eio_stream_set_handler(stream, &handler, &server);
    if (++accepted == wanted_accepts)
        eio_listener_stop(listener);
    if (on_accept != NULL)
        on_accept();
}

/* Bytes that count up from `from`. */
static int send_from(eio_stream *stream, size_t from, size_t len)
{
    eio_buffer *buffer = eio_buffer_new(len);
    char *to = eio_buffer_reserve(&buffer, len);

    for (size_t i = 0; i < len; i++)
        to[i] = (char)((from + i) % 251);
    eio_buffer_commit(buffer, len);
    int rc = eio_stream_write(stream, buffer, eio_buffer_slice(buffer));
    eio_buffer_unref(buffer);
    return rc;
}

static void begin_with(void (*change_server)(eio_tls_options *), const char *ca_file)
{
    eio_tls_options options;
    eio_listen_options listen;
    eio_error why = { 0 };

    server = client = (side){ .closed = 1, .ordered = true };
    accepted = 0;
    wanted_accepts = 1;
    on_accept = NULL;
    uv_loop_init(&uv);
    eio_tls_options_init(&options);
    options.cert_file = TLS_FILES "server.pem";
    options.key_file = TLS_FILES "server.key";
    if (change_server != NULL)
        change_server(&options);
    if (eio_tls_new(&server_tls, &options, &why) != EIO_OK)
        fail_msg("%s", why.text);
    eio_tls_options_init(&options);
    options.role = EIO_TLS_CLIENT;
    options.ca_file = ca_file;
    assert_int_equal(eio_tls_new(&client_tls, &options, &why), EIO_OK);
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    listen.tls = server_tls;
    assert_int_equal(eio_listener_new(&listener, &uv, &listen, accept_stream, NULL, &why), EIO_OK);
    eio_tls_unref(server_tls); /* the listener has its own reference */
}

static void begin(void)
{
    begin_with(NULL, TLS_FILES "ca.pem");
}

static int connect_as(side *who, const char *name, eio_tls *tls)
{
    eio_connect_options options;

    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_listener_port(listener);
    options.tls = tls;
    options.server_name = name;
    return eio_stream_connect(&who->stream, &uv, &options, &handler, who);
}

static void connect_client(void)
{
    assert_int_equal(connect_as(&client, NULL, client_tls), EIO_OK);
}

static void run_to_the_end(void)
{
    uv_run(&uv, UV_RUN_DEFAULT);
    eio_listener_close(listener, NULL, NULL);
    eio_tls_unref(client_tls);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&uv), 0);
}

/* ---- data ---- */

static void send_three_and_close(void)
{
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(send_from(server.stream, i * 10, 10), EIO_OK);
    server.wanted = 1;
}

static void what_one_pass_queues_leaves_in_one_record(void **state)
{
    (void)state;
    begin();
    on_accept = send_three_and_close; /* before the handshake: it waits for that */
    client.wanted = 30;
    connect_client();
    run_to_the_end();
    assert_true(client.connected);
    assert_int_equal(client.bytes, 30);
    assert_int_equal(client.reads, 1);
    assert_int_equal(server.closed, UV_EOF);
    assert_int_equal(server.drains, 1);
}

enum { LARGE = 6 * 1024 * 1024 };

static void send_large(void)
{
    size_t at = 0;

    for (size_t len = 1; at < LARGE; at += len, len = len * 3 % 300007)
        assert_int_equal(send_from(server.stream, at, at + len > LARGE ? LARGE - at : len), EIO_OK);
}

static void more_than_the_kernel_takes_arrives_whole(void **state)
{
    (void)state;
    begin();
    on_accept = send_large;
    client.wanted = LARGE;
    connect_client();
    run_to_the_end();
    assert_int_equal(client.bytes, LARGE);
    assert_true(client.ordered);
    assert_int_equal(server.drains, 1);
}

static void what_a_client_queued_before_it_connected_arrives(void **state)
{
    (void)state;
    begin();
    server.wanted = LARGE;
    connect_client();
    for (size_t at = 0; at < LARGE; at += LARGE / 6)
        assert_int_equal(send_from(client.stream, at, LARGE / 6), EIO_OK);
    run_to_the_end();
    assert_int_equal(server.bytes, LARGE);
    assert_true(server.ordered);
    assert_int_equal(client.closed, UV_EOF);
}

static void close_at_once(void)
{
    assert_int_equal(send_from(server.stream, 0, 100), EIO_OK);
}

static void what_was_sent_before_the_end_arrives(void **state)
{
    (void)state;
    begin();
    on_accept = close_at_once;
    server.wanted = 7; /* closes: then its queue is empty, or not */
    connect_client();
    assert_int_equal(send_from(client.stream, 0, 7), EIO_OK);
    run_to_the_end();
    assert_int_equal(client.bytes, 100);
    assert_int_equal(client.closed, UV_EOF);
    assert_string_equal(client.why, "");
}

static void read_once(eio_stream *stream, char *bytes, size_t len, void *data)
{
    eio_stream_set_reading(stream, false);
    note_read(stream, bytes, len, data);
}

static void pause_at_the_first_read(void)
{
    static const eio_stream_handler pausing = { .on_read = read_once, .on_close = note_close };

    eio_stream_set_handler(server.stream, &pausing, &server);
}

static void read_the_end(uv_timer_t *timer)
{
    assert_int_equal(server.bytes, 8);
    assert_int_equal(server.closed, 1);
    eio_stream_set_reading(server.stream, true);
    uv_close((uv_handle_t *)timer, NULL);
}

static void an_owner_that_does_not_read_hears_of_the_end_when_it_does(void **state)
{
    uv_timer_t timer;

    (void)state;
    begin();
    on_accept = pause_at_the_first_read;
    connect_client();
    assert_int_equal(send_from(client.stream, 0, 8), EIO_OK);
    while (!client.connected)
        uv_run(&uv, UV_RUN_ONCE);
    eio_stream_close(client.stream); /* the bytes and close_notify come together */
    uv_timer_init(&uv, &timer);
    uv_timer_start(&timer, read_the_end, 60, 0);
    run_to_the_end();
    assert_int_equal(server.closed, UV_EOF);
}

static void unread_some(void)
{
    server.wanted = 8;
    eio_stream_set_reading(server.stream, false);
}

static void read_later(uv_timer_t *timer)
{
    assert_int_equal(server.bytes, 0);
    eio_stream_set_reading(server.stream, true);
    uv_close((uv_handle_t *)timer, NULL);
}

static void an_owner_that_does_not_read_gets_it_when_it_does(void **state)
{
    uv_timer_t timer;

    (void)state;
    begin();
    on_accept = unread_some;
    connect_client();
    assert_int_equal(send_from(client.stream, 0, 8), EIO_OK);
    while (!client.connected)
        uv_run(&uv, UV_RUN_ONCE);
    uv_timer_init(&uv, &timer);
    uv_timer_start(&timer, read_later, 60, 0);
    run_to_the_end();
    assert_int_equal(server.bytes, 8);
    assert_int_equal(client.closed, UV_EOF);
}

/* ---- a kernel that is full ---- */

/* One record, and a full one with a small one behind it. */
enum { SMALL = 1000, LARGER = 16384 + 1000, MOST_SENT = 8000000, PIECES_WHEN_FULL = 10 };

static uv_idle_t sender;
static size_t sent, sent_when_full;
static bool closes_when_full;
static size_t piece;

static void end_sending(void)
{
    uv_close((uv_handle_t *)&sender, NULL);
    eio_stream_close(server.stream);
    eio_stream_set_reading(client.stream, true);
}

/* A record a turn, until the kernel takes no more: then that is the end, or more is queued behind it. */
static void send_piece(uv_idle_t *idle)
{
    bool full = server.stream->blocked;

    (void)idle;
    assert_true(sent < MOST_SENT);
    sent_when_full += full;
    if (full && (closes_when_full || sent_when_full == PIECES_WHEN_FULL)) {
        end_sending();
        return;
    }
    assert_int_equal(send_from(server.stream, sent, piece), EIO_OK);
    sent += piece;
}

static void start_sending(void)
{
    uv_idle_init(&uv, &sender);
    uv_idle_start(&sender, send_piece);
}

static void what_waits_for_the_kernel_arrives_in_order_before_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin();
        piece = i < 2 ? SMALL : LARGER;
        sent = sent_when_full = 0;
        closes_when_full = i % 2 == 0;
        on_accept = start_sending;
        connect_client();
        eio_stream_set_reading(client.stream, false);
        run_to_the_end();
        assert_int_equal(client.bytes, sent);
        assert_true(client.ordered);
        assert_int_equal(client.closed, UV_EOF);
    }
}

/* ---- who is trusted ---- */

typedef struct trust_case {
    const char *name, *ca_file;
    int reason;
    const char *why;
} trust_case;

static void a_server_has_to_be_whom_the_client_wants(void **state)
{
    static const trust_case cases[] = {
        { NULL, TLS_FILES "ca.pem", EIO_OK, "" }, /* the host, an address */
        { "::1", TLS_FILES "ca.pem", EIO_OK, "" },
        { "localhost", TLS_FILES "ca.pem", EIO_OK, "" },
        { "LOCALHOST", TLS_FILES "ca.pem", EIO_OK, "" },
        { "a.wild.test", TLS_FILES "ca.pem", EIO_OK, "" },
        { "a.b.wild.test", TLS_FILES "ca.pem", EIO_E_CERTIFICATE, "it is not for a.b.wild.test" },
        { "127.0.0.2", TLS_FILES "ca.pem", EIO_E_CERTIFICATE, "it is not for 127.0.0.2" },
        { "server", TLS_FILES "ca.pem", EIO_E_CERTIFICATE, "it is not for server" },
        { "localhost", TLS_FILES "other.pem", EIO_E_CERTIFICATE, "no CA that is trusted" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_with(NULL, cases[i].ca_file);
        client.wanted = 1;
        on_accept = send_three_and_close;
        assert_int_equal(connect_as(&client, cases[i].name, client_tls), EIO_OK);
        run_to_the_end();
        assert_int_equal(client.closed, cases[i].reason == EIO_OK ? 1 : cases[i].reason);
        assert_int_equal(client.connected, cases[i].reason == EIO_OK);
        assert_non_null(strstr(client.why, cases[i].why));
        if (cases[i].reason != EIO_OK)
            assert_int_equal(client.bytes, 0);
    }
}

static void want_certificates(eio_tls_options *options)
{
    options->client_ca_file = TLS_FILES "ca.pem";
}

static void a_client_without_the_certificate_it_needs_is_refused(void **state)
{
    (void)state;
    begin_with(want_certificates, TLS_FILES "ca.pem");
    connect_client();
    run_to_the_end();
    assert_int_not_equal(server.closed, 1);
    assert_int_not_equal(server.closed, UV_EOF);
    assert_int_not_equal(client.closed, 1);
    assert_int_equal(server.bytes, 0);
}

/* ---- limits ---- */

static void hurry(eio_tls_options *options)
{
    options->handshake_timeout_ms = 1000; /* what a real one needs, on any machine */
    options->max_handshakes = 1;
}

static void plain_client(side *who)
{
    eio_connect_options options;

    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_listener_port(listener);
    assert_int_equal(eio_stream_connect(&who->stream, &uv, &options, &handler, who), EIO_OK);
}

static void silence_is_not_a_handshake(void **state)
{
    (void)state;
    begin_with(hurry, TLS_FILES "ca.pem");
    plain_client(&client);
    run_to_the_end();
    assert_int_equal(server.closed, EIO_E_TIMEOUT);
    assert_int_not_equal(client.closed, 1);
}

static void more_handshakes_than_allowed_wait_to_be_accepted(void **state)
{
    side silent = { .closed = 1 };

    (void)state;
    begin_with(hurry, TLS_FILES "ca.pem");
    wanted_accepts = 2;
    plain_client(&silent);
    while (accepted == 0)
        uv_run(&uv, UV_RUN_ONCE);
    connect_client();
    client.wanted = 1;
    while (server.closed == 1) {
        assert_int_equal(accepted, 1);
        uv_run(&uv, UV_RUN_ONCE);
    }
    assert_int_equal(server.closed, EIO_E_TIMEOUT);
    server.closed = 1;
    on_accept = send_three_and_close;
    run_to_the_end();
    assert_int_equal(accepted, 2);
    assert_true(client.connected);
    assert_int_equal(client.bytes, 30);
}

static void a_silent_server_is_given_up_in_time(void **state)
{
    eio_listen_options listen;
    eio_connect_options options;
    eio_listener *mute;
    eio_error why;

    (void)state;
    begin();
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    listen.fd = -1;
    eio_listener_stop(listener);
    assert_int_equal(eio_listener_new(&mute, &uv, &listen, accept_stream, NULL, &why), EIO_OK);
    eio_connect_options_init(&options);
    options.host = "127.0.0.1";
    options.port = eio_listener_port(mute);
    options.timeout_ms = 50;
    options.tls = client_tls;
    eio_listener_stop(mute); /* the kernel's backlog takes no more, or takes it and says nothing */
    assert_int_equal(eio_stream_connect(&client.stream, &uv, &options, &handler, &client), EIO_OK);
    uv_run(&uv, UV_RUN_DEFAULT);
    assert_true(client.closed == EIO_E_TIMEOUT || client.closed == UV_ECONNREFUSED);
    eio_listener_close(mute, NULL, NULL);
    run_to_the_end();
}

static void abort_it(void)
{
    eio_stream_abort(server.stream);
}

static void close_it(void)
{
    assert_int_equal(send_from(server.stream, 0, 10), EIO_OK);
    eio_stream_close(server.stream);
}

static void a_handshake_can_be_given_up_from_either_side(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin();
        on_accept = i == 0 ? abort_it : i == 1 ? close_it : NULL;
        connect_client();
        if (i == 2) {
            uv_run(&uv, UV_RUN_ONCE);
            eio_stream_abort(client.stream);
            eio_listener_stop(listener);
        }
        run_to_the_end();
        assert_false(client.connected);
        assert_int_equal(client.closed == 1, i == 2);
        assert_int_equal(client.bytes, 0);
    }
}

/* ---- set-up ---- */

static void the_wrong_role_is_refused(void **state)
{
    eio_listen_options listen;
    eio_listener *second;
    eio_error why;

    (void)state;
    begin();
    assert_int_equal(connect_as(&client, NULL, server_tls), EIO_E_INVALID);
    eio_listen_options_init(&listen);
    listen.host = "127.0.0.1";
    listen.tls = client_tls;
    assert_int_equal(eio_listener_new(&second, &uv, &listen, accept_stream, NULL, &why),
                     EIO_E_INVALID);
    eio_listener_stop(listener);
    run_to_the_end();
}

static void reload_in_the_handshake(void)
{
    eio_error why;

    assert_int_equal(eio_tls_reload(server_tls, &why), EIO_OK);
    send_three_and_close();
}

static void a_reload_disturbs_no_handshake(void **state)
{
    (void)state;
    begin();
    on_accept = reload_in_the_handshake;
    client.wanted = 30;
    connect_client();
    run_to_the_end();
    assert_int_equal(client.bytes, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_pass_queues_leaves_in_one_record),
        cmocka_unit_test(more_than_the_kernel_takes_arrives_whole),
        cmocka_unit_test(what_a_client_queued_before_it_connected_arrives),
        cmocka_unit_test(what_was_sent_before_the_end_arrives),
        cmocka_unit_test(what_waits_for_the_kernel_arrives_in_order_before_the_end),
        cmocka_unit_test(an_owner_that_does_not_read_hears_of_the_end_when_it_does),
        cmocka_unit_test(an_owner_that_does_not_read_gets_it_when_it_does),
        cmocka_unit_test(a_server_has_to_be_whom_the_client_wants),
        cmocka_unit_test(a_client_without_the_certificate_it_needs_is_refused),
        cmocka_unit_test(silence_is_not_a_handshake),
        cmocka_unit_test(more_handshakes_than_allowed_wait_to_be_accepted),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
        cmocka_unit_test(a_handshake_can_be_given_up_from_either_side),
        cmocka_unit_test(the_wrong_role_is_refused),
        cmocka_unit_test(a_reload_disturbs_no_handshake),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
