/* What the demo profile reads from strangers: cookies, sessions, ids, envelopes. */
#include "chat/demo/envelope.h"
#include "chat/demo/ids.h"
#include "chat/demo/session.h"
#include "chat/demo/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET EIO_STR("keyboard cat")

/* Recorded from express-session 1.18.1 with connect-redis 7.1.1. */
static const char node_sid[] = "Fz_-MHApoyFVYrAUEEjShEX-XbDq-meS";
static const char node_cookie[] = "s%3AFz_-MHApoyFVYrAUEEjShEX-XbDq-meS."
                                  "Pjqj2MGP%2BYpxTchf3Jm%2BQh%2BFxTqoMq9W90jDu%2B%2FsNmk";
static const char node_session[] =
    "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"},"
    "\"user\":{\"id\":\"2\",\"username\":\"Joe\"},\"extra\":{\"a\":[1]}}";

static void a_cookie_of_node_is_opened_and_written(void **state)
{
    char sid[CHAT_MOST_SID_BYTES + 1], cookie[CHAT_COOKIE_BYTES];

    (void)state;
    assert_true(chat_cookie_open(sid, eio_slice_of(node_cookie), SECRET));
    assert_string_equal(sid, node_sid);
    size_t len = chat_cookie_seal(cookie, eio_slice_of(node_sid), SECRET);
    assert_int_equal(len, strlen(node_cookie));
    assert_memory_equal(cookie, node_cookie, len);
}

static void a_cookie_that_was_changed_is_refused(void **state)
{
    char sid[CHAT_MOST_SID_BYTES + 1], cookie[sizeof(node_cookie)];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(node_cookie); i++) {
        memcpy(cookie, node_cookie, sizeof(cookie));
        cookie[i] = cookie[i] == 'x' ? 'y' : 'x';
        assert_false(chat_cookie_open(sid, eio_slice_of(cookie), SECRET));
        assert_false(chat_cookie_open(sid, (eio_slice){ node_cookie, i }, SECRET));
    }
    assert_false(chat_cookie_open(sid, eio_slice_of(node_cookie), EIO_STR("another secret")));
}

static void sids_are_new_each_time(void **state)
{
    char one[CHAT_SID_BYTES + 1], two[CHAT_SID_BYTES + 1];

    (void)state;
    assert_int_equal(chat_sid_new(one), EIO_OK);
    assert_int_equal(chat_sid_new(two), EIO_OK);
    assert_string_not_equal(one, two);
    assert_int_equal(
        strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        CHAT_SID_BYTES);
}

static void a_session_of_node_is_read_and_the_rest_of_it_kept(void **state)
{
    chat_user user;

    (void)state;
    assert_true(chat_session_read(&user, eio_slice_of(node_session)));
    assert_int_equal(user.id, 2);
    assert_string_equal(user.name, "Joe");
    char *same = chat_session_with(eio_slice_of(node_session), user.shown);
    assert_string_equal(same, node_session);
    free(same);
    chat_user_fini(&user);
    assert_true(chat_session_read(&user, eio_slice_of(chat_session_empty)));
    assert_int_equal(user.id, 0);
}

static void what_is_no_session_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "x", "null", "[]", "{}", "{\"cookie\":7}", "{\"cookie\":{}"
    };
    chat_user user;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(chat_session_read(&user, eio_slice_of(texts[i])));
    assert_true(chat_session_read(
        &user, EIO_STR("{\"cookie\":{},\"user\":{\"id\":-1,\"username\":\"x\"}}")));
    assert_int_equal(user.id, 0);
}

static void ids_have_one_form(void **state)
{
    static const char *const wrong[] = {
        "", "0", "01", "-1", "1 ", "1a", "99999999999999999", "1:2"
    };

    (void)state;
    assert_int_equal(chat_user_id(EIO_STR("17")), 17);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(chat_user_id(eio_slice_of(wrong[i])), 0);
}

static void rooms_are_named_or_of_two_users_in_order(void **state)
{
    static const char *const wrong[] = { "",  "0:name", "1:2:name", "2:1", "1:1", "0:1",
                                         ":", "1:",     "a b",      "*",   "a\n" };
    chat_room_id room = chat_room_id_read(EIO_STR("3:12"));

    (void)state;
    assert_int_equal(room.kind, CHAT_ROOM_PRIVATE);
    assert_true(chat_room_id_has(&room, 12));
    assert_false(chat_room_id_has(&room, 1));
    assert_int_equal(chat_room_id_read(EIO_STR("0")).kind, CHAT_ROOM_NAMED);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(chat_room_id_read(eio_slice_of(wrong[i])).kind, CHAT_ROOM_NONE);
}

static void names_and_messages_can_be_read(void **state)
{
    (void)state;
    assert_true(chat_is_user_name(EIO_STR("\xc3\x9cn\xc3\xaf c\xc3\xb4"
                                          "de")));
    assert_false(chat_is_user_name(EIO_STR("")));
    assert_false(chat_is_user_name(EIO_STR(" \xc2\xa0 ")));
    assert_false(chat_is_user_name(EIO_STR("a\nb")));
    assert_false(chat_is_user_name(EIO_STR("a\xc2\x85")));
    assert_true(chat_is_message_text(EIO_STR("a\nb")));
    assert_false(chat_is_message_text(EIO_STR("\n\t ")));
}

static void envelopes_are_read_or_passed_over(void **state)
{
    chat_envelope envelope;

    (void)state;
    assert_true(chat_envelope_read(
        &envelope, EIO_STR("{\"serverId\":\"a:1\",\"type\":\"message\",\"data\":{\"x\":1}}")));
    assert_string_equal(envelope.server, "a:1");
    assert_string_equal(envelope.type, "message");
    assert_true(eio_slice_equal(envelope.data, EIO_STR("{\"x\":1}")));
    assert_false(
        chat_envelope_read(&envelope, EIO_STR("{\"serverId\":\"a\",\"type\":\"m\",\"data\":1}")));
    assert_false(
        chat_envelope_read(&envelope, EIO_STR("{\"serverId\":1,\"type\":\"m\",\"data\":{}}")));
    assert_false(chat_envelope_read(&envelope, EIO_STR("rubbish")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_of_node_is_opened_and_written),
        cmocka_unit_test(a_cookie_that_was_changed_is_refused),
        cmocka_unit_test(sids_are_new_each_time),
        cmocka_unit_test(a_session_of_node_is_read_and_the_rest_of_it_kept),
        cmocka_unit_test(what_is_no_session_is_refused),
        cmocka_unit_test(ids_have_one_form),
        cmocka_unit_test(rooms_are_named_or_of_two_users_in_order),
        cmocka_unit_test(names_and_messages_can_be_read),
        cmocka_unit_test(envelopes_are_read_or_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
