/* Namespaces that are made when a client asks for them (protocol.md E.1). */
#include "socketio/dynamic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/fake_engine.h"
#include "tests/support/notes.h"

enum { MAX_KEPT = 8 };

static sio_server *io;
static sio_match *kept[MAX_KEPT];
static size_t kept_count;

static void clean_up(sio_options *options)
{
    options->cleanup_empty_child_namespaces = true;
    options->max_namespaces = 3;
}

static void note_namespace(sio_namespace *nsp, void *data)
{
    const eio_slice name = sio_namespace_name(nsp);

    (void)data;
    note("new %.*s", (int)name.len, name.base);
}

static int set_up(void **state)
{
    (void)state;
    io = fake_server_new(clean_up);
    kept_count = 0;
    (void)notes_taken();
    assert_int_equal(sio_server_on_new_namespace(io, note_namespace, NULL), EIO_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_server_end(io);
    return 0;
}

static void note_connection(sio_socket *socket, void *data)
{
    const eio_slice name = sio_namespace_name(sio_socket_namespace(socket));

    note("%s %.*s", (const char *)data, (int)name.len, name.base);
}

static void on(sio_namespace *nsp, const char *who)
{
    assert_int_equal(sio_on_connection(nsp, note_connection, (void *)(uintptr_t)who), EIO_OK);
}

static eio_session *ask(const char *packet)
{
    eio_session *session = fake_come(io);

    fake_say(session, packet);
    return session;
}

static void patterns_fit(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } rows[] = {
        { "/a", "/a", true },
        { "/a", "/ab", false },
        { "/a", "/", false },
        { "*", "", true },
        { "", "", true },
        { "", "/", false },
        { "/dynamic-*", "/dynamic-101", true },
        { "/dynamic-*", "/dynamic-", true },
        { "/dynamic-*", "/dynamic", false },
        { "/?", "/a", true },
        { "/?", "/", false },
        { "/*-?*x", "/aa-bb-cxx", true },
        { "/*-?*x", "/aa-x", false },
        { "*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
        { "**a", "bca", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(
            sio_pattern_fits(eio_slice_of(rows[i].pattern), eio_slice_of(rows[i].text)),
            rows[i].fits);
}

static void a_name_that_fits_is_made_and_announced_once(void **state)
{
    (void)state;
    on(sio_server_of_pattern(io, SIO_STR("/d-*")), "hello");
    eio_session *a = ask("0/d-1,");
    assert_string_equal(fake_heard(a), "0/d-1,{\"sid\":\"*\"}|");
    (void)ask("0/d-1,");
    assert_string_equal(notes_taken(), "new /d-1|hello /d-1|hello /d-1|");
    assert_string_equal(fake_heard(ask("0/e-1,")), "4/e-1,{\"message\":\"Invalid namespace\"}|");
}

static void decide(sio_match *match, void *data)
{
    note("%s %.*s %.*s", (const char *)data, (int)sio_match_name(match).len,
         sio_match_name(match).base, (int)sio_match_auth(match).len, sio_match_auth(match).base);
    if (eio_slice_equal(sio_match_auth(match), SIO_JSON("{\"ok\":1}")))
        sio_match_allow(match);
    else
        sio_match_refuse(match);
}

static void parents_are_asked_in_order(void **state)
{
    (void)state;
    on(sio_server_of_matching(io, decide, (void *)(uintptr_t) "first"), "in first");
    on(sio_server_of_pattern(io, SIO_STR("/p")), "in second");
    assert_string_equal(fake_heard(ask("0/x,{\"ok\":0}")),
                        "4/x,{\"message\":\"Invalid namespace\"}|");
    (void)ask("0/p,");
    (void)ask("0/y,{\"ok\":1}");
    assert_string_equal(notes_taken(), "first /x {\"ok\":0}|first /p {}|new /p|in second /p|"
                                       "first /y {\"ok\":1}|new /y|in first /y|");
}

static void keep(sio_match *match, void *data)
{
    (void)data;
    kept[kept_count++] = match;
}

static void an_answer_may_come_later_and_makes_the_child_once(void **state)
{
    (void)state;
    on(sio_server_of_matching(io, keep, NULL), "in");
    eio_session *a = ask("0/x,");
    eio_session *b = ask("0/x,");
    sio_match_allow(kept[1]);
    assert_string_equal(fake_heard(b), "");
    fake_turn();
    assert_string_equal(fake_heard(b), "0/x,{\"sid\":\"*\"}|");
    sio_match_refuse(kept[0]); /* too late to say no: it is there */
    fake_turn();
    assert_string_equal(fake_heard(a), "0/x,{\"sid\":\"*\"}|");
    assert_string_equal(notes_taken(), "new /x|in /x|in /x|");
}

static void answers_for_who_has_left_do_nothing(void **state)
{
    (void)state;
    on(sio_server_of_matching(io, keep, NULL), "in");
    eio_session *a = ask("0/x,");
    (void)ask("0/y,");
    fake_leave(a, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_null(sio_match_session(kept[0]));
    sio_match_allow(kept[0]);
    fake_turn();
    assert_string_equal(notes_taken(), "");
    fake_server_end(io);
    sio_match_allow(kept[1]);
    io = fake_server_new(NULL);
}

static void what_waits_counts_for_the_limit(void **state)
{
    (void)state;
    on(sio_server_of_matching(io, keep, NULL), "in");
    eio_session *a = ask("0/1,");
    fake_say(a, "0/2,");
    fake_say(a, "0/3,");
    assert_false(fake_is_closed(a));
    fake_say(a, "0/4,");
    assert_true(fake_is_closed(a));
    for (size_t i = 0; i < kept_count; i++)
        sio_match_refuse(kept[i]);
}

static void on_e(sio_socket *socket, sio_event *event, void *data)
{
    (void)socket;
    (void)event;
    note("%s", (const char *)data);
}

static void refuse(sio_socket *socket, void *data)
{
    (void)data;
    note("middleware");
    (void)sio_next(socket, &(sio_refusal){ .message = SIO_STR("no") });
}

static void a_child_has_what_its_parent_had_then(void **state)
{
    sio_namespace *parent = sio_server_of_pattern(io, SIO_STR("/d-*"));

    (void)state;
    assert_int_equal(sio_on(parent, SIO_STR("e"), on_e, (void *)(uintptr_t) "early"), EIO_OK);
    eio_session *a = ask("0/d-1,");
    assert_int_equal(sio_on(parent, SIO_STR("e"), on_e, (void *)(uintptr_t) "late"), EIO_OK);
    assert_int_equal(sio_use(parent, refuse, NULL), EIO_OK);
    fake_say(a, "2/d-1,[\"e\"]");
    assert_string_equal(fake_heard(ask("0/d-2,")), "4/d-2,{\"message\":\"no\"}|");
    assert_string_equal(notes_taken(), "new /d-1|early|new /d-2|middleware|");
}

static void a_parent_speaks_to_all_its_children(void **state)
{
    sio_namespace *parent = sio_server_of_pattern(io, SIO_STR("/d-*"));

    (void)state;
    eio_session *a = ask("0/d-1,");
    eio_session *b = ask("0/d-2,");
    assert_non_null(sio_server_of(io, SIO_STR("/x")));
    eio_session *c = ask("0/x,");
    (void)fake_heard(a);
    (void)fake_heard(b);
    (void)fake_heard(c);
    assert_int_equal(sio_broadcast(parent, NULL, SIO_STR("e"), SIO_NO_ARGS), EIO_OK);
    assert_string_equal(fake_heard(a), "2/d-1,[\"e\"]|");
    assert_string_equal(fake_heard(b), "2/d-2,[\"e\"]|");
    assert_string_equal(fake_heard(c), "");
    assert_int_equal(sio_fetch_sockets(parent, NULL, 0, NULL, NULL), EIO_E_UNSUPPORTED);
}

static void empty_children_go_others_stay(void **state)
{
    sio_namespace *parent = sio_server_of_pattern(io, SIO_STR("/d-*"));

    (void)state;
    assert_non_null(sio_server_of(io, SIO_STR("/d-static")));
    eio_session *a = ask("0/d-1,");
    fake_say(a, "0/d-static,");
    eio_session *b = ask("0/d-1,");
    fake_say(a, "1/d-1,");
    fake_say(a, "1/d-static,");
    fake_leave(b, EIO_REASON_TRANSPORT_CLOSE, "");
    assert_int_equal(sio_use(parent, refuse, NULL), EIO_OK);
    (void)notes_taken();
    (void)ask("0/d-1,"); /* it is made anew, and goes since its only candidate is refused */
    (void)ask("0/d-1,");
    (void)ask("0/d-static,");
    assert_string_equal(notes_taken(), "new /d-1|middleware|new /d-1|middleware|");
}

static void a_static_name_that_fits_inherits(void **state)
{
    (void)state;
    on(sio_server_of_pattern(io, SIO_STR("/d-*")), "parent");
    assert_non_null(sio_server_of(io, SIO_STR("d-101")));
    assert_string_equal(notes_taken(), "");
    fake_turn();
    (void)ask("0/d-101,");
    assert_string_equal(notes_taken(), "new /d-101|parent /d-101|");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit),
        WITH(a_name_that_fits_is_made_and_announced_once),
        WITH(parents_are_asked_in_order),
        WITH(an_answer_may_come_later_and_makes_the_child_once),
        WITH(answers_for_who_has_left_do_nothing),
        WITH(what_waits_counts_for_the_limit),
        WITH(a_child_has_what_its_parent_had_then),
        WITH(a_parent_speaks_to_all_its_children),
        WITH(empty_children_go_others_stay),
        WITH(a_static_name_that_fits_inherits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
