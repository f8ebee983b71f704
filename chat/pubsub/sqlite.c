#include "chat/pubsub/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/store/database.h"

/* Presence does not outlive the process: one at a time has the file. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS online (user TEXT, connection TEXT, "
    "PRIMARY KEY (user, connection)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS joined (room TEXT, user TEXT, connection TEXT, "
    "PRIMARY KEY (room, user, connection)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, room TEXT, score REAL, "
    "json TEXT);"
    "CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);"
    "DELETE FROM online; DELETE FROM joined;"
    "DELETE FROM messages WHERE room IN (SELECT room FROM messages GROUP BY room HAVING max(score) "
    "< (strftime('%s', 'now') - 2592000) * 1000.0);";

enum {
    SQL_ONLINE,
    SQL_OFFLINE,
    SQL_IS_JOINED,
    SQL_JOIN,
    SQL_LEAVE,
    SQL_ADD,
    SQL_TRIM,
    SQL_HISTORY,
    SQL_USERS,
    SQL_MEMBERS,
    N_SQL
};

/* ?1 is the room, ?2 the user, ?3 the connection, ?4 the JSON, ?5 a number. */
static const char *const statements[N_SQL] = {
    [SQL_ONLINE] = "INSERT OR IGNORE INTO online VALUES (?2, ?3)",
    [SQL_OFFLINE] = "DELETE FROM online WHERE user = ?2 AND connection = ?3",
    [SQL_IS_JOINED] = "SELECT 1 FROM joined WHERE room = ?1 AND user = ?2",
    [SQL_JOIN] = "INSERT OR IGNORE INTO joined VALUES (?1, ?2, ?3)",
    [SQL_LEAVE] = "DELETE FROM joined WHERE room = ?1 AND user = ?2 AND connection = ?3",
    [SQL_ADD] = "INSERT INTO messages (room, json, score) VALUES (?1, ?4, ?5)",
    [SQL_TRIM] = ("DELETE FROM messages WHERE room = ?1 AND id <= (SELECT id FROM messages "
                  "WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET 1000)"),
    [SQL_HISTORY] = ("SELECT json FROM (SELECT id, json FROM messages WHERE room = ?1 "
                     "ORDER BY id DESC LIMIT 50) ORDER BY id"),
    [SQL_USERS] = "SELECT DISTINCT user FROM online",
    [SQL_MEMBERS] = "SELECT DISTINCT user FROM joined WHERE room = ?1",
};
static_assert(PUBSUB_KEPT == 1000 && PUBSUB_SHOWN == 50 && PUBSUB_LIFE_S == 2592000,
              "as the statements have it");

typedef struct sqlite_home {
    pubsub_store store; /* first */
    chat_desk *desk;
    const pubsub_store_events *events;
    void *data;
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
} sqlite_home;

/* As news it has a room, and what is told there. */
typedef struct home_job {
    chat_work job; /* first */
    pubsub_query query;
    pubsub_answer answer; /* its texts: offsets until it is on the loop again */
    eio_buffer *found;
    size_t *ends; /* of each text in `found` */
    pubsub_answer_cb *callback;
    void *data;
    char texts[];
} home_job;

static eio_slice copy_text(char **at, eio_slice text)
{
    char *copy = *at;

    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    *at += text.len;
    return (eio_slice){ copy, text.len };
}

static home_job *job_new(const pubsub_query *query)
{
    size_t bytes = query->connection.len + query->user.len + query->room.len + query->json.len;
    home_job *job = calloc(1, sizeof(*job) + bytes);

    if (job == NULL)
        return NULL;
    char *at = job->texts;
    job->query = *query;
    job->query.connection = copy_text(&at, query->connection);
    job->query.user = copy_text(&at, query->user);
    job->query.room = copy_text(&at, query->room);
    job->query.json = copy_text(&at, query->json);
    job->job.bytes = bytes;
    return job;
}

/* ---- the thread ---- */

static sqlite3_stmt *prepare(chat_sql *sql, size_t which, const pubsub_query *query)
{
    sqlite3_stmt *statement = sql->statements[which];
    const eio_slice values[] = { query->room, query->user, query->connection, query->json };
    int wanted = sqlite3_bind_parameter_count(statement);

    for (int i = 0; i < 4 && i < wanted; i++)
        if (!chat_sql_bind(statement, i + 1, values[i]))
            return NULL;
    if (wanted >= 5 && sqlite3_bind_double(statement, 5, query->score) != SQLITE_OK)
        return NULL;
    return statement;
}

/* SQLITE_ROW, SQLITE_DONE, or an error. */
static int run(chat_sql *sql, size_t which, const pubsub_query *query)
{
    sqlite3_stmt *statement = prepare(sql, which, query);

    return statement == NULL ? SQLITE_NOMEM : chat_sql_step(statement);
}

static bool keep_text(home_job *job, eio_slice text)
{
    size_t *ends = realloc(job->ends, (job->answer.count + 1) * sizeof(*ends));

    if (ends == NULL)
        return false;
    job->ends = ends;
    if (job->found == NULL)
        job->found = eio_buffer_new(text.len + 256);
    if (job->found == NULL || eio_buffer_append(&job->found, text) != EIO_OK)
        return false;
    ends[job->answer.count++] = eio_buffer_slice(job->found).len;
    return true;
}

static bool collect(chat_sql *sql, size_t which, home_job *job)
{
    sqlite3_stmt *statement = prepare(sql, which, &job->query);
    int rc = SQLITE_NOMEM;

    if (statement == NULL)
        return false;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        if (!keep_text(job, chat_sql_column(statement, 0)))
            break;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE;
}

static bool join(chat_sql *sql, home_job *job)
{
    int there = run(sql, SQL_IS_JOINED, &job->query);

    job->answer.changed = there == SQLITE_DONE;
    return (there == SQLITE_DONE || there == SQLITE_ROW) &&
           run(sql, SQL_JOIN, &job->query) == SQLITE_DONE && collect(sql, SQL_HISTORY, job);
}

static bool leave(chat_sql *sql, home_job *job)
{
    if (run(sql, SQL_LEAVE, &job->query) != SQLITE_DONE)
        return false;
    bool was = sqlite3_changes(sql->database) > 0;
    int there = run(sql, SQL_IS_JOINED, &job->query);
    job->answer.changed = was && there == SQLITE_DONE;
    return there == SQLITE_DONE || there == SQLITE_ROW;
}

static bool work(chat_sql *sql, chat_work *base)
{
    home_job *job = (home_job *)base;

    switch (job->query.op) {
    case PUBSUB_ONLINE: return run(sql, SQL_ONLINE, &job->query) == SQLITE_DONE;
    case PUBSUB_OFFLINE: return run(sql, SQL_OFFLINE, &job->query) == SQLITE_DONE;
    case PUBSUB_JOIN: return join(sql, job);
    case PUBSUB_LEAVE: return leave(sql, job);
    case PUBSUB_MESSAGE:
        return run(sql, SQL_ADD, &job->query) == SQLITE_DONE &&
               run(sql, SQL_TRIM, &job->query) == SQLITE_DONE;
    case PUBSUB_USERS: return collect(sql, SQL_USERS, job);
    case PUBSUB_MEMBERS: return collect(sql, SQL_MEMBERS, job);
    case PUBSUB_TELL:
    case PUBSUB_SINCE: /* nothing is ever missed */
    case PUBSUB_PING:
    case PUBSUB_N_OPS: return true;
    }
    return true;
}

static void undo(chat_work *base)
{
    home_job *job = (home_job *)base;

    job->answer = (pubsub_answer){ .status = EIO_E_UNAVAILABLE };
}

/* What the scripts of redis.c publish. */
static chat_work *tell(const chat_work *base)
{
    const home_job *done = (const home_job *)base;
    const pubsub_op op = done->query.op;
    const bool changes = (op == PUBSUB_JOIN || op == PUBSUB_LEAVE) && done->answer.changed;
    const pubsub_query news = { .op = op, .room = done->query.room, .json = done->query.json };

    if (done->answer.status != EIO_OK || !(changes || op == PUBSUB_MESSAGE || op == PUBSUB_TELL))
        return NULL;
    home_job *job = job_new(&news);
    return job == NULL ? NULL : &job->job;
}

/* ---- the loop ---- */

static void hear(const sqlite_home *home, home_job *news)
{
    if (!home->closing)
        home->events->on_told(news->query.room, news->query.json, home->data);
    free(news);
}

static void answer(chat_work *base, void *data)
{
    home_job *job = (home_job *)base;
    size_t at = 0;

    if (base->is_news) {
        hear(data, job);
        return;
    }
    eio_slice *found = job->answer.count == 0 ? NULL : calloc(job->answer.count, sizeof(*found));
    if (job->answer.count > 0 && found == NULL)
        job->answer = (pubsub_answer){ .status = EIO_E_NOMEM };
    for (size_t i = 0; found != NULL && i < job->answer.count; at = job->ends[i++])
        found[i] = (eio_slice){ eio_buffer_slice(job->found).base + at, job->ends[i] - at };
    job->answer.texts = found;
    job->callback(&job->answer, job->data);
    free(found);
    free(job->ends);
    eio_buffer_unref(job->found);
    free(job);
}

static int ask(pubsub_store *base, const pubsub_query *query, pubsub_answer_cb *callback,
               void *data)
{
    sqlite_home *home = (sqlite_home *)base;
    home_job *job = job_new(query);

    if (job == NULL)
        return EIO_E_NOMEM;
    job->callback = callback;
    job->data = data;
    int rc = chat_desk_add(home->desk, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static bool is_ready(const pubsub_store *base)
{
    return chat_desk_has_room(((const sqlite_home *)base)->desk);
}

static void handle_closed(void *data)
{
    sqlite_home *home = data;
    void (*on_closed)(void *) = home->on_closed;
    void *closed_data = home->closed_data;

    free(home);
    on_closed(closed_data);
}

static void close_home(pubsub_store *base, void (*on_closed)(void *data), void *data)
{
    sqlite_home *home = (sqlite_home *)base;

    home->closing = true;
    home->on_closed = on_closed;
    home->closed_data = data;
    chat_desk_close(home->desk, handle_closed, home);
}

int pubsub_sqlite_database(chat_database **out, const char *file, eio_error *why)
{
    static const chat_database_type type = {
        .what = "messages",
        .version = 1,
        .schema = schema,
        .statements = statements,
        .statement_count = N_SQL,
        .work = work,
        .undo = undo,
        .answer = answer,
        .tell = tell,
    };

    return chat_database_open(out, file, &type, why);
}

int pubsub_sqlite_open(pubsub_store **out, uv_loop_t *loop, chat_database *database,
                       const pubsub_store_events *events, void *data, eio_error *why)
{
    static const pubsub_store_type type = { ask, is_ready, close_home };
    unsigned char bytes[(PUBSUB_SERVER_BYTES - 1) / 2];
    sqlite_home *home = calloc(1, sizeof(*home));

    if (home == NULL || uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL) != 0) {
        free(home);
        return eio_error_set(why, EIO_E_NOMEM, "SQLite: out of memory");
    }
    home->store.type = &type;
    home->events = events;
    home->data = data;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(home->store.server_id + 2 * i, 3, "%02x", bytes[i]);
    int rc = chat_database_seat(&home->desk, database, loop, home, why);
    if (rc != EIO_OK) {
        free(home);
        return rc;
    }
    *out = &home->store;
    return EIO_OK;
}
