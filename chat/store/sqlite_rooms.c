#include "chat/store/sqlite_rooms.h"

#include <stdlib.h>

const char sqlite_rooms_schema[] =
    "CREATE TABLE IF NOT EXISTS rooms (id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS members (room TEXT, username TEXT, "
    "PRIMARY KEY (room, username)) WITHOUT ROWID;"
    /* seq counts within its room: what is too old is a range */
    "CREATE TABLE IF NOT EXISTS chats (id INTEGER PRIMARY KEY, room TEXT, "
    "seq INTEGER, username TEXT, text TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS chats_of_room ON chats (room, seq);";

/* ?1 is the room, ?2 the user name or a limit, ?3 the text. */
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
    [SQL_LIST_MEMBERS] = "SELECT room, username, '' FROM members",
};

/* ---- statements ---- */

/* Run a statement with room and user name to its first row or its end. SQLITE_ROW, SQLITE_DONE, or an error. */
static int step(chat_sql *sql, sql_statement which, eio_slice room, eio_slice username)
{
    sqlite3_stmt *statement = sql->statements[which];
    int wanted = sqlite3_bind_parameter_count(statement);

    if ((wanted >= 1 && !chat_sql_bind(statement, 1, room)) ||
        (wanted >= 2 && !chat_sql_bind(statement, 2, username)))
        return SQLITE_NOMEM;
    return chat_sql_step(statement);
}

/* An INSERT OR IGNORE or a DELETE: CHAT_DONE if it changed a row, else `unchanged`. */
static chat_outcome change(chat_sql *sql, sql_statement which, const chat_query *query,
                           chat_outcome unchanged)
{
    if (step(sql, which, query->room, query->username) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return sqlite3_changes(sql->database) > 0 ? CHAT_DONE : unchanged;
}

static chat_outcome find_room(chat_sql *sql, const chat_query *query)
{
    switch (step(sql, SQL_HAS_ROOM, query->room, query->username)) {
    case SQLITE_ROW: return CHAT_DONE;
    case SQLITE_DONE: return CHAT_ROOM_UNKNOWN;
    default: return CHAT_UNAVAILABLE;
    }
}

/* ---- the questions ---- */

static chat_outcome create_room(chat_sql *sql, const chat_query *query)
{
    chat_outcome outcome = change(sql, SQL_ADD_ROOM, query, CHAT_ROOM_EXISTS);

    if (outcome != CHAT_DONE)
        return outcome;
    return change(sql, SQL_ADD_MEMBER, query, CHAT_DONE); /* a stale member does not matter */
}

static chat_outcome add_member(chat_sql *sql, const chat_query *query)
{
    chat_outcome outcome = find_room(sql, query);

    if (outcome != CHAT_DONE)
        return outcome;
    return change(sql, SQL_ADD_MEMBER, query, query->take_over ? CHAT_DONE : CHAT_NAME_TAKEN);
}

static chat_outcome remove_member(chat_sql *sql, const chat_query *query)
{
    chat_outcome outcome = find_room(sql, query);

    return outcome != CHAT_DONE ? outcome : change(sql, SQL_REMOVE_MEMBER, query, CHAT_DONE);
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

static chat_outcome add_chat(chat_sql *sql, const chat_query *query)
{
    sqlite3_stmt *statement = sql->statements[SQL_ADD_CHAT];

    if (!chat_sql_bind(statement, 3, query->text) ||
        step(sql, SQL_ADD_CHAT, query->room, query->username) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return trim(sql, query->room);
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

/* One process has the file: who is in it when it is opened was left over, and nobody later. */
static chat_outcome adopt_members(chat_sql *sql, bool *adopted, sqlite_answer *out)
{
    sqlite3_stmt *statement = sql->statements[SQL_LIST_MEMBERS];

    if (*adopted)
        return CHAT_DONE;
    *adopted = true;
    chat_outcome outcome = collect(statement, SIZE_MAX, out);

    sqlite3_reset(statement);
    return outcome;
}

void sqlite_rooms_ask(chat_sql *sql, bool *adopted, const chat_query *query, sqlite_answer *out)
{
    *out = (sqlite_answer){ 0 };
    switch (query->op) {
    case CHAT_CREATE_ROOM: out->outcome = create_room(sql, query); break;
    case CHAT_ADD_MEMBER: out->outcome = add_member(sql, query); break;
    case CHAT_REMOVE_MEMBER: out->outcome = remove_member(sql, query); break;
    case CHAT_RELEASE_MEMBER:
        out->outcome = change(sql, SQL_REMOVE_MEMBER, query, CHAT_DONE);
        break;
    case CHAT_FREE_MEMBER: break; /* there is one server, which knows */
    case CHAT_ADD_CHAT: out->outcome = add_chat(sql, query); break;
    case CHAT_LIST_CHATS: out->outcome = list_chats(sql, query, out); break;
    case CHAT_ADOPT_MEMBERS: out->outcome = adopt_members(sql, adopted, out); break;
    }
}

void sqlite_answer_free(sqlite_answer *answer)
{
    free(answer->entries);
    free(answer->texts);
    *answer = (sqlite_answer){ 0 };
}
