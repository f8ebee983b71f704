/* The tables and statements behind the questions, for the thread of sqlite.c. Blocking. */
#ifndef CHAT_STORE_SQLITE_ROOMS_H
#define CHAT_STORE_SQLITE_ROOMS_H

#include <sqlite3.h>

#include "chat/store/store.h"

typedef enum sql_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_HAS_ROOM,
    SQL_ADD_ROOM,
    SQL_ADD_MEMBER,
    SQL_REMOVE_MEMBER,
    SQL_ADD_CHAT,
    SQL_TRIM_CHATS,
    SQL_LIST_CHATS,
    SQL_LIST_MEMBERS,
    SQL_N_STATEMENTS
} sql_statement;

typedef struct sqlite_rooms {
    sqlite3 *database;
    sqlite3_stmt *statements[SQL_N_STATEMENTS];
    bool adopted; /* the members that were there at the start were handed out */
} sqlite_rooms;

/* An answer that owns its entries: texts stand in one block behind them. */
typedef struct sqlite_answer {
    chat_outcome outcome;
    chat_entry *entries;
    size_t count;
    char *texts;
} sqlite_answer;

/* EIO_OK, EIO_E_INVALID (not ours), EIO_E_NOMEM, UV_EIO. On failure too: sqlite_rooms_close. */
int sqlite_rooms_open(sqlite_rooms *rooms, const char *file, eio_error *why);
void sqlite_rooms_close(sqlite_rooms *rooms);

/* Answer one question, within a transaction of the caller's. */
void sqlite_rooms_ask(sqlite_rooms *rooms, const chat_query *query, sqlite_answer *out);
void sqlite_answer_free(sqlite_answer *answer);

/* Run BEGIN, COMMIT or ROLLBACK. */
bool sqlite_rooms_run(sqlite_rooms *rooms, sql_statement statement);

#endif
