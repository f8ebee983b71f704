/* Connection state recovery (protocol.md D.9). */
#include "socketio/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socketio/json_member.h"
#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

enum { ID_LEN = 20, MAX_AWAY_MS = 40, MAX_EVENTS = 4 };

static sio_server *io;
static sio_namespace *root;
static sio_socket *latest;

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    latest = socket;
    note("connection%s", sio_socket_is_recovered(socket) ? " recovered" : "");
}

static void on_disconnect(sio_socket *socket, const char *reason, const char *details, void *data)
{
    (void)socket;
    (void)details;
    (void)data;
    note("%s", reason);
}

static void middleware(sio_socket *socket, void *data)
{
    (void)data;
    note("middleware%s", sio_socket_is_recovered(socket) ? " recovered" : "");
    (void)sio_emit(socket, SIO_STR("hello"), SIO_NO_ARGS);
    (void)sio_next(socket, NULL);
}

static void start(bool run_middlewares)
{
    (void)notes_taken();
    root = sio_server_of(io, SIO_STR("/"));
    assert_int_equal(sio_on_connection(root, on_connection, NULL), EIO_OK);
    assert_int_equal(sio_on_disconnect(root, on_disconnect, NULL), EIO_OK);
    if (run_middlewares)
        assert_int_equal(sio_use(root, middleware, NULL), EIO_OK);
}

static void recover(sio_options *options)
{
    static const sio_recovery_options recovery = { .max_disconnection_ms = MAX_AWAY_MS,
                                                   .max_events = MAX_EVENTS };

    options->recovery = &recovery;
}

static void recover_little(sio_options *options)
{
    static const sio_recovery_options recovery = { .max_bytes = 10 * 1000, .max_sessions = 1 };

    options->recovery = &recovery;
}

static int set_up_little(void **state)
{
    (void)state;
    io = fake_server_new(recover_little);
    start(false);
    return 0;
}

static void recover_and_check(sio_options *options)
{
    static const sio_recovery_options recovery = { .run_middlewares = true };

    options->recovery = &recovery;
}

static int set_up(void **state)
{
    (void)state;
    io = fake_server_new(recover);
    start(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

/* ---- a client that remembers, as the real ones do ---- */

typedef struct visitor {
    eio_session *session;
    char pid[ID_LEN + 1];
    char offset[64];
    char heard[1024]; /* offsets cut out, ids as '*' */
} visitor;

/* Text up to the next '|'; past it. */
static const char *read_packet(visitor *who, const char *at)
{
    const char *end = strchr(at, '|');
    const char *comma = end - 1;

    assert_non_null(end);
    if (at[0] == '0') {
        const char *pid = strstr(at, "\"pid\":\"");
        assert_non_null(pid);
        memcpy(who->pid, pid + 7, ID_LEN);
        strncat(who->heard, "0|", 3);
        return end + 1;
    }
    while (at[0] == '2' && *comma != ',')
        comma--;
    if (at[0] == '2') {
        memcpy(who->offset, comma + 2, (size_t)(end - 2 - comma - 2));
        who->offset[end - 2 - comma - 2] = '\0';
        strncat(who->heard, at, (size_t)(comma - at));
    } else {
        strncat(who->heard, at, (size_t)(end - at));
    }
    strncat(who->heard, "|", 2);
    return end + 1;
}

static const char *hear(visitor *who)
{
    const char *at = fake_heard(who->session);

    who->heard[0] = '\0';
    while (*at != '\0')
        at = read_packet(who, at);
    return who->heard;
}

static void come(visitor *who)
{
    who->session = fake_come(io);
    fake_say(who->session, "0");
    assert_string_equal(hear(who), "0|");
}

static void come_back(visitor *who)
{
    char text[256];

    if (who->offset[0] == '\0')
        snprintf(text, sizeof(text), "0{\"x\":[{\"pid\":\"\"}],\"pid\":\"%s\"}", who->pid);
    else
        snprintf(text, sizeof(text), "0{\"pid\" : \"%s\" ,\"offset\":\"%s\"}", who->pid,
                 who->offset);
    who->session = fake_come(io);
    fake_say(who->session, text);
}

static void lose(visitor *who)
{
    fake_leave(who->session, EIO_REASON_TRANSPORT_CLOSE, "");
}

static void say_to_all(const char *name)
{
    assert_int_equal(sio_broadcast(root, NULL, eio_slice_of(name), SIO_NO_ARGS), EIO_OK);
}

/* ---- tests ---- */

static void what_was_missed_comes_before_the_answer(void **state)
{
    visitor a = { .session = NULL };
    char id[ID_LEN];
    eio_slice room = SIO_STR("r");

    (void)state;
    come(&a);
    memcpy(id, sio_socket_id(latest).base, ID_LEN);
    assert_int_equal(sio_join(latest, room), EIO_OK);
    say_to_all("1");
    assert_string_equal(hear(&a), "2[\"1\"|");
    (void)notes_taken();
    lose(&a);
    say_to_all("2");
    (void)sio_broadcast(root, &(sio_target){ .rooms = SIO_ROOMS(room) }, SIO_STR("3"), SIO_NO_ARGS);
    (void)sio_broadcast(root, &(sio_target){ .rooms = SIO_ROOMS(SIO_STR("x")) }, SIO_STR("4"),
                        SIO_NO_ARGS);
    (void)sio_broadcast(root, &(sio_target){ .except = SIO_ROOMS(room) }, SIO_STR("5"),
                        SIO_NO_ARGS);
    come_back(&a);
    assert_string_equal(hear(&a), "2[\"2\"|2[\"3\"|0|");
    assert_string_equal(notes_taken(), "transport close|connection recovered|");
    assert_memory_equal(sio_socket_id(latest).base, id, ID_LEN);
    assert_true(sio_socket_is_in(latest, room));
}

static void a_client_that_heard_nothing_gets_all_since_it_came(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    say_to_all("before");
    come(&a);
    lose(&a);
    say_to_all("1");
    come_back(&a);
    assert_string_equal(hear(&a), "2[\"1\"|0|");
    assert_true(sio_socket_is_recovered(latest));
}

static void a_session_is_restored_once(void **state)
{
    visitor a = { .session = NULL };
    visitor thief;

    (void)state;
    come(&a);
    lose(&a);
    thief = a;
    come_back(&a);
    assert_true(sio_socket_is_recovered(latest));
    come_back(&thief);
    assert_false(sio_socket_is_recovered(latest));
    assert_string_equal(hear(&thief), "0|");
}

static void it_is_too_late_after_the_longest_absence(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    come(&a);
    say_to_all("1");
    (void)hear(&a);
    lose(&a);
    fake_wait(MAX_AWAY_MS + 20);
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
}

static void what_is_not_kept_any_more_cannot_be_recovered(void **state)
{
    visitor a = { .session = NULL };
    visitor b = { .session = NULL };

    (void)state;
    come(&a);
    come(&b);
    say_to_all("0");
    (void)hear(&a);
    lose(&a);
    for (int i = 0; i < MAX_EVENTS; i++)
        say_to_all("n");
    come_back(&a);
    assert_true(sio_socket_is_recovered(latest));
    (void)hear(&a);
    lose(&a);
    for (int i = 0; i <= MAX_EVENTS; i++)
        say_to_all("n");
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
    assert_string_equal(hear(&a), "0|");
}

static void bytes_that_are_kept_are_bounded(void **state)
{
    visitor a = { .session = NULL };
    char text[1002];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[0] = text[sizeof(text) - 1] = '"';
    const sio_args args = SIO_ARGS(((eio_slice){ text, sizeof(text) }));
    come(&a);
    say_to_all("0");
    (void)hear(&a);
    for (int i = 0; i < 2; i++) {
        lose(&a);
        for (int j = 0; j < (i == 0 ? 5 : 15); j++)
            assert_int_equal(sio_broadcast(root, NULL, SIO_STR("n"), args), EIO_OK);
        come_back(&a);
        assert_int_equal(sio_socket_is_recovered(latest), i == 0);
        (void)fake_heard(a.session);
    }
}

static void sessions_that_are_kept_are_bounded(void **state)
{
    visitor a = { .session = NULL };
    visitor b = { .session = NULL };

    (void)state;
    come(&a);
    come(&b);
    lose(&a);
    lose(&b);
    come_back(&b);
    assert_false(sio_socket_is_recovered(latest));
    come_back(&a);
    assert_true(sio_socket_is_recovered(latest));
}

static void who_leaves_on_purpose_does_not_come_back(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    come(&a);
    fake_say(a.session, "1");
    lose(&a);
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
    sio_disconnect(latest, true);
    fake_turn();
    lose(&a);
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
    fake_leave(a.session, EIO_REASON_PARSE_ERROR, "");
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
}

static void nonsense_recovers_nothing(void **state)
{
    static const char *const offsets[] = { "nonsense", "", "99999999999999999999", "\\\"", NULL };
    visitor a = { .session = NULL };

    (void)state;
    for (size_t i = 0; offsets[i] != NULL; i++) {
        come(&a);
        lose(&a);
        (void)snprintf(a.offset, sizeof(a.offset), "%s", offsets[i]);
        if (a.offset[0] == '\0')
            a.offset[0] = '0';
        come_back(&a);
        assert_false(sio_socket_is_recovered(latest));
        a.offset[0] = '\0';
    }
}

static void a_number_of_the_future_recovers_nothing(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    come(&a);
    say_to_all("1");
    (void)hear(&a);
    lose(&a);
    a.offset[strlen(a.offset) - 1] = '7';
    come_back(&a);
    assert_false(sio_socket_is_recovered(latest));
}

static void volatile_and_acknowledged_events_bear_no_number(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    come(&a);
    assert_int_equal(sio_emit_with(latest, SIO_STR("v"), SIO_NO_ARGS, SIO_VOLATILE), EIO_OK);
    assert_string_equal(fake_heard(a.session), "2[\"v\"]|");
    assert_int_equal(sio_emit(latest, SIO_STR("e"), SIO_ARGS(SIO_JSON("1"))), EIO_OK);
    assert_string_equal(hear(&a), "2[\"e\",1|");
}

static void *freed;

static void note_freed(void *data)
{
    freed = data;
}

static void data_goes_with_the_client_and_ends_with_the_session(void **state)
{
    visitor a = { .session = NULL };
    int mine = 0;

    (void)state;
    freed = NULL;
    come(&a);
    sio_socket_set_data(latest, &mine, note_freed);
    lose(&a);
    come_back(&a);
    assert_ptr_equal(sio_socket_data(latest), &mine);
    lose(&a);
    assert_null(freed);
    fake_wait(MAX_AWAY_MS + 20);
    assert_ptr_equal(freed, &mine);
}

static void binary_is_kept_with_its_event(void **state)
{
    visitor a = { .session = NULL };
    eio_buffer *bytes = eio_buffer_copy(EIO_STR("xyz"));
    const eio_slice json = SIO_JSON("{\"_placeholder\":true,\"num\":0}");

    (void)state;
    come(&a);
    lose(&a);
    assert_int_equal(sio_broadcast(root, NULL, SIO_STR("b"), (sio_args){ &json, 1, &bytes, 1 }),
                     EIO_OK);
    eio_buffer_unref(bytes);
    come_back(&a);
    assert_non_null(strstr(fake_heard(a.session), "|<xyz>|0{"));
}

static void middlewares_run_when_they_are_told_to(void **state)
{
    visitor a = { .session = NULL };

    (void)state;
    fake_server_end(io);
    io = fake_server_new(recover_and_check);
    start(true);
    a.session = fake_come(io);
    fake_say(a.session, "0");
    (void)read_packet(&a, strchr(fake_heard(a.session), '|') + 1);
    lose(&a);
    say_to_all("1");
    come_back(&a);
    assert_int_equal(strncmp(fake_heard(a.session), "2[\"hello\"]|2[\"1\",", 16), 0);
    assert_string_equal(notes_taken(), "middleware|connection|transport close|"
                                       "middleware recovered|connection recovered|");
}

static void members_of_an_object_are_found_in_its_text(void **state)
{
    static const char *const rows[][3] = {
        { "{}", "a", NULL },
        { "{\"a\":1}", "a", "1" },
        { "{ \"a\" : \"x\" }", "a", "\"x\"" },
        { "{\"b\":{\"a\":1}}", "a", NULL },
        { "{\"b\":[{\"a\":1},\"}\\\"\"],\"a\":[1, 2] , \"c\":0}", "a", "[1, 2]" },
        { "{\"a\":1,\"a\":2}", "a", "2" },
        { "{\"a\\\"\":1,\"\\\\\":\"\\\\\",\"a\":null}", "a", "null" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        eio_slice found = sio_json_member(eio_slice_of(rows[i][0]), eio_slice_of(rows[i][1]));
        if (rows[i][2] == NULL)
            assert_null(found.base);
        else
            assert_true(eio_slice_equal(found, eio_slice_of(rows[i][2])));
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(what_was_missed_comes_before_the_answer),
        WITH(a_client_that_heard_nothing_gets_all_since_it_came),
        WITH(a_session_is_restored_once),
        WITH(it_is_too_late_after_the_longest_absence),
        WITH(what_is_not_kept_any_more_cannot_be_recovered),
        cmocka_unit_test_setup_teardown(bytes_that_are_kept_are_bounded, set_up_little, tear_down),
        cmocka_unit_test_setup_teardown(sessions_that_are_kept_are_bounded, set_up_little,
                                        tear_down),
        WITH(who_leaves_on_purpose_does_not_come_back),
        WITH(nonsense_recovers_nothing),
        WITH(a_number_of_the_future_recovers_nothing),
        WITH(volatile_and_acknowledged_events_bear_no_number),
        WITH(data_goes_with_the_client_and_ends_with_the_session),
        WITH(binary_is_kept_with_its_event),
        WITH(middlewares_run_when_they_are_told_to),
        cmocka_unit_test(members_of_an_object_are_found_in_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
