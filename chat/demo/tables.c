#include "chat/demo/tables.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEWEST_TEXTS = 8 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS sessions (sid TEXT PRIMARY KEY, json TEXT, expires INTEGER) "
    "WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires);"
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, "
    "password TEXT);"
    "CREATE TABLE IF NOT EXISTS rooms (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS user_rooms (user INTEGER, room TEXT, PRIMARY KEY (user, room)) "
    "WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, room TEXT, date REAL, json TEXT);"
    "CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, date);"
    /* who is connected is forgotten with the process */
    "CREATE TEMP TABLE online (user INTEGER, server INTEGER, PRIMARY KEY (user, server)) "
    "WITHOUT ROWID;";

typedef enum which_sql {
    LOAD_SESSION,
    RENEW_SESSION,
    PURGE_SESSIONS,
    SAVE_SESSION,
    DROP_SESSION,
    FIND_LOGIN,
    ADD_USER,
    ADD_USER_ROOM,
    FIND_USER,
    LIST_ONLINE,
    NAME_PAIR,
    LIST_ROOMS,
    LIST_ROOM_IDS,
    HAS_NAME,
    HAS_USER_ROOM,
    LIST_MESSAGES,
    HAS_MESSAGES,
    ADD_MESSAGE,
    IS_ONLINE,
    HOLD_USER,
    RELEASE_USER,
    LIST_HELD,
    ADD_ROOM,
    HAS_USERS,
    N_SQL
} which_sql;

#define LIFE "strftime('%s', 'now') + iif(instr(?2, '\"user\":') > 0, 86400, 3600)"
#define NAMES_OF(room)                                                                             \
    "(SELECT username FROM users WHERE id = CAST(substr(" room ", 1, instr(" room                  \
    ", ':') - 1) AS INTEGER)), "                                                                   \
    "(SELECT username FROM users WHERE id = CAST(substr(" room ", instr(" room                     \
    ", ':') + 1) AS INTEGER))"

static const char *const texts_of_sql[N_SQL] = {
    [LOAD_SESSION] =
        "SELECT json FROM sessions WHERE sid = ?1 AND expires > strftime('%s', 'now') + 0",
    [RENEW_SESSION] = "UPDATE sessions SET expires = " LIFE " WHERE sid = ?1",
    [PURGE_SESSIONS] = "DELETE FROM sessions WHERE expires <= strftime('%s', 'now') + 0",
    [SAVE_SESSION] = "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, " LIFE ")",
    [DROP_SESSION] = "DELETE FROM sessions WHERE sid = ?1",
    [FIND_LOGIN] = "SELECT id, password FROM users WHERE username = ?1",
    [ADD_USER] = "INSERT OR IGNORE INTO users (username, password) VALUES (?1, ?2) RETURNING id",
    [ADD_USER_ROOM] = "INSERT OR IGNORE INTO user_rooms VALUES (?1, ?2)",
    [FIND_USER] = "SELECT id, username, EXISTS (SELECT 1 FROM online WHERE user = id) FROM users "
                  "WHERE id = ?1",
    [LIST_ONLINE] =
        "SELECT id, username, 1 FROM users WHERE id = ?1 OR id IN (SELECT user FROM online)",
    [NAME_PAIR] =
        "SELECT a.username, b.username FROM users a, users b WHERE a.id = ?1 AND b.id = ?2",
    [LIST_ROOMS] = "SELECT room, coalesce(name, ''), " NAMES_OF(
        "room") " FROM user_rooms LEFT JOIN rooms ON rooms.id = room WHERE user = ?1 AND (name IS "
                "NOT NULL OR "
                "EXISTS (SELECT 1 FROM messages WHERE messages.room = user_rooms.room)) LIMIT 1000",
    [LIST_ROOM_IDS] = "SELECT room FROM user_rooms WHERE user = ?1 LIMIT 1000",
    [HAS_NAME] = "SELECT 1 FROM rooms WHERE id = ?1",
    [HAS_USER_ROOM] = "SELECT 1 FROM user_rooms WHERE user = ?1 AND room = ?2",
    [LIST_MESSAGES] =
        "SELECT json FROM messages WHERE room = ?1 ORDER BY date DESC, id DESC "
        "LIMIT CAST(?3 AS INTEGER) - CAST(?2 AS INTEGER) + 1 OFFSET CAST(?2 AS INTEGER)",
    [HAS_MESSAGES] = "SELECT 1 FROM messages WHERE room = ?1",
    [ADD_MESSAGE] = "INSERT INTO messages (room, date, json) VALUES (?1, ?2, ?3)",
    [IS_ONLINE] = "SELECT 1 FROM online WHERE user = ?1 LIMIT 1",
    [HOLD_USER] = "INSERT OR IGNORE INTO online VALUES (?1, ?2)",
    [RELEASE_USER] = "DELETE FROM online WHERE user = ?1 AND server = ?2",
    [LIST_HELD] = "SELECT user FROM online WHERE server = ?1",
    [ADD_ROOM] = "INSERT OR IGNORE INTO rooms VALUES (?1, ?2)",
    [HAS_USERS] = "SELECT 1 FROM rooms UNION ALL SELECT 1 FROM users",
};

static_assert((int)N_SQL <= (int)CHAT_MOST_STATEMENTS, "room for every statement");

const char *const chat_tables_schema = schema;
const char *const *const chat_tables_statements = texts_of_sql;
const size_t chat_tables_statement_count = N_SQL;

/* ---- answers ---- */

void chat_rows_fini(chat_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free((void *)(uintptr_t)rows->texts[i].base);
    free(rows->texts);
    *rows = (chat_rows){ 0 };
}

static bool add_text(chat_rows *rows, const void *base, size_t len)
{
    if (rows->count == rows->room) {
        size_t room = rows->room == 0 ? FEWEST_TEXTS : 2 * rows->room;
        eio_slice *texts = realloc(rows->texts, room * sizeof(*texts));
        if (texts == NULL)
            return false;
        rows->texts = texts;
        rows->room = room;
    }
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return false;
    if (len > 0)
        memcpy(copy, base, len);
    copy[len] = '\0';
    rows->texts[rows->count++] = (eio_slice){ copy, len };
    return true;
}

static bool add_row(chat_rows *rows, sqlite3_stmt *statement)
{
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        eio_slice text = chat_sql_column(statement, i);
        if (!add_text(rows, text.base, text.len))
            return false;
    }
    return true;
}

static bool bind_all(sqlite3_stmt *statement, const eio_slice *texts, size_t count)
{
    int wanted = sqlite3_bind_parameter_count(statement);

    for (int i = 0; i < wanted; i++) {
        eio_slice text = (size_t)i < count ? texts[i] : (eio_slice){ "", 0 };
        if (!chat_sql_bind(statement, i + 1, text))
            return false;
    }
    return true;
}

/* Run a statement, and add what it finds. The number of rows, or -1: then the outcome is CHAT_FAILED. */
static int run(chat_sql *sql, which_sql which, const eio_slice *texts, size_t count, chat_rows *out)
{
    sqlite3_stmt *statement = sql->statements[which];
    int rows = 0, rc = SQLITE_NOMEM;

    if (bind_all(statement, texts, count))
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW &&
               (out == NULL || add_row(out, statement)))
            rows++;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? rows : -1;
}

#define RUN(which, out, ...) run(sql, which, CHAT_TEXTS(__VA_ARGS__), out)

static chat_demo_outcome or_failed(int rows, chat_demo_outcome none)
{
    return rows < 0 ? CHAT_FAILED : rows == 0 ? none : CHAT_FOUND;
}

static chat_demo_outcome done(bool well)
{
    return well ? CHAT_FOUND : CHAT_FAILED;
}

/* ---- the questions ---- */

static chat_demo_outcome load_session(chat_sql *sql, const eio_slice *texts, chat_rows *out)
{
    int rows = RUN(LOAD_SESSION, out, texts[0]);

    if (rows <= 0)
        return or_failed(rows, CHAT_ABSENT);
    return done(RUN(RENEW_SESSION, NULL, texts[0], out->texts[0]) == 0);
}

static chat_demo_outcome save_session(chat_sql *sql, const eio_slice *texts)
{
    return done(RUN(PURGE_SESSIONS, NULL, texts[0]) == 0 &&
                RUN(DROP_SESSION, NULL, texts[2]) == 0 &&
                RUN(SAVE_SESSION, NULL, texts[0], texts[1]) == 0);
}

static chat_demo_outcome add_user(chat_sql *sql, const eio_slice *texts, chat_rows *out)
{
    int rows = RUN(ADD_USER, out, texts[0], texts[1]);

    if (rows == 0 && RUN(FIND_LOGIN, out, texts[0]) == 1)
        return CHAT_EXISTS;
    return done(rows == 1 && out->count == 1 &&
                RUN(ADD_USER_ROOM, NULL, out->texts[0], EIO_STR("0")) == 0);
}

static chat_demo_outcome list_users(chat_sql *sql, const eio_slice *texts, size_t count,
                                    chat_rows *out)
{
    for (size_t i = 0; i < count; i++)
        if (RUN(FIND_USER, out, texts[i]) < 0)
            return CHAT_FAILED;
    return CHAT_FOUND;
}

static eio_slice name_room(char out[48], eio_slice low, eio_slice high)
{
    int len = snprintf(out, 48, "%.*s:%.*s", (int)low.len, low.base, (int)high.len, high.base);

    return (eio_slice){ out, (size_t)len };
}

static chat_demo_outcome make_room(chat_sql *sql, const eio_slice *texts, chat_rows *out)
{
    char id[48];
    eio_slice room = name_room(id, texts[0], texts[1]);
    int rows = RUN(NAME_PAIR, out, texts[0], texts[1]);

    if (rows <= 0)
        return or_failed(rows, CHAT_ABSENT);
    return done(RUN(ADD_USER_ROOM, NULL, texts[0], room) == 0 &&
                RUN(ADD_USER_ROOM, NULL, texts[1], room) == 0);
}

static bool is_one(eio_slice text)
{
    return eio_slice_equal(text, EIO_STR("1"));
}

static chat_demo_outcome enter_room(chat_sql *sql, eio_slice room, eio_slice user,
                                    eio_slice is_private)
{
    int rows =
        is_one(is_private) ? RUN(HAS_USER_ROOM, NULL, user, room) : RUN(HAS_NAME, NULL, room);

    return or_failed(rows, CHAT_DENIED);
}

static chat_demo_outcome list_messages(chat_sql *sql, const eio_slice *texts, chat_rows *out)
{
    if (!is_one(texts[1])) {
        chat_demo_outcome outcome = or_failed(RUN(HAS_NAME, NULL, texts[0]), CHAT_DENIED);
        if (outcome != CHAT_FOUND)
            return outcome;
    }
    return done(RUN(LIST_MESSAGES, out, texts[0], texts[2], texts[3]) >= 0);
}

static chat_demo_outcome add_message(chat_sql *sql, const eio_slice *texts, chat_rows *out)
{
    chat_demo_outcome outcome = enter_room(sql, texts[0], texts[1], texts[2]);

    if (outcome != CHAT_FOUND)
        return outcome;
    int before = is_one(texts[2]) ? RUN(HAS_MESSAGES, NULL, texts[0]) : 1;
    if (before < 0 || RUN(ADD_MESSAGE, NULL, texts[0], texts[3], texts[4]) != 0)
        return CHAT_FAILED;
    if (before > 0)
        return done(add_text(out, "0", 1));
    return done(add_text(out, "1", 1) && RUN(NAME_PAIR, out, texts[5], texts[6]) >= 0);
}

static bool add_demo_user(chat_sql *sql, eio_slice name, eio_slice hash)
{
    chat_rows added = { 0 };
    bool well = add_user(sql, (const eio_slice[]){ name, hash }, &added) == CHAT_FOUND;

    chat_rows_fini(&added);
    return well;
}

/* The four have the ids 1 to 4, since there was nobody before them. */
static bool add_demo_rooms(chat_sql *sql)
{
    static const char *const pairs[] = { "1:2", "1:3", "1:4", "2:3", "2:4", "3:4" };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        eio_slice room = eio_slice_of(pairs[i]);
        if (RUN(ADD_USER_ROOM, NULL, (eio_slice){ pairs[i], 1 }, room) != 0 ||
            RUN(ADD_USER_ROOM, NULL, (eio_slice){ pairs[i] + 2, 1 }, room) != 0)
            return false;
    }
    return RUN(ADD_ROOM, NULL, EIO_STR("0"), EIO_STR("General")) == 0;
}

static chat_demo_outcome add_demo(chat_sql *sql, const eio_slice *texts, size_t count)
{
    int there = RUN(HAS_USERS, NULL, EIO_STR(""));

    if (there != 0)
        return there < 0 ? CHAT_FAILED : CHAT_EXISTS;
    for (size_t i = 1; i <= 4; i++)
        if (!add_demo_user(sql, texts[i], texts[0]))
            return CHAT_FAILED;
    if (!add_demo_rooms(sql))
        return CHAT_FAILED;
    for (size_t i = 5; i + 2 < count; i += 3)
        if (RUN(ADD_MESSAGE, NULL, texts[i], texts[i + 1], texts[i + 2]) != 0)
            return CHAT_FAILED;
    return CHAT_FOUND;
}

/* Whether he is the first or the last one: of all servers of this process. */
static chat_demo_outcome hold_user(chat_sql *sql, eio_slice user, eio_slice server, chat_rows *out)
{
    int there = RUN(IS_ONLINE, NULL, user);

    return done(there >= 0 && RUN(HOLD_USER, NULL, user, server) == 0 &&
                add_text(out, there == 0 ? "1" : "0", 1));
}

static chat_demo_outcome release_user(chat_sql *sql, eio_slice user, eio_slice server,
                                      chat_rows *out)
{
    if (RUN(RELEASE_USER, NULL, user, server) != 0)
        return CHAT_FAILED;
    bool was = sqlite3_changes(sql->database) > 0;
    int there = RUN(IS_ONLINE, NULL, user);
    return done(there >= 0 && add_text(out, was && there == 0 ? "1" : "0", 1));
}

void chat_tables_ask(chat_sql *sql, eio_slice server, chat_demo_verb verb, const eio_slice *texts,
                     size_t count, chat_rows *out)
{
    chat_demo_outcome outcome = CHAT_FAILED;

    switch (verb) {
    case CHAT_LOAD_SESSION: outcome = load_session(sql, texts, out); break;
    case CHAT_SAVE_SESSION: outcome = save_session(sql, texts); break;
    case CHAT_DROP_SESSION: outcome = done(RUN(DROP_SESSION, NULL, texts[0]) == 0); break;
    case CHAT_FIND_LOGIN: outcome = or_failed(RUN(FIND_LOGIN, out, texts[0]), CHAT_ABSENT); break;
    case CHAT_ADD_USER: outcome = add_user(sql, texts, out); break;
    case CHAT_LIST_USERS: outcome = list_users(sql, texts, count, out); break;
    case CHAT_LIST_ONLINE: outcome = done(RUN(LIST_ONLINE, out, texts[0]) >= 0); break;
    case CHAT_MAKE_ROOM: outcome = make_room(sql, texts, out); break;
    case CHAT_LIST_ROOMS: outcome = done(RUN(LIST_ROOMS, out, texts[0]) >= 0); break;
    case CHAT_LIST_ROOM_IDS: outcome = done(RUN(LIST_ROOM_IDS, out, texts[0]) >= 0); break;
    case CHAT_ENTER_ROOM: outcome = enter_room(sql, texts[0], texts[1], texts[2]); break;
    case CHAT_LIST_MESSAGES: outcome = list_messages(sql, texts, out); break;
    case CHAT_ADD_MESSAGE: outcome = add_message(sql, texts, out); break;
    case CHAT_HOLD_USER: outcome = hold_user(sql, texts[0], server, out); break;
    case CHAT_RELEASE_USER: outcome = release_user(sql, texts[0], server, out); break;
    case CHAT_LIST_HELD: outcome = done(RUN(LIST_HELD, out, server) >= 0); break;
    case CHAT_LOOK_EMPTY:
        outcome = or_failed(RUN(HAS_USERS, NULL, EIO_STR("")), CHAT_ABSENT);
        outcome = outcome == CHAT_ABSENT  ? CHAT_FOUND
                  : outcome == CHAT_FOUND ? CHAT_EXISTS
                                          : outcome;
        break;
    case CHAT_ADD_DEMO: outcome = add_demo(sql, texts, count); break;
    case CHAT_N_VERBS: break;
    }
    out->outcome = outcome;
}
