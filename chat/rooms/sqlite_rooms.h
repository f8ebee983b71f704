/* The tables and statements behind the questions, for the thread of database.c. Blocking. */
#ifndef CHAT_ROOMS_SQLITE_ROOMS_H
#define CHAT_ROOMS_SQLITE_ROOMS_H

#include "chat/rooms/store.h"
#include "chat/store/database.h"

typedef enum sql_statement {
    SQL_HAS_ROOM,
    SQL_ADD_ROOM,
    SQL_ADD_MEMBER,
    SQL_REMOVE_MEMBER,
    SQL_ADD_CHAT,
    SQL_TRIM_CHATS,
    SQL_LIST_CHATS,
    SQL_IS_TAKEN,
    SQL_IS_HELD_ELSEWHERE,
    SQL_HOLD,
    SQL_FREE,
    SQL_RELEASE,
    SQL_FORGET,
    SQL_LIST_LEFT,
    SQL_ADOPT,
    SQL_N_STATEMENTS
} sql_statement;

enum { SQL_ROOMS_VERSION = 1 };
extern const char sqlite_rooms_schema[];
extern const char *const sqlite_rooms_statements[SQL_N_STATEMENTS];

/* An answer that owns its entries: texts stand in one block behind them. */
typedef struct sqlite_answer {
    chat_outcome outcome;
    chat_entry *entries;
    size_t count;
    char *texts;
} sqlite_answer;

/* Answer one question of a server of this process, from 1 on, within a transaction of the caller's. */
void sqlite_rooms_ask(chat_sql *sql, unsigned server, const chat_query *query, sqlite_answer *out);
void sqlite_answer_free(sqlite_answer *answer);

#endif
