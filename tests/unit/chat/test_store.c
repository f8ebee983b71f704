#include "chat/rooms/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "chat/rooms/redis.h"
#include "chat/rooms/sqlite.h"
#include "chat/store/database.h"
#include "socketio/redis.h"
#include "tests/support/redis_server.h"

typedef enum home_kind { IN_MEMORY, IN_FILE, IN_REDIS } home_kind;

typedef struct bench {
    home_kind home;
    uv_loop_t loop;
    chat_database *database; /* NULL: in Redis, or closed */
    chat_store *store;
    redis_server server; /* its folder is the file's, too */
    char file[128], url[128];
    int connects;
    int asked, answered;
    chat_outcome outcome;
    char list[4000]; /* the entries of the last answer: room|username|text; … */
} bench;

static void handle_connect(void *data)
{
    bench *b = data;

    b->connects++;
}

static void handle_log(char level, const char *line, void *data)
{
    (void)level;
    (void)line;
    (void)data;
}

static void handle_refused(const char *why, void *data)
{
    (void)data;
    fail_msg("%s", why);
}

static void open_store(bench *b)
{
    const chat_redis_options options = { .url = b->url,
                                         .on_connect = handle_connect,
                                         .on_log = handle_log,
                                         .on_refused = handle_refused,
                                         .data = b,
                                         .lease_ms = 15000 };
    int connects = b->connects;
    eio_error why = { 0 };
    int rc;

    if (b->home == IN_REDIS) {
        rc = chat_redis_open(&b->store, &b->loop, &options, &why);
    } else {
        rc = chat_sqlite_database(&b->database, b->home == IN_FILE ? b->file : NULL, &why);
        if (rc == EIO_OK)
            rc = chat_sqlite_open(&b->store, &b->loop, b->database, 1, &why);
    }
    if (rc != EIO_OK)
        fail_msg("%s", why.text);
    while (b->home == IN_REDIS && b->connects == connects)
        uv_run(&b->loop, UV_RUN_ONCE);
}

static void handle_closed(void *data)
{
    bench *b = data;

    b->store = NULL;
}

static void close_store(bench *b)
{
    if (b->store != NULL)
        chat_store_close(b->store, handle_closed, b);
    while (b->store != NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
    chat_database_close(b->database);
    b->database = NULL;
}

static bench *begin(home_kind home)
{
    bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    if (home == IN_REDIS && !redis_server_exists()) {
        free(b);
        skip();
    }
    b->home = home;
    uv_loop_init(&b->loop);
    redis_server_init(&b->server);
    snprintf(b->file, sizeof(b->file), "%s/rooms.db", b->server.folder);
    snprintf(b->url, sizeof(b->url), "unix://%s", b->server.socket);
    if (home == IN_REDIS)
        redis_server_start(&b->server, NULL, NULL);
    open_store(b);
    return b;
}

static void end(bench *b)
{
    static const char *const endings[] = { "", "-wal", "-shm", ".lock" };
    char path[160];

    close_store(b);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s%s", b->file, endings[i]);
        unlink(path);
    }
    redis_server_fini(&b->server);
    free(b);
}

static void handle_answer(const chat_answer *answer, void *data)
{
    bench *b = data;
    size_t at = 0;

    b->answered++;
    b->outcome = answer->outcome;
    b->list[0] = '\0';
    for (size_t i = 0; i < answer->count && at < sizeof(b->list); i++) {
        const chat_entry *entry = &answer->entries[i];
        at += (size_t)snprintf(b->list + at, sizeof(b->list) - at, "%.*s|%.*s; ",
                               (int)entry->username.len, entry->username.base, (int)entry->text.len,
                               entry->text.base);
    }
}

static void put(bench *b, const chat_query *query)
{
    assert_int_equal(chat_store_ask(b->store, query, handle_answer, b), EIO_OK);
    b->asked++;
}

static chat_outcome wait_for_answers(bench *b)
{
    while (b->answered < b->asked)
        uv_run(&b->loop, UV_RUN_ONCE);
    return b->outcome;
}

static chat_outcome ask(bench *b, chat_store_op op, const char *room, const char *username)
{
    put(b,
        &(chat_query){ .op = op, .room = eio_slice_of(room), .username = eio_slice_of(username) });
    return wait_for_answers(b);
}

static chat_outcome take_over(bench *b, const char *room, const char *username)
{
    put(b, &(chat_query){ .op = CHAT_ADD_MEMBER,
                          .room = eio_slice_of(room),
                          .username = eio_slice_of(username),
                          .take_over = true });
    return wait_for_answers(b);
}

static void say(bench *b, const char *room, const char *username, eio_slice text)
{
    put(b,
        &(chat_query){ CHAT_ADD_CHAT, eio_slice_of(room), eio_slice_of(username), text, false, 0 });
}

static const char *list(bench *b, const char *room, size_t limit)
{
    put(b, &(chat_query){ .op = CHAT_LIST_CHATS, .room = eio_slice_of(room), .limit = limit });
    assert_int_equal(wait_for_answers(b), CHAT_DONE);
    return b->list;
}

/* ---- what holds for each home ---- */

static void check_rooms_and_members(bench *b)
{
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_ROOM_UNKNOWN);
    assert_int_equal(ask(b, CHAT_REMOVE_MEMBER, "a", "ada"), CHAT_ROOM_UNKNOWN);
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "a", "ada"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "a", "ada"), CHAT_ROOM_EXISTS);
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "a", "bob"), CHAT_ROOM_EXISTS);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_NAME_TAKEN);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"),
                     CHAT_DONE); /* the loser above left nothing */
    assert_int_equal(take_over(b, "a", "bob"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_REMOVE_MEMBER, "a", "bob"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_REMOVE_MEMBER, "a", "nobody"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_RELEASE_MEMBER, "a", "bob"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "A", "ada"), CHAT_DONE); /* letters are told apart */
    assert_int_equal(ask(b, CHAT_ADOPT_MEMBERS, "", ""), CHAT_DONE);
}

static void check_of_ten_creators_one_wins(bench *b)
{
    char name[] = "user0";
    int winners = 0;

    for (int i = 0; i < 10; i++) {
        name[4] = (char)('0' + i);
        put(b, &(chat_query){ .op = CHAT_CREATE_ROOM,
                              .room = EIO_STR("race"),
                              .username = eio_slice_of(name) });
    }
    for (int before = b->answered; b->answered < b->asked; before = b->answered) {
        while (b->answered == before)
            uv_run(&b->loop, UV_RUN_ONCE);
        winners += b->outcome == CHAT_DONE && b->answered == before + 1;
    }
    for (int i = 0; i < 10; i++) {
        name[4] = (char)('0' + i);
        winners += ask(b, CHAT_ADD_MEMBER, "race", name) == CHAT_NAME_TAKEN ? 100 : 0;
    }
    assert_true(winners >= 100 && winners < 200); /* one name is taken, nine are free */
}

static void check_chats(bench *b)
{
    static char big[65536];
    char text[16], first[64];

    assert_string_equal(list(b, "empty", 10), "");
    for (int i = 1; i <= 1005; i++) {
        snprintf(text, sizeof(text), "%d", i);
        say(b, "talk", "ada", eio_slice_of(text));
    }
    assert_int_equal(wait_for_answers(b), CHAT_DONE);
    assert_string_equal(list(b, "talk", 3), "ada|1003; ada|1004; ada|1005; ");
    snprintf(first, sizeof(first), "%.10s", list(b, "talk", 1000));
    assert_string_equal(first, "ada|6; ada");
    say(b, "odd", "ada", EIO_STR("a::b\n\x01"));
    say(b, "odd", "ada", EIO_STR(""));
    assert_string_equal(list(b, "odd", 10), "ada|a::b\n\x01; ada|; ");
    /* A list that would be too long for anybody is cut, the newest stay. */
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 40; i++)
        say(b, "big", "ada", (eio_slice){ big, sizeof(big) });
    say(b, "big", "ada", EIO_STR("end"));
    (void)wait_for_answers(b);
    put(b, &(chat_query){ .op = CHAT_LIST_CHATS, .room = EIO_STR("big"), .limit = 1000 });
    assert_int_equal(wait_for_answers(b), CHAT_DONE);
}

static void every_home_keeps_rooms_and_members(void **state)
{
    (void)state;
    for (home_kind home = IN_MEMORY; home <= IN_REDIS; home++) {
        bench *b = begin(home);
        check_rooms_and_members(b);
        check_of_ten_creators_one_wins(b);
        end(b);
    }
}

static void every_home_keeps_the_newest_messages(void **state)
{
    (void)state;
    for (home_kind home = IN_MEMORY; home <= IN_REDIS; home++) {
        bench *b = begin(home);
        check_chats(b);
        end(b);
    }
}

static void a_store_that_closes_finishes_what_was_asked(void **state)
{
    (void)state;
    for (home_kind home = IN_MEMORY; home <= IN_REDIS; home++) {
        bench *b = begin(home);
        for (int i = 0; i < 100; i++)
            say(b, "talk", "ada", EIO_STR("x"));
        close_store(b);
        assert_int_equal(b->answered, 100);
        assert_int_equal(b->outcome, CHAT_DONE);
        end(b);
    }
}

/* ---- SQLite alone ---- */

static void a_file_is_one_process_at_a_time(void **state)
{
    bench *b = begin(IN_FILE);
    chat_database *second = NULL;
    eio_error why = { 0 };

    (void)state;
    assert_int_equal(chat_sqlite_database(&second, b->file, &why), EIO_E_EXISTS);
    assert_non_null(strstr(why.text, b->file));
    assert_null(second);
    end(b);
}

static void a_file_keeps_all_and_hands_out_who_was_left_over_once(void **state)
{
    bench *b = begin(IN_FILE);

    (void)state;
    ask(b, CHAT_CREATE_ROOM, "a", "ada");
    ask(b, CHAT_ADD_MEMBER, "a", "bob");
    say(b, "a", "ada", EIO_STR("hi"));
    (void)wait_for_answers(b);
    close_store(b);
    open_store(b);
    assert_int_equal(ask(b, CHAT_ADOPT_MEMBERS, "", ""), CHAT_DONE);
    assert_string_equal(b->list, "ada|; bob|; ");
    assert_int_equal(ask(b, CHAT_ADOPT_MEMBERS, "", ""), CHAT_DONE);
    assert_string_equal(b->list, "");
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "a", "ada"), CHAT_ROOM_EXISTS);
    assert_string_equal(list(b, "a", 10), "ada|hi; ");
    end(b);
}

/* Another server of the same process: its store takes the place of the first one's while this runs. */
static chat_outcome ask_as(bench *b, chat_store *server, chat_store_op op, const char *username)
{
    chat_store *own = b->store;

    b->store = server;
    chat_outcome outcome = ask(b, op, "a", username);
    b->store = own;
    return outcome;
}

static void servers_of_one_process_hold_names_apart(void **state)
{
    bench *b = begin(IN_MEMORY);
    chat_store *other = NULL;
    eio_error why = { 0 };

    (void)state;
    assert_int_equal(chat_sqlite_open(&other, &b->loop, b->database, 2, &why), EIO_OK);
    assert_int_equal(ask(b, CHAT_CREATE_ROOM, "a", "ada"), CHAT_DONE);
    assert_int_equal(ask_as(b, other, CHAT_ADD_MEMBER, "ada"), CHAT_NAME_TAKEN);
    assert_int_equal(ask_as(b, other, CHAT_REMOVE_MEMBER, "ada"), CHAT_NOT_ALLOWED);
    assert_int_equal(ask_as(b, other, CHAT_FREE_MEMBER, "ada"), CHAT_DONE);
    assert_int_equal(ask_as(b, other, CHAT_ADD_MEMBER, "ada"), CHAT_NAME_TAKEN);
    /* Its connection has ended: whoever comes may have the name, and then the first server may not end it. */
    assert_int_equal(ask(b, CHAT_FREE_MEMBER, "a", "ada"), CHAT_DONE);
    assert_int_equal(ask_as(b, other, CHAT_ADD_MEMBER, "ada"), CHAT_DONE);
    assert_int_equal(take_over(b, "a", "ada"), CHAT_NAME_TAKEN);
    assert_int_equal(ask(b, CHAT_RELEASE_MEMBER, "a", "ada"), CHAT_NAME_TAKEN);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_NAME_TAKEN);
    assert_int_equal(ask_as(b, other, CHAT_RELEASE_MEMBER, "ada"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_DONE);
    chat_store_close(other, NULL, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    end(b);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    bench *b = begin(IN_MEMORY);
    chat_database *database = NULL;
    eio_error why = { 0 };

    (void)state;
    FILE *file = fopen(b->file, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("this is a letter, not a database\n", file);
    fclose(file);
    assert_int_equal(chat_sqlite_database(&database, b->file, &why), EIO_E_INVALID);
    assert_non_null(strstr(why.text, b->file));
    assert_int_equal(chat_sqlite_database(&database, "/nowhere/rooms.db", &why), UV_ENOENT);
    end(b);
}

/* ---- Redis alone ---- */

static void redis_that_is_away_is_unavailable_and_then_not(void **state)
{
    bench *b = begin(IN_REDIS);
    int connects = b->connects;

    (void)state;
    assert_true(chat_store_is_ready(b->store));
    ask(b, CHAT_CREATE_ROOM, "a", "ada");
    redis_server_signal(&b->server, SIGKILL);
    while (chat_store_is_ready(b->store))
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"), CHAT_UNAVAILABLE);
    redis_server_start(&b->server, NULL, NULL);
    while (b->connects == connects)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"),
                     CHAT_ROOM_UNKNOWN); /* it came back empty */
    end(b);
}

static void an_answer_that_redis_never_gave_is_unknown(void **state)
{
    bench *b = begin(IN_REDIS);

    (void)state;
    ask(b, CHAT_CREATE_ROOM, "a", "ada");
    redis_server_signal(&b->server, SIGSTOP);
    put(b,
        &(chat_query){ .op = CHAT_ADD_MEMBER, .room = EIO_STR("a"), .username = EIO_STR("bob") });
    redis_server_signal(&b->server, SIGKILL);
    assert_int_equal(wait_for_answers(b), CHAT_UNKNOWN);
    end(b);
}

static void ignore_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    int *answers = data;

    (void)redis;
    assert_int_equal(status, EIO_OK);
    assert_non_null(reply);
    ++*answers;
}

static void handle_stranger_up(sio_redis *redis, void *data)
{
    (void)redis;
    *(int *)data = 1;
}

/* Put into Redis what a server that holds `pair` has there; lease "" is one that has run out. */
static void pretend_server(bench *b, sio_redis *redis, const char *id, const char *pair,
                           const char *lease)
{
    char key[80], held[80];
    int answers = 0, wanted = 3;

    snprintf(key, sizeof(key), "chat:rooms:server:%s", id);
    snprintf(held, sizeof(held), "chat:rooms:server:%s:held", id);
    sio_redis_command(
        redis,
        SIO_REDIS_ARGUMENTS(EIO_STR("SADD"), EIO_STR("chat:rooms:servers"), eio_slice_of(id)),
        ignore_answer, &answers);
    sio_redis_command(redis,
                      SIO_REDIS_ARGUMENTS(EIO_STR("SADD"), eio_slice_of(held), eio_slice_of(pair)),
                      ignore_answer, &answers);
    sio_redis_command(redis,
                      SIO_REDIS_ARGUMENTS(EIO_STR("SADD"), EIO_STR("members"), eio_slice_of(pair)),
                      ignore_answer, &answers);
    if (lease[0] != '\0') {
        sio_redis_command(
            redis, SIO_REDIS_ARGUMENTS(EIO_STR("SET"), eio_slice_of(key), eio_slice_of(lease)),
            ignore_answer, &answers);
        wanted++;
    }
    while (answers < wanted)
        uv_run(&b->loop, UV_RUN_ONCE);
}

static void names_of_dead_servers_are_adopted_once_and_those_of_live_ones_not(void **state)
{
    bench *b = begin(IN_REDIS);
    sio_redis_options options;
    sio_redis *stranger;
    int up = 0;

    (void)state;
    sio_redis_options_init(&options);
    options.url = b->url;
    options.on_connect = handle_stranger_up;
    options.data = &up;
    assert_int_equal(sio_redis_new(&stranger, &b->loop, &options, NULL), EIO_OK);
    while (!up)
        uv_run(&b->loop, UV_RUN_ONCE);
    ask(b, CHAT_CREATE_ROOM, "a", "ours");
    pretend_server(b, stranger, "dead", "a::ada", "");
    pretend_server(b, stranger, "live", "a::bob", "another boot/pid:[1]/1/1");
    assert_int_equal(ask(b, CHAT_ADOPT_MEMBERS, "", ""), CHAT_DONE);
    assert_string_equal(b->list, "ada|; ");
    assert_int_equal(ask(b, CHAT_ADOPT_MEMBERS, "", ""), CHAT_DONE);
    assert_string_equal(b->list, "");
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_DONE); /* nobody has it any more */
    assert_int_equal(ask(b, CHAT_RELEASE_MEMBER, "a", "ada"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "ada"), CHAT_DONE);
    assert_int_equal(ask(b, CHAT_RELEASE_MEMBER, "a", "bob"),
                     CHAT_NAME_TAKEN); /* not ours: it stays */
    assert_int_equal(ask(b, CHAT_ADD_MEMBER, "a", "bob"), CHAT_NAME_TAKEN);
    sio_redis_close(stranger, NULL, NULL);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_home_keeps_rooms_and_members),
        cmocka_unit_test(every_home_keeps_the_newest_messages),
        cmocka_unit_test(a_store_that_closes_finishes_what_was_asked),
        cmocka_unit_test(a_file_is_one_process_at_a_time),
        cmocka_unit_test(a_file_keeps_all_and_hands_out_who_was_left_over_once),
        cmocka_unit_test(servers_of_one_process_hold_names_apart),
        cmocka_unit_test(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(redis_that_is_away_is_unavailable_and_then_not),
        cmocka_unit_test(an_answer_that_redis_never_gave_is_unknown),
        cmocka_unit_test(names_of_dead_servers_are_adopted_once_and_those_of_live_ones_not),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
