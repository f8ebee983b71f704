#include "chat/pubsub/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/log.h"
#include "chat/store/lease.h"
#include "socketio/redis.h"

enum { COMMAND_TIMEOUT_MS = 2000 }; /* who asks /health wants to know by then */

/*
 * Keys and channels are the tutorial's; our own are the connections of a user in a room, and what this server holds:
 * `c<connection>:<user>` that it is online, `j<connection>:<bytes of user>:<user><room>` that it is in a room.
 * KEYS own held; ARGV prefix, connection, user, room, json, a number or our id, held of a dead server.
 */
#define NAMES                                                                                      \
    "local P, conn, user, room, json, extra, dead = unpack(ARGV)\n"                                \
    "local conns, online = P .. 'user:' .. user .. ':connections', P .. 'online_users'\n"          \
    "local members, messages = P .. 'room:' .. room .. ':members', P .. 'room:' .. room .. "       \
    "':messages'\n"                                                                                \
    "local joined = P .. 'chat:pubsub:joined:' .. #room .. ':' .. room .. ':' .. user\n"           \
    "local channel, held = P .. 'chat:room:' .. room, KEYS[1]\n"

/* A dead server that has come back holds it again: then it is off our list, and stays as it is. */
#define UNLESS_BACK(item)                                                                          \
    "local item = " item "\n"                                                                      \
    "if dead ~= '' and redis.call('SISMEMBER', dead, item) == 1 then\n"                            \
    "  redis.call('SREM', held, item)\n"                                                           \
    "  return { 0 }\n"                                                                             \
    "end\n"

#define ONLINE_ITEM "'c' .. conn .. ':' .. user"
#define JOINED_ITEM "'j' .. conn .. ':' .. #user .. ':' .. user .. room"

/* Every key is looked at before one is written, so that a key of another type changes nothing. */
static const char *const texts[PUBSUB_N_OPS] = {
    [PUBSUB_ONLINE] = NAMES "redis.call('HLEN', conns)\n"
                            "redis.call('SADD', online, user)\n"
                            "redis.call('HSET', conns, conn, extra)\n"
                            "redis.call('SADD', held, " ONLINE_ITEM ")\n"
                            "return { 1 }",
    [PUBSUB_OFFLINE] = NAMES UNLESS_BACK(ONLINE_ITEM) "redis.call('SCARD', online)\n"
                                                      "redis.call('HDEL', conns, conn)\n"
                                                      "if redis.call('HLEN', conns) == 0 then\n"
                                                      "  redis.call('SREM', online, user)\n"
                                                      "end\n"
                                                      "redis.call('SREM', held, item)\n"
                                                      "return { 1 }",
    [PUBSUB_JOIN] = NAMES "redis.call('SCARD', members)\n"
                          "local history = redis.call('ZREVRANGE', messages, 0, extra - 1)\n"
                          "local first = redis.call('SCARD', joined) == 0 and 1 or 0\n"
                          "redis.call('SADD', joined, conn)\n"
                          "redis.call('SADD', members, user)\n"
                          "redis.call('SADD', held, " JOINED_ITEM ")\n"
                          "if first == 1 then redis.call('PUBLISH', channel, json) end\n"
                          "return { first, history }",
    [PUBSUB_LEAVE] = NAMES UNLESS_BACK(
        JOINED_ITEM) "redis.call('SCARD', members)\n"
                     "local was = redis.call('SREM', joined, conn)\n"
                     "redis.call('SREM', held, item)\n"
                     "if was == 0 or redis.call('SCARD', joined) > 0 then return { 0 } end\n"
                     "redis.call('SREM', members, user)\n"
                     "redis.call('PUBLISH', channel, json)\n"
                     "return { 1 }",
    [PUBSUB_MESSAGE] = NAMES "redis.call('ZADD', messages, extra, json)\n"
                             "redis.call('ZREMRANGEBYRANK', messages, 0, -1001)\n"
                             "redis.call('EXPIRE', messages, 2592000)\n"
                             "redis.call('PUBLISH', channel, json)\n"
                             "return { 1 }",
    [PUBSUB_TELL] = NAMES "redis.call('PUBLISH', channel, json)\n"
                          "return { 1 }",
    [PUBSUB_USERS] = NAMES "return { 1, redis.call('SMEMBERS', online) }",
    [PUBSUB_MEMBERS] = NAMES "return { 1, redis.call('SMEMBERS', members) }",
    [PUBSUB_SINCE] =
        NAMES "return { 1, redis.call('ZREVRANGEBYSCORE', messages, '+inf', '(' .. extra, "
              "'LIMIT', 0, 1000) }",
    [PUBSUB_PING] = "return { 1 }",
};
static_assert(PUBSUB_KEPT == 1000 && PUBSUB_LIFE_S == 2592000, "as the scripts have it");

typedef struct redis_home {
    pubsub_store store; /* first */
    sio_redis *redis;
    sio_subscriber *subscriber;
    sio_subscription *subscription;
    chat_lease *lease;
    sio_redis_script *scripts[PUBSUB_N_OPS];
    eio_slice prefix;
    char pattern[400]; /* prefix, `chat:room:*` */
    const pubsub_store_events *events;
    void *data;
    bool was_ready; /* of the subscriber: it missed something when it is ready again */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
} redis_home;

typedef struct home_question {
    redis_home *home;
    pubsub_op op;
    pubsub_answer_cb *callback;
    void *data;
} home_question;

/* ---- answers ---- */

/* `texts` of an array, from the end for what Redis gives newest first. */
static eio_slice *texts_of(const sio_redis_reply *list, bool reversed)
{
    eio_slice *out = calloc(list->count + 1, sizeof(*out));

    for (size_t i = 0; out != NULL && i < list->count; i++)
        out[i] = list->items[reversed ? list->count - 1 - i : i].text;
    return out;
}

static int read_reply(pubsub_answer *answer, eio_slice **texts_out, pubsub_op op,
                      const sio_redis_reply *reply)
{
    if (reply->type != SIO_REDIS_ARRAY || reply->count == 0)
        return EIO_E_PROTOCOL;
    answer->changed = reply->items[0].integer == 1;
    if (reply->count < 2 || reply->items[1].type != SIO_REDIS_ARRAY)
        return EIO_OK;
    *texts_out = texts_of(&reply->items[1], op == PUBSUB_JOIN || op == PUBSUB_SINCE);
    if (*texts_out == NULL)
        return EIO_E_NOMEM;
    answer->texts = *texts_out;
    answer->count = reply->items[1].count;
    return EIO_OK;
}

static void handle_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    home_question *question = data;
    pubsub_answer answer = { .status = status };
    eio_slice *found = NULL;

    (void)redis;
    if (status == EIO_E_REPLY)
        chat_log(CHAT_LOG_WARN, "redis", "note=\"Redis refused: %.*s\"",
                 (int)(reply->text.len < 150 ? reply->text.len : 150), reply->text.base);
    else if (status == EIO_OK)
        answer.status = read_reply(&answer, &found, question->op, reply);
    question->callback(&answer, question->data);
    free(found);
    free(question);
}

/* ---- questions ---- */

static eio_slice extra_of(char out[40], const redis_home *home, const pubsub_query *query)
{
    if (query->op == PUBSUB_ONLINE)
        return eio_slice_of(home->store.server_id);
    if (query->op == PUBSUB_JOIN)
        (void)snprintf(out, 40, "%d", PUBSUB_SHOWN);
    else
        (void)snprintf(out, 40, "%.6f", query->score);
    return eio_slice_of(out);
}

static int ask(pubsub_store *base, const pubsub_query *query, pubsub_answer_cb *callback,
               void *data)
{
    redis_home *home = (redis_home *)base;
    char number[40];
    home_question *question = calloc(1, sizeof(*question));

    if (question == NULL)
        return EIO_E_NOMEM;
    *question = (home_question){ home, query->op, callback, data };
    int rc = sio_redis_script_run(
        home->redis, home->scripts[query->op], 1,
        SIO_REDIS_ARGUMENTS(eio_slice_of(chat_lease_held(home->lease)), home->prefix,
                            query->connection, query->user, query->room, query->json,
                            extra_of(number, home, query), query->from_held),
        handle_answer, question);
    if (rc != EIO_OK)
        free(question);
    return rc;
}

static bool is_ready(const pubsub_store *base)
{
    const redis_home *home = (const redis_home *)base;

    return sio_redis_is_connected(home->redis) && sio_subscriber_is_ready(home->subscriber) &&
           chat_lease_is_held(home->lease);
}

/* ---- what comes by itself ---- */

static void handle_connect(sio_redis *redis, void *data)
{
    redis_home *home = data;

    (void)redis;
    if (home->closing)
        return;
    chat_lease_renew(home->lease);
    home->events->on_connect(home->data);
}

static void log_line(char level, const char *line)
{
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    (void)redis;
    (void)data;
    log_line(level, line);
}

static void handle_subscriber_log(sio_subscriber *subscriber, char level, const char *line,
                                  void *data)
{
    (void)subscriber;
    (void)data;
    log_line(level, line);
}

static void handle_ready(sio_subscriber *subscriber, void *data)
{
    redis_home *home = data;

    (void)subscriber;
    if (home->was_ready)
        home->events->on_missed(home->data);
    home->was_ready = true;
}

/* The room's name is all that follows the prefix of the channel, whatever it is. */
static void handle_message(eio_slice channel, eio_slice bytes, void *data)
{
    redis_home *home = data;
    size_t prefix = strlen(home->pattern) - 1;

    if (channel.len < prefix)
        return;
    home->events->on_told((eio_slice){ channel.base + prefix, channel.len - prefix }, bytes,
                          home->data);
}

/* `c<connection>:<user>`, `j<connection>:<bytes of user>:<user><room>` */
static void adopt_item(redis_home *home, const char *from_held, eio_slice item)
{
    const size_t head = 1 + PUBSUB_ID_BYTES - 1 + 1;
    eio_slice connection, rest;
    size_t bytes = 0;

    if (item.len < head || item.base[head - 1] != ':')
        return;
    connection = (eio_slice){ item.base + 1, PUBSUB_ID_BYTES - 1 };
    rest = (eio_slice){ item.base + head, item.len - head };
    if (item.base[0] == 'c') {
        home->events->on_adopted(connection, rest, (eio_slice){ 0 }, eio_slice_of(from_held),
                                 home->data);
        return;
    }
    while (rest.len > 0 && *rest.base >= '0' && *rest.base <= '9' && bytes < item.len) {
        bytes = bytes * 10 + (size_t)(*rest.base - '0');
        rest = (eio_slice){ rest.base + 1, rest.len - 1 };
    }
    if (rest.len <= bytes || *rest.base != ':')
        return;
    home->events->on_adopted(connection, (eio_slice){ rest.base + 1, bytes },
                             (eio_slice){ rest.base + 1 + bytes, rest.len - 1 - bytes },
                             eio_slice_of(from_held), home->data);
}

static void handle_adopted(chat_lease *lease, const char *from_held, const eio_slice *items,
                           size_t count, void *data)
{
    (void)lease;
    chat_log(CHAT_LOG_INFO, "adopted", "items=%zu", count);
    for (size_t i = 0; i < count; i++)
        adopt_item(data, from_held, items[i]);
}

static void handle_lost(chat_lease *lease, void *data)
{
    redis_home *home = data;

    (void)lease;
    home->events->on_lost(home->data);
}

static void handle_clash(chat_lease *lease, const char *other, void *data)
{
    redis_home *home = data;
    char why[CHAT_CLASH_BYTES];

    (void)lease;
    chat_lease_explain(why, other);
    home->events->on_refused(why, home->data);
}

/* ---- the handle ---- */

static void home_free(redis_home *home)
{
    for (size_t i = 0; i < PUBSUB_N_OPS; i++)
        sio_redis_script_free(home->scripts[i]);
    free(home);
}

static void handle_redis_closed(void *data)
{
    redis_home *home = data;
    void (*on_closed)(void *) = home->on_closed;
    void *closed_data = home->closed_data;

    home_free(home);
    on_closed(closed_data);
}

static void handle_subscriber_closed(void *data)
{
    redis_home *home = data;

    sio_redis_close(home->redis, handle_redis_closed, home);
}

static void handle_lease_closed(void *data)
{
    redis_home *home = data;

    sio_subscriber_close(home->subscriber, handle_subscriber_closed, home);
}

static void close_home(pubsub_store *base, void (*on_closed)(void *data), void *data)
{
    redis_home *home = (redis_home *)base;

    home->closing = true;
    home->on_closed = on_closed;
    home->closed_data = data;
    chat_lease_close(home->lease, handle_lease_closed, home);
}

static int open_links(redis_home *home, uv_loop_t *loop, const chat_options *options,
                      eio_error *why)
{
    static const sio_subscriber_handler handler = { .on_ready = handle_ready,
                                                    .on_log = handle_subscriber_log };
    sio_redis_options redis_options;

    sio_redis_options_init(&redis_options);
    redis_options.url = options->redis_url;
    redis_options.tls_ca_file = options->redis_ca;
    redis_options.name = "chatd";
    redis_options.command_timeout_ms = COMMAND_TIMEOUT_MS;
    redis_options.on_connect = handle_connect;
    redis_options.on_log = handle_log;
    redis_options.data = home;
    int rc = sio_redis_new(&home->redis, loop, &redis_options, why);
    if (rc == EIO_OK)
        rc = sio_subscriber_new(&home->subscriber, loop, &redis_options, &handler, home, why);
    return rc;
}

static int open_rest(redis_home *home, uv_loop_t *loop, const chat_options *options)
{
    const chat_lease_options lease_options = {
        .profile = "pubsub",
        .prefix = options->key_prefix,
        .life_ms = (uint64_t)options->lease_ms,
        .on_adopted = handle_adopted,
        .on_lost = handle_lost,
        .on_clash = handle_clash,
        .data = home,
    };
    int rc = EIO_OK;

    for (size_t i = 0; i < PUBSUB_N_OPS && rc == EIO_OK; i++)
        rc = sio_redis_script_new(&home->scripts[i], eio_slice_of(texts[i]));
    if (rc == EIO_OK)
        rc = chat_lease_new(&home->lease, loop, home->redis, &lease_options);
    if (rc == EIO_OK)
        rc = sio_subscriber_add(&home->subscription, home->subscriber, SIO_PSUBSCRIBE,
                                eio_slice_of(home->pattern), handle_message, home);
    return rc;
}

int pubsub_redis_open(pubsub_store **out, uv_loop_t *loop, const chat_options *options,
                      const pubsub_store_events *events, void *data, eio_error *why)
{
    static const pubsub_store_type type = { ask, is_ready, close_home };
    redis_home *home = calloc(1, sizeof(*home));

    if (home == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    home->store.type = &type;
    home->events = events;
    home->data = data;
    home->prefix = eio_slice_of(options->key_prefix);
    if (home->prefix.len > 256 || strpbrk(options->key_prefix, "*?[]\\") != NULL) {
        free(home);
        return eio_error_set(why, EIO_E_INVALID,
                             "--key-prefix: at most 256 bytes, without * ? [ ] \\");
    }
    (void)snprintf(home->pattern, sizeof(home->pattern), "%schat:room:*", options->key_prefix);
    *out = &home->store; /* also if it fails from here on: it ends with the process */
    int rc = open_links(home, loop, options, why);
    if (rc != EIO_OK)
        return rc;
    rc = open_rest(home, loop, options);
    if (rc != EIO_OK)
        return eio_error_set(why, rc, "Redis: %s", eio_strerror(rc));
    (void)snprintf(home->store.server_id, sizeof(home->store.server_id), "%.8s",
                   chat_lease_id(home->lease));
    return EIO_OK;
}
