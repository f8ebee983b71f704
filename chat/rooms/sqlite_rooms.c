#include "chat/rooms/sqlite_rooms.h"

#include <stdlib.h>

const char sqlite_rooms_schema[] =
    "CREATE TABLE IF NOT EXISTS rooms (id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS members (room TEXT, username TEXT, "
    "PRIMARY KEY (room, username)) WITHOUT ROWID;"
    /* seq counts within its room: what is too old is a range */
    "CREATE TABLE IF NOT EXISTS chats (id INTEGER PRIMARY KEY, room TEXT, "
    "seq INTEGER, username TEXT, text TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS chats_of_room ON chats (room, seq);"
    /*
     * Which server of this process has a member, and whether its connection has ended, so that anybody may take it.
     * Those who are there at the start were left over: they are of nobody, 0.
     */
    "CREATE TEMP TABLE holders (room TEXT, username TEXT, holder INTEGER, free INTEGER, "
    "PRIMARY KEY (room, username)) WITHOUT ROWID;"
    "INSERT INTO holders SELECT room, username, 0, 1 FROM members;";

/* ?1 is the room, ?2 the user name or a limit, ?3 the text, ?4 the server. */
const char *const sqlite_rooms_statements[SQL_N_STATEMENTS] = {
    [SQL_HAS_ROOM] = "SELECT 1 FROM rooms WHERE id = ?1",
    [SQL_ADD_ROOM] = "INSERT OR IGNORE INTO rooms VALUES (?1)",
    [SQL_ADD_MEMBER] = "INSERT OR IGNORE INTO members VALUES (?1, ?2)",
    [SQL_REMOVE_MEMBER] = "DELETE FROM members WHERE room = ?1 AND username = ?2",
    [SQL_ADD_CHAT] = ("INSERT INTO chats (room, seq, username, text) "
                      "SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3 FROM chats WHERE room = ?1"),
    [SQL_TRIM_CHATS] = ("DELETE FROM chats WHERE room = ?1 AND seq <= "
                        "(SELECT max(seq) FROM chats WHERE room = ?1) - ?2"),
    [SQL_LIST_CHATS] =
        "SELECT room, username, text FROM chats WHERE room = ?1 ORDER BY seq DESC LIMIT ?2",
    [SQL_IS_TAKEN] = ("SELECT 1 FROM members WHERE room = ?1 AND username = ?2 AND NOT EXISTS "
                      "(SELECT 1 FROM holders WHERE room = ?1 AND username = ?2 AND free)"),
    [SQL_IS_HELD_ELSEWHERE] = ("SELECT 1 FROM holders WHERE room = ?1 AND username = ?2 AND "
                               "holder <> ?4 AND NOT free"),
    [SQL_HOLD] = "INSERT OR REPLACE INTO holders VALUES (?1, ?2, ?4, 0)",
    [SQL_FREE] = "UPDATE holders SET free = 1 WHERE room = ?1 AND username = ?2 AND holder = ?4",
    [SQL_RELEASE] = "DELETE FROM holders WHERE room = ?1 AND username = ?2 AND holder = ?4",
    [SQL_FORGET] = "DELETE FROM holders WHERE room = ?1 AND username = ?2",
    [SQL_LIST_LEFT] = "SELECT room, username, '' FROM holders WHERE holder = 0",
    [SQL_ADOPT] = "UPDATE holders SET holder = ?4 WHERE holder = 0",
};

/* A question, and the server that asks. */
typedef struct asked {
    const chat_query *query;
    unsigned server;
} asked;

/* ---- statements ---- */

/* Run a statement to its first row or its end. SQLITE_ROW, SQLITE_DONE, or an error. */
static int step(chat_sql *sql, sql_statement which, const asked *what)
{
    sqlite3_stmt *statement = sql->statements[which];
    const eio_slice texts[] = { what->query->room, what->query->username, what->query->text };
    int wanted = sqlite3_bind_parameter_count(statement);

    for (int i = 0; i < 3 && i < wanted; i++)
        if (!chat_sql_bind(statement, i + 1, texts[i]))
            return SQLITE_NOMEM;
    if (wanted >= 4 && sqlite3_bind_int(statement, 4, (int)what->server) != SQLITE_OK)
        return SQLITE_NOMEM;
    return chat_sql_step(statement);
}

/* One that has no rows: CHAT_DONE if it changed one, else `unchanged`. */
static chat_outcome change(chat_sql *sql, sql_statement which, const asked *what,
                           chat_outcome unchanged)
{
    if (step(sql, which, what) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return sqlite3_changes(sql->database) > 0 ? CHAT_DONE : unchanged;
}

/* One that asks whether there is a row. */
static chat_outcome look(chat_sql *sql, sql_statement which, const asked *what, chat_outcome there,
                         chat_outcome absent)
{
    switch (step(sql, which, what)) {
    case SQLITE_ROW: return there;
    case SQLITE_DONE: return absent;
    default: return CHAT_UNAVAILABLE;
    }
}

static chat_outcome find_room(chat_sql *sql, const asked *what)
{
    return look(sql, SQL_HAS_ROOM, what, CHAT_DONE, CHAT_ROOM_UNKNOWN);
}

/* ---- the questions ---- */

/* A member that is there already does not matter. */
static chat_outcome hold(chat_sql *sql, const asked *what)
{
    chat_outcome outcome = change(sql, SQL_ADD_MEMBER, what, CHAT_DONE);

    return outcome != CHAT_DONE ? outcome : change(sql, SQL_HOLD, what, CHAT_DONE);
}

static chat_outcome create_room(chat_sql *sql, const asked *what)
{
    chat_outcome outcome = change(sql, SQL_ADD_ROOM, what, CHAT_ROOM_EXISTS);

    return outcome != CHAT_DONE ? outcome : hold(sql, what);
}

static chat_outcome add_member(chat_sql *sql, const asked *what)
{
    chat_outcome outcome = find_room(sql, what);

    if (outcome == CHAT_DONE)
        outcome = look(sql, what->query->take_over ? SQL_IS_HELD_ELSEWHERE : SQL_IS_TAKEN, what,
                       CHAT_NAME_TAKEN, CHAT_DONE);
    return outcome != CHAT_DONE ? outcome : hold(sql, what);
}

static chat_outcome remove_member(chat_sql *sql, const asked *what)
{
    chat_outcome outcome = find_room(sql, what);

    if (outcome == CHAT_DONE && !what->query->take_over)
        outcome = look(sql, SQL_IS_HELD_ELSEWHERE, what, CHAT_NOT_ALLOWED, CHAT_DONE);
    if (outcome == CHAT_DONE)
        outcome = change(sql, SQL_FORGET, what, CHAT_DONE);
    return outcome != CHAT_DONE ? outcome : change(sql, SQL_REMOVE_MEMBER, what, CHAT_DONE);
}

/* Only what this server has: others may have taken it meanwhile. */
static chat_outcome release_member(chat_sql *sql, const asked *what)
{
    chat_outcome outcome = change(sql, SQL_RELEASE, what, CHAT_NAME_TAKEN);

    return outcome != CHAT_DONE ? outcome : change(sql, SQL_REMOVE_MEMBER, what, CHAT_DONE);
}

/* A statement whose second parameter is a number, and that has no rows. */
static chat_outcome trim(chat_sql *sql, eio_slice room)
{
    sqlite3_stmt *statement = sql->statements[SQL_TRIM_CHATS];
    int rc = SQLITE_NOMEM;

    if (chat_sql_bind(statement, 1, room) &&
        sqlite3_bind_int(statement, 2, CHAT_KEPT_MESSAGES) == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? CHAT_DONE : CHAT_UNAVAILABLE;
}

static chat_outcome add_chat(chat_sql *sql, const asked *what)
{
    if (step(sql, SQL_ADD_CHAT, what) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return trim(sql, what->query->room);
}

/* Texts are collected in one block that may move: until it is complete, an entry's bases are offsets into it. */
typedef struct row_collector {
    sqlite_answer *answer;
    size_t entry_capacity, text_len, text_capacity;
} row_collector;

static bool reserve(row_collector *rows, size_t bytes)
{
    sqlite_answer *answer = rows->answer;

    if (answer->count == rows->entry_capacity) {
        size_t capacity = rows->entry_capacity == 0 ? 16 : rows->entry_capacity * 2;
        chat_entry *entries = realloc(answer->entries, capacity * sizeof(*entries));
        if (entries == NULL)
            return false;
        answer->entries = entries;
        rows->entry_capacity = capacity;
    }
    if (bytes > rows->text_capacity - rows->text_len) {
        size_t capacity = rows->text_capacity * 2 + bytes;
        char *text = realloc(answer->texts, capacity);
        if (text == NULL)
            return false;
        answer->texts = text;
        rows->text_capacity = capacity;
    }
    return true;
}

static bool keep_row(row_collector *rows, sqlite3_stmt *statement)
{
    eio_slice *parts[3];
    size_t bytes = 0;

    for (int i = 0; i < 3; i++)
        bytes += chat_sql_column(statement, i).len;
    if (!reserve(rows, bytes))
        return false;
    chat_entry *entry = &rows->answer->entries[rows->answer->count++];
    parts[0] = &entry->room;
    parts[1] = &entry->username;
    parts[2] = &entry->text;
    for (int i = 0; i < 3; i++) {
        eio_slice text = chat_sql_column(statement, i);
        if (text.len > 0)
            memcpy(rows->answer->texts + rows->text_len, text.base, text.len);
        *parts[i] = (eio_slice){ NULL, text.len };
        rows->text_len += text.len;
    }
    return true;
}

static void finish_rows(sqlite_answer *answer)
{
    const char *at = answer->texts;

    for (size_t i = 0; i < answer->count; i++) {
        chat_entry *entry = &answer->entries[i];
        entry->room.base = at;
        entry->username.base = entry->room.base + entry->room.len;
        entry->text.base = entry->username.base + entry->username.len;
        at = entry->text.base + entry->text.len;
    }
}

static void reverse(sqlite_answer *answer)
{
    for (size_t i = 0; i < answer->count / 2; i++) {
        chat_entry other = answer->entries[i];
        answer->entries[i] = answer->entries[answer->count - 1 - i];
        answer->entries[answer->count - 1 - i] = other;
    }
}

/* All rows, or with a byte limit as many as fit into it, but one at least. */
static chat_outcome collect(sqlite3_stmt *statement, size_t most_bytes, sqlite_answer *out)
{
    row_collector rows = { .answer = out };
    int rc;

    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        size_t bytes = chat_sql_column(statement, 1).len + chat_sql_column(statement, 2).len;
        if (out->count > 0 && rows.text_len + bytes > most_bytes)
            break;
        if (!keep_row(&rows, statement))
            return CHAT_UNAVAILABLE;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return CHAT_UNAVAILABLE;
    finish_rows(out);
    return CHAT_DONE;
}

static chat_outcome list_chats(chat_sql *sql, const chat_query *query, sqlite_answer *out)
{
    sqlite3_stmt *statement = sql->statements[SQL_LIST_CHATS];
    chat_outcome outcome = CHAT_UNAVAILABLE;

    if (chat_sql_bind(statement, 1, query->room) &&
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->limit) == SQLITE_OK)
        outcome = collect(statement, CHAT_LIST_BYTES, out);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    reverse(out);
    return outcome;
}

/* One process has the file: who was in it when it was opened is left over, and nobody later. */
static chat_outcome adopt_members(chat_sql *sql, const asked *what, sqlite_answer *out)
{
    sqlite3_stmt *statement = sql->statements[SQL_LIST_LEFT];
    chat_outcome outcome = collect(statement, SIZE_MAX, out);

    sqlite3_reset(statement);
    return outcome != CHAT_DONE ? outcome : change(sql, SQL_ADOPT, what, CHAT_DONE);
}

void sqlite_rooms_ask(chat_sql *sql, unsigned server, const chat_query *query, sqlite_answer *out)
{
    const asked what = { query, server };

    *out = (sqlite_answer){ 0 };
    switch (query->op) {
    case CHAT_CREATE_ROOM: out->outcome = create_room(sql, &what); break;
    case CHAT_ADD_MEMBER: out->outcome = add_member(sql, &what); break;
    case CHAT_REMOVE_MEMBER: out->outcome = remove_member(sql, &what); break;
    case CHAT_RELEASE_MEMBER: out->outcome = release_member(sql, &what); break;
    case CHAT_FREE_MEMBER: out->outcome = change(sql, SQL_FREE, &what, CHAT_DONE); break;
    case CHAT_ADD_CHAT: out->outcome = add_chat(sql, &what); break;
    case CHAT_LIST_CHATS: out->outcome = list_chats(sql, query, out); break;
    case CHAT_ADOPT_MEMBERS: out->outcome = adopt_members(sql, &what, out); break;
    }
}

void sqlite_answer_free(sqlite_answer *answer)
{
    free(answer->entries);
    free(answer->texts);
    *answer = (sqlite_answer){ 0 };
}
