/* Events both ways, and the acknowledgements of clients' events (protocol.md D.6). */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

static sio_server *io;
static sio_namespace *root;
static eio_session *session;
static sio_socket *socket_; /* of the session */
static sio_ack *taken;
static sio_event *kept;

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    socket_ = socket;
}

static void on_named(sio_socket *socket, sio_event *event, void *data)
{
    sio_args args = sio_event_args(event);

    (void)socket;
    note("%s %.*s %zu args%s", (const char *)data, (int)sio_event_name(event).len,
         sio_event_name(event).base, args.count, sio_event_has_ack(event) ? " ack" : "");
}

static void on_echo(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    assert_int_equal(sio_emit(socket, SIO_STR("echo"), sio_event_args(event)), EIO_OK);
}

static void on_ack(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    note("%d", sio_event_ack(event, sio_event_args(event)));
    assert_int_equal(sio_event_ack(event, SIO_NO_ARGS), EIO_E_STATE);
    assert_null(sio_event_take_ack(event));
}

static void on_later(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    taken = sio_event_take_ack(event);
    assert_false(sio_event_has_ack(event));
    assert_int_equal(sio_event_ack(event, SIO_NO_ARGS), EIO_E_STATE);
    kept = sio_event_ref(event);
}

static void leave(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    sio_disconnect(socket, false);
}

static int set_up(void **state)
{
    static char any[] = "any";
    static char one[] = "one";

    (void)state;
    (void)notes_taken();
    io = fake_server_new(NULL);
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_named, one), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("7"), on_named, one), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("echo"), on_echo, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("ack"), on_ack, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("later"), on_later, NULL), EIO_OK);
    assert_int_equal(sio_on_any(root, on_named, any), EIO_OK);
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

static void the_catch_all_hears_before_the_handlers_of_a_name(void **state)
{
    static char own[] = "own";

    (void)state;
    assert_int_equal(sio_socket_on(socket_, SIO_STR("one"), on_named, own), EIO_OK);
    fake_say(session, "2[\"one\",1,[2]]");
    assert_string_equal(notes_taken(), "any one 2 args|one one 2 args|own one 2 args|");
    fake_say(session, "2[7]");
    assert_string_equal(notes_taken(), "any 7 0 args|one 7 0 args|");
    fake_say(session, "20[\"\\u006fne\"]");
    assert_string_equal(notes_taken(), "any one 0 args ack|one one 0 args ack|own one 0 args ack|");
    fake_say(session, "2");
    fake_say(session, "2[\"error\"]");
    assert_string_equal(notes_taken(), "any error 0 args|");
    assert_int_equal(sio_server_counters(io).events_in, 4);
}

static void on_once(sio_socket *socket, sio_event *event, void *data)
{
    on_named(socket, event, data);
    sio_off(root, SIO_STR("one"), on_once, data);
}

static void on_another(sio_socket *socket, sio_event *event, void *data)
{
    on_named(socket, event, data);
}

/* Asked with an argument it takes back who comes behind it, and puts another one first. */
static void on_change(sio_socket *socket, sio_event *event, void *data)
{
    static char late[] = "late";

    on_named(socket, event, data);
    if (sio_event_args(event).count == 0)
        return;
    sio_off(root, SIO_STR("one"), on_another, data);
    assert_int_equal(sio_prepend_any(root, on_named, late), EIO_OK);
}

static void a_handler_can_be_taken_back(void **state)
{
    static char a[] = "a";
    static char b[] = "b";

    (void)state;
    sio_off(root, SIO_STR("nothing"), on_another, a);
    sio_off(root, SIO_STR("one"), on_another, a);
    sio_socket_off(socket_, SIO_STR("one"), on_another, a);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_another, a), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_another, b), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_another, a), EIO_OK);
    assert_int_equal(sio_socket_on(socket_, SIO_STR("one"), on_another, b), EIO_OK);
    sio_off(root, SIO_STR("one"), on_another, a);
    fake_say(session, "2[\"one\"]");
    assert_string_equal(notes_taken(),
                        "any one 0 args|one one 0 args|a one 0 args|b one 0 args|b one 0 args|");
    sio_socket_off(socket_, SIO_STR("one"), on_another, b);
    sio_off(root, SIO_STR("one"), on_another, a);
    fake_say(session, "2[\"one\"]");
    assert_string_equal(notes_taken(), "any one 0 args|one one 0 args|b one 0 args|");
}

static void a_handler_may_take_itself_back(void **state)
{
    static char once[] = "once";
    static char then[] = "then";

    (void)state;
    assert_int_equal(sio_on(root, SIO_STR("one"), on_once, once), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_another, then), EIO_OK);
    fake_say(session, "2[\"one\"]");
    fake_say(session, "2[\"one\"]");
    assert_string_equal(notes_taken(),
                        "any one 0 args|one one 0 args|once one 0 args|then one 0 args|"
                        "any one 0 args|one one 0 args|then one 0 args|");
}

static void what_is_taken_back_and_put_first_meanwhile_counts_at_once_and_later(void **state)
{
    static char x[] = "x";

    (void)state;
    assert_int_equal(sio_prepend_any(root, on_change, x), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("one"), on_another, x), EIO_OK);
    fake_say(session, "2[\"one\",1]");
    assert_string_equal(notes_taken(), "x one 1 args|any one 1 args|one one 1 args|");
    sio_off_any(root, on_change, NULL);
    fake_say(session, "2[\"one\"]");
    assert_string_equal(notes_taken(),
                        "late one 0 args|x one 0 args|any one 0 args|one one 0 args|");
    sio_off_any(root, on_change, x);
    fake_say(session, "2[\"one\"]");
    assert_string_equal(notes_taken(), "late one 0 args|any one 0 args|one one 0 args|");
}

static void reserved_names_are_refused(void **state)
{
    static const char *const names[] = { "connect",       "connect_error", "disconnect",
                                         "disconnecting", "newListener",   "removeListener" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        eio_slice name = eio_slice_of(names[i]);
        assert_int_equal(sio_emit(socket_, name, SIO_NO_ARGS), EIO_E_RESERVED);
        assert_int_equal(sio_broadcast(root, NULL, name, SIO_NO_ARGS), EIO_E_RESERVED);
        assert_int_equal(sio_on(root, name, on_echo, NULL), EIO_E_RESERVED);
    }
    assert_string_equal(fake_heard(session), "");
}

static void arguments_and_binary_go_back_as_they_came(void **state)
{
    (void)state;
    fake_say(session, "2[\"echo\",1,\"\\ud83d\",{\"a\" : [ null ]}]");
    assert_string_equal(fake_heard(session), "2[\"echo\",1,\"\\ud83d\",{\"a\" : [ null ]}]|");
    fake_say(session, "51-[\"echo\",{\"_placeholder\":true,\"num\":0}]");
    assert_string_equal(fake_heard(session), "");
    fake_say_binary(session, "bin", 3);
    assert_string_equal(fake_heard(session),
                        "51-[\"echo\",{\"_placeholder\":true,\"num\":0}]|<bin>|");
}

static void a_volatile_event_goes_with_its_attachments_or_not_at_all(void **state)
{
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("bin"));
    const eio_slice json = SIO_JSON("{\"_placeholder\":true,\"num\":0}");
    const sio_args args = { &json, 1, &bytes, 1 };

    (void)state;
    assert_int_equal(sio_emit_with(socket_, SIO_STR("v"), args, SIO_VOLATILE), EIO_OK);
    assert_string_equal(fake_heard(session), "51-[\"v\",{\"_placeholder\":true,\"num\":0}]|<bin>|");
    fake_set_writable(session, false);
    assert_int_equal(sio_emit_with(socket_, SIO_STR("v"), args, SIO_VOLATILE), EIO_OK);
    assert_string_equal(fake_heard(session), "");
    eio_buffer_unref(bytes);
}

static void an_event_is_acknowledged_once(void **state)
{
    (void)state;
    fake_say(session, "212[\"ack\",\"x\",2]");
    assert_string_equal(fake_heard(session), "312[\"x\",2]|");
    fake_say(session, "20[\"ack\"]");
    assert_string_equal(fake_heard(session), "30[]|");
    fake_say(session, "2[\"ack\"]");
    assert_string_equal(fake_heard(session), "");
    assert_string_equal(notes_taken(), "any ack 2 args ack|0|any ack 0 args ack|0|"
                                       "any ack 0 args|-10005|");
}

static void an_acknowledgement_may_be_given_later_from_a_kept_event(void **state)
{
    (void)state;
    fake_say(session, "51-5[\"later\",\"text\",{\"_placeholder\":true,\"num\":0}]");
    fake_say_binary(session, "bin", 3);
    assert_string_equal(fake_heard(session), "");
    assert_ptr_equal(sio_event_ref(kept), kept);
    sio_event_unref(kept);
    assert_int_equal(sio_event_name(kept).len, 5);
    assert_int_equal(sio_ack_send(taken, sio_event_args(kept)), EIO_OK);
    assert_string_equal(fake_heard(session),
                        "61-5[\"text\",{\"_placeholder\":true,\"num\":0}]|<bin>|");
    sio_event_unref(kept);
}

static void an_acknowledgement_after_the_end_says_so(void **state)
{
    (void)state;
    fake_say(session, "25[\"later\"]");
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_ptr_equal(sio_ack_socket(taken), socket_);
    assert_int_equal(sio_ack_send(taken, SIO_NO_ARGS), EIO_E_CLOSED);
    sio_event_unref(kept);
}

static void handlers_after_one_that_disconnects_do_not_hear(void **state)
{
    static char never[] = "never";

    (void)state;
    assert_int_equal(sio_on(root, SIO_STR("go"), leave, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("go"), on_named, never), EIO_OK);
    fake_say(session, "2[\"go\"]");
    assert_string_equal(notes_taken(), "any go 0 args|");
    assert_string_equal(fake_heard(session), "1|");
}

static void allow_only_x(sio_socket *socket, sio_event *event, void *data)
{
    bool is_x = eio_slice_equal(sio_event_name(event), SIO_STR("x"));

    (void)socket;
    (void)data;
    note("filter");
    assert_int_equal(sio_event_next(event, is_x ? NULL : "only x"), EIO_OK);
    assert_int_equal(sio_event_next(event, NULL), EIO_E_STATE);
}

static void on_error(sio_socket *socket, const char *text, void *data)
{
    (void)socket;
    (void)data;
    note("error %s", text);
}

static void an_event_middleware_drops_what_it_refuses(void **state)
{
    static char x[] = "x";
    static char y[] = "y";

    (void)state;
    assert_int_equal(sio_use_event(root, allow_only_x, NULL), EIO_OK);
    assert_int_equal(sio_on_error(root, on_error, NULL), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("x"), on_named, x), EIO_OK);
    assert_int_equal(sio_on(root, SIO_STR("y"), on_named, y), EIO_OK);
    fake_say(session, "2[\"x\"]");
    assert_string_equal(notes_taken(), "any x 0 args|filter|x x 0 args|");
    fake_say(session, "2[\"y\"]");
    assert_string_equal(notes_taken(), "any y 0 args|filter|error only x|");
    assert_string_equal(fake_heard(session), "");
    assert_false(fake_is_closed(session));
}

static sio_event *held[2];

static void hold(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)data;
    note("hold");
    held[held[0] == NULL ? 0 : 1] = event;
}

static void add_argument(sio_socket *socket, sio_event *event, void *data)
{
    const sio_args args = sio_event_args(event);
    eio_slice more[4];

    (void)socket;
    for (size_t i = 0; i < args.count; i++)
        more[i] = args.json[i];
    more[args.count] = eio_slice_of(data);
    assert_int_equal(sio_event_set_args(event, (sio_args){ more, args.count + 1, args.attachments,
                                                           args.attachment_count }),
                     EIO_OK);
    assert_int_equal(sio_event_next(event, NULL), EIO_OK);
}

static void events_wait_for_their_middleware_and_for_nobody_else(void **state)
{
    (void)state;
    held[0] = NULL;
    assert_int_equal(sio_use_event(root, hold, NULL), EIO_OK);
    assert_int_equal(sio_on_error(root, on_error, NULL), EIO_OK);
    fake_say(session, "51-7[\"ack\",\"first\",{\"_placeholder\":true,\"num\":0}]");
    fake_say_binary(session, "bin", 3);
    fake_say(session, "28[\"ack\",\"second\"]");
    assert_string_equal(notes_taken(), "any ack 2 args ack|hold|any ack 1 args ack|hold|");
    assert_int_equal(sio_event_next(held[1], NULL), EIO_OK);
    assert_string_equal(fake_heard(session), ""); /* a call calls nobody back */
    fake_turn();
    assert_string_equal(fake_heard(session), "38[\"second\"]|");
    assert_int_equal(sio_event_args(held[0]).count, 2);
    assert_int_equal(sio_event_next(held[0], NULL), EIO_OK);
    fake_turn();
    assert_string_equal(fake_heard(session),
                        "61-7[\"first\",{\"_placeholder\":true,\"num\":0}]|<bin>|");
    (void)notes_taken();
    held[0] = NULL;
    fake_say(session, "2[\"ack\"]");
    assert_int_equal(sio_event_next(held[0], "too late"), EIO_OK);
    fake_turn();
    assert_string_equal(notes_taken(), "any ack 0 args|hold|error too late|");
}

static void middlewares_of_the_socket_come_last_and_each_may_change_the_arguments(void **state)
{
    static char one[] = "1";
    static char two[] = "\"two\"";

    (void)state;
    assert_int_equal(sio_socket_use_event(socket_, add_argument, two), EIO_OK);
    assert_int_equal(sio_use_event(root, add_argument, one), EIO_OK);
    fake_say(session, "51-3[\"ack\",{\"_placeholder\":true,\"num\":0}]");
    fake_say_binary(session, "b", 1);
    assert_string_equal(fake_heard(session),
                        "61-3[{\"_placeholder\":true,\"num\":0},1,\"two\"]|<b>|");
}

static void an_event_whose_socket_has_left_is_over(void **state)
{
    (void)state;
    held[0] = NULL;
    assert_int_equal(sio_use_event(root, hold, NULL), EIO_OK);
    fake_say(session, "27[\"ack\",1]");
    fake_say(session, "28[\"ack\",2]");
    assert_int_equal(sio_event_next(held[1], NULL), EIO_OK); /* and leaves before its turn */
    fake_leave(session, EIO_REASON_TRANSPORT_CLOSE, "");
    fake_turn();
    (void)notes_taken();
    assert_int_equal(sio_event_args(held[0]).count, 1);
    assert_int_equal(sio_event_next(held[0], NULL), EIO_E_STATE);
    fake_turn();
    assert_string_equal(notes_taken(), "");
}

static void leave_and_pass(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    sio_disconnect(socket, false);
    assert_int_equal(sio_event_next(event, NULL), EIO_OK);
}

static void a_middleware_that_disconnects_ends_the_event(void **state)
{
    static char never[] = "1";

    (void)state;
    assert_int_equal(sio_use_event(root, leave_and_pass, NULL), EIO_OK);
    assert_int_equal(sio_use_event(root, add_argument, never), EIO_OK);
    fake_say(session, "27[\"ack\"]");
    assert_string_equal(fake_heard(session), "1|");
}

static void events_that_wait_are_bounded(void **state)
{
    enum { MOST = 1000 };
    static sio_event *all[MOST];

    (void)state;
    assert_int_equal(sio_use_event(root, hold, NULL), EIO_OK);
    assert_int_equal(sio_on_error(root, on_error, NULL), EIO_OK);
    for (size_t i = 0; i < MOST; i++) {
        held[0] = NULL;
        fake_say(session, "2[\"x\"]");
        all[i] = held[0];
        (void)notes_taken();
    }
    fake_say(session, "2[\"x\"]");
    assert_string_equal(notes_taken(), "any x 0 args|error too many events wait for a middleware|");
    for (size_t i = 0; i < MOST; i++)
        assert_int_equal(sio_event_next(all[i], NULL), EIO_OK);
    fake_turn();
    held[0] = NULL;
    fake_say(session, "2[\"x\"]");
    assert_string_equal(notes_taken(), "any x 0 args|hold|");
    assert_int_equal(sio_event_next(held[0], NULL), EIO_OK);
}

static void on_outgoing(sio_socket *socket, eio_slice name, sio_args args, void *data)
{
    (void)data;
    assert_ptr_equal(socket, socket_);
    note("out %.*s %zu", (int)name.len, name.base, args.count);
}

static void handle_nothing(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)socket;
    (void)status;
    (void)args;
    (void)data;
}

static void every_event_on_its_way_out_is_heard_of(void **state)
{
    (void)state;
    assert_int_equal(sio_on_any_outgoing(root, on_outgoing, NULL), EIO_OK);
    assert_int_equal(sio_emit(socket_, SIO_STR("a"), SIO_ARGS(SIO_JSON("1"))), EIO_OK);
    assert_int_equal(sio_broadcast(root, NULL, SIO_STR("b"), SIO_NO_ARGS), EIO_OK);
    assert_int_equal(sio_emit_with_ack(socket_, SIO_STR("c"), SIO_NO_ARGS, 0, handle_nothing, NULL),
                     EIO_OK);
    assert_int_equal(sio_emit(socket_, SIO_STR("connect"), SIO_NO_ARGS), EIO_E_RESERVED);
    fake_say(session, "21[\"ack\"]");
    assert_string_equal(notes_taken(), "out a 1|out b 0|out c 0|any ack 0 args ack|0|");
}

static void on_first_outgoing(sio_socket *socket, eio_slice name, sio_args args, void *data)
{
    (void)socket;
    (void)args;
    note("first %.*s", (int)name.len, name.base);
    sio_off_any_outgoing(root, on_first_outgoing, data);
}

static void who_hears_of_events_on_their_way_out_may_come_first_and_go(void **state)
{
    (void)state;
    assert_int_equal(sio_on_any_outgoing(root, on_outgoing, NULL), EIO_OK);
    assert_int_equal(sio_prepend_any_outgoing(root, on_first_outgoing, NULL), EIO_OK);
    assert_int_equal(sio_emit(socket_, SIO_STR("a"), SIO_NO_ARGS), EIO_OK);
    assert_int_equal(sio_broadcast(root, NULL, SIO_STR("b"), SIO_NO_ARGS), EIO_OK);
    assert_string_equal(notes_taken(), "first a|out a 0|out b 0|");
}

static void strings_become_json_and_back(void **state)
{
    eio_buffer *json = eio_buffer_new(0);
    char out[16];

    (void)state;
    assert_non_null(json);
    assert_int_equal(sio_json_append_string(&json, SIO_STR("a\"\n\0b")), EIO_OK);
    const eio_slice text = eio_buffer_slice(json);
    assert_true(eio_slice_equal(text, SIO_STR("\"a\\\"\\n\\u0000b\"")));
    assert_true(eio_slice_equal(sio_json_string(text, out, sizeof(out)), SIO_STR("a\"\n\0b")));
    assert_null(sio_json_string(text, out, 4).base);
    assert_null(sio_json_string(SIO_JSON("12"), out, sizeof(out)).base);
    assert_non_null(sio_json_string(SIO_JSON("\"\""), out, 0).base);
    eio_buffer_unref(json);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_catch_all_hears_before_the_handlers_of_a_name),
        TEST(a_handler_can_be_taken_back),
        TEST(a_handler_may_take_itself_back),
        TEST(what_is_taken_back_and_put_first_meanwhile_counts_at_once_and_later),
        TEST(reserved_names_are_refused),
        TEST(arguments_and_binary_go_back_as_they_came),
        TEST(a_volatile_event_goes_with_its_attachments_or_not_at_all),
        TEST(an_event_is_acknowledged_once),
        TEST(an_acknowledgement_may_be_given_later_from_a_kept_event),
        TEST(an_acknowledgement_after_the_end_says_so),
        TEST(handlers_after_one_that_disconnects_do_not_hear),
        TEST(an_event_middleware_drops_what_it_refuses),
        TEST(events_wait_for_their_middleware_and_for_nobody_else),
        TEST(middlewares_of_the_socket_come_last_and_each_may_change_the_arguments),
        TEST(an_event_whose_socket_has_left_is_over),
        TEST(a_middleware_that_disconnects_ends_the_event),
        TEST(events_that_wait_are_bounded),
        TEST(every_event_on_its_way_out_is_heard_of),
        TEST(who_hears_of_events_on_their_way_out_may_come_first_and_go),
        cmocka_unit_test(strings_become_json_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
