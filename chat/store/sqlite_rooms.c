#include "chat/store/sqlite_rooms.h"

#include <stdlib.h>

enum { SCHEMA_VERSION = 1 };

static const char schema[] = "CREATE TABLE IF NOT EXISTS rooms (id TEXT PRIMARY KEY) WITHOUT ROWID;"
                             "CREATE TABLE IF NOT EXISTS members (room TEXT, username TEXT, "
                             "PRIMARY KEY (room, username)) WITHOUT ROWID;"
                             /* seq counts within its room: what is too old is a range */
                             "CREATE TABLE IF NOT EXISTS chats (id INTEGER PRIMARY KEY, room TEXT, "
                             "seq INTEGER, username TEXT, text TEXT);"
                             "CREATE UNIQUE INDEX IF NOT EXISTS chats_of_room ON chats (room, seq);"
                             "PRAGMA user_version = 1;";

/* ?1 is the room, ?2 the user name or a limit, ?3 the text. */
static const char *const texts[SQL_N_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
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

/* ---- opening ---- */

static int explain(const sqlite_rooms *rooms, const char *file, eio_error *why)
{
    int code = sqlite3_errcode(rooms->database);
    const char *name = file == NULL ? "memory" : file;

    if (code == SQLITE_NOMEM)
        return eio_error_set(why, EIO_E_NOMEM, "%s: out of memory", name);
    return eio_error_set(why, code == SQLITE_NOTADB ? (int)EIO_E_INVALID : (int)UV_EIO,
                         "cannot keep rooms in %s: %s", name, sqlite3_errmsg(rooms->database));
}

static int version_of(sqlite_rooms *rooms, int *out)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(rooms->database, "PRAGMA user_version", -1, &statement, NULL) !=
        SQLITE_OK)
        return UV_EIO;
    int rc = sqlite3_step(statement);
    *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? (int)EIO_OK : (int)UV_EIO;
}

static bool prepare_all(sqlite_rooms *rooms)
{
    for (size_t i = 0; i < SQL_N_STATEMENTS; i++)
        if (sqlite3_prepare_v3(rooms->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &rooms->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

int sqlite_rooms_open(sqlite_rooms *rooms, const char *file, eio_error *why)
{
    int version;

    *rooms = (sqlite_rooms){ 0 };
    /* One thread at a time uses it: no mutex of SQLite's own. */
    if (sqlite3_open_v2(file == NULL ? ":memory:" : file, &rooms->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return explain(rooms, file, why);
    sqlite3_busy_timeout(rooms->database,
                         2000); /* somebody may look into the file with another program */
    /* WAL with synchronous=NORMAL: a crash of the machine may lose the last moment, never the file. */
    if (sqlite3_exec(rooms->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
                     NULL, NULL, NULL) != SQLITE_OK ||
        version_of(rooms, &version) != EIO_OK)
        return explain(rooms, file, why);
    if (version > SCHEMA_VERSION)
        return eio_error_set(why, EIO_E_INVALID, "%s was made by a newer chatd", file);
    if (sqlite3_exec(rooms->database, schema, NULL, NULL, NULL) != SQLITE_OK || !prepare_all(rooms))
        return explain(rooms, file, why);
    return EIO_OK;
}

void sqlite_rooms_close(sqlite_rooms *rooms)
{
    for (size_t i = 0; i < SQL_N_STATEMENTS; i++)
        sqlite3_finalize(rooms->statements[i]);
    sqlite3_close(rooms->database);
    *rooms = (sqlite_rooms){ 0 };
}

/* ---- statements ---- */

static bool bind_text(sqlite3_stmt *statement, int index, eio_slice text)
{
    /* The text outlives the step; an empty one must not become NULL. */
    return sqlite3_bind_text64(statement, index, text.len == 0 ? "" : text.base, text.len,
                               SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

/* Run a statement with room and user name to its first row or its end. SQLITE_ROW, SQLITE_DONE, or an error. */
static int step(sqlite_rooms *rooms, sql_statement which, eio_slice room, eio_slice username)
{
    sqlite3_stmt *statement = rooms->statements[which];
    int wanted = sqlite3_bind_parameter_count(statement);

    if ((wanted >= 1 && !bind_text(statement, 1, room)) ||
        (wanted >= 2 && !bind_text(statement, 2, username)))
        return SQLITE_NOMEM;
    int rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

bool sqlite_rooms_run(sqlite_rooms *rooms, sql_statement statement)
{
    return step(rooms, statement, (eio_slice){ 0 }, (eio_slice){ 0 }) == SQLITE_DONE;
}

/* An INSERT OR IGNORE or a DELETE: CHAT_DONE if it changed a row, else `unchanged`. */
static chat_outcome change(sqlite_rooms *rooms, sql_statement which, const chat_query *query,
                           chat_outcome unchanged)
{
    if (step(rooms, which, query->room, query->username) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return sqlite3_changes(rooms->database) > 0 ? CHAT_DONE : unchanged;
}

static chat_outcome find_room(sqlite_rooms *rooms, const chat_query *query)
{
    switch (step(rooms, SQL_HAS_ROOM, query->room, query->username)) {
    case SQLITE_ROW: return CHAT_DONE;
    case SQLITE_DONE: return CHAT_ROOM_UNKNOWN;
    default: return CHAT_UNAVAILABLE;
    }
}

/* ---- the questions ---- */

static chat_outcome create_room(sqlite_rooms *rooms, const chat_query *query)
{
    chat_outcome outcome = change(rooms, SQL_ADD_ROOM, query, CHAT_ROOM_EXISTS);

    if (outcome != CHAT_DONE)
        return outcome;
    return change(rooms, SQL_ADD_MEMBER, query, CHAT_DONE); /* a stale member does not matter */
}

static chat_outcome add_member(sqlite_rooms *rooms, const chat_query *query)
{
    chat_outcome outcome = find_room(rooms, query);

    if (outcome != CHAT_DONE)
        return outcome;
    return change(rooms, SQL_ADD_MEMBER, query, query->take_over ? CHAT_DONE : CHAT_NAME_TAKEN);
}

static chat_outcome remove_member(sqlite_rooms *rooms, const chat_query *query)
{
    chat_outcome outcome = find_room(rooms, query);

    return outcome != CHAT_DONE ? outcome : change(rooms, SQL_REMOVE_MEMBER, query, CHAT_DONE);
}

/* A statement whose second parameter is a number, and that has no rows. */
static chat_outcome trim(sqlite_rooms *rooms, eio_slice room)
{
    sqlite3_stmt *statement = rooms->statements[SQL_TRIM_CHATS];
    int rc = SQLITE_NOMEM;

    if (bind_text(statement, 1, room) &&
        sqlite3_bind_int(statement, 2, CHAT_KEPT_MESSAGES) == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? CHAT_DONE : CHAT_UNAVAILABLE;
}

static chat_outcome add_chat(sqlite_rooms *rooms, const chat_query *query)
{
    sqlite3_stmt *statement = rooms->statements[SQL_ADD_CHAT];

    if (!bind_text(statement, 3, query->text) ||
        step(rooms, SQL_ADD_CHAT, query->room, query->username) != SQLITE_DONE)
        return CHAT_UNAVAILABLE;
    return trim(rooms, query->room);
}

static eio_slice column(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    return (eio_slice){ text, text == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, index) };
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
        bytes += column(statement, i).len;
    if (!reserve(rows, bytes))
        return false;
    chat_entry *entry = &rows->answer->entries[rows->answer->count++];
    parts[0] = &entry->room;
    parts[1] = &entry->username;
    parts[2] = &entry->text;
    for (int i = 0; i < 3; i++) {
        eio_slice text = column(statement, i);
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
        size_t bytes = column(statement, 1).len + column(statement, 2).len;
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

static chat_outcome list_chats(sqlite_rooms *rooms, const chat_query *query, sqlite_answer *out)
{
    sqlite3_stmt *statement = rooms->statements[SQL_LIST_CHATS];
    chat_outcome outcome = CHAT_UNAVAILABLE;

    if (bind_text(statement, 1, query->room) &&
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->limit) == SQLITE_OK)
        outcome = collect(statement, CHAT_LIST_BYTES, out);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    reverse(out);
    return outcome;
}

/* One process has the file: who is in it when it is opened was left over, and nobody later. */
static chat_outcome adopt_members(sqlite_rooms *rooms, sqlite_answer *out)
{
    sqlite3_stmt *statement = rooms->statements[SQL_LIST_MEMBERS];

    if (rooms->adopted)
        return CHAT_DONE;
    rooms->adopted = true;
    chat_outcome outcome = collect(statement, SIZE_MAX, out);

    sqlite3_reset(statement);
    return outcome;
}

void sqlite_rooms_ask(sqlite_rooms *rooms, const chat_query *query, sqlite_answer *out)
{
    *out = (sqlite_answer){ 0 };
    switch (query->op) {
    case CHAT_CREATE_ROOM: out->outcome = create_room(rooms, query); break;
    case CHAT_ADD_MEMBER: out->outcome = add_member(rooms, query); break;
    case CHAT_REMOVE_MEMBER: out->outcome = remove_member(rooms, query); break;
    case CHAT_RELEASE_MEMBER:
        out->outcome = change(rooms, SQL_REMOVE_MEMBER, query, CHAT_DONE);
        break;
    case CHAT_ADD_CHAT: out->outcome = add_chat(rooms, query); break;
    case CHAT_LIST_CHATS: out->outcome = list_chats(rooms, query, out); break;
    case CHAT_ADOPT_MEMBERS: out->outcome = adopt_members(rooms, out); break;
    }
}

void sqlite_answer_free(sqlite_answer *answer)
{
    free(answer->entries);
    free(answer->texts);
    *answer = (sqlite_answer){ 0 };
}
