/* The tables and statements behind the questions, for the thread of the database. Blocking. */
#ifndef CHAT_DEMO_TABLES_H
#define CHAT_DEMO_TABLES_H

#include "chat/demo/store.h"
#include "chat/store/database.h"

/* For chat_database_type. */
extern const char *const chat_tables_schema;
extern const char *const *const chat_tables_statements;
extern const size_t chat_tables_statement_count;

/* An answer that owns its texts. */
typedef struct chat_rows {
    chat_demo_outcome outcome;
    eio_slice *texts; /* each a copy on the heap */
    size_t count, room;
} chat_rows;

/* Answer a question of one server, by its number, within a transaction of the caller's. `out` is empty before. */
void chat_tables_ask(chat_sql *sql, eio_slice server, chat_demo_verb verb, const eio_slice *texts,
                     size_t count, chat_rows *out);
void chat_rows_fini(chat_rows *rows);

#endif
