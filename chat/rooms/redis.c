#include "chat/rooms/redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/rooms/redis_reply.h"
#include "chat/store/lease.h"
#include "chat/store/process.h"
#include "socketio/redis.h"

/* Every script answers with one of these. */
enum {
    SCRIPT_DONE,
    SCRIPT_ROOM_EXISTS,
    SCRIPT_ROOM_UNKNOWN,
    SCRIPT_NAME_TAKEN,
    SCRIPT_NOT_ALLOWED
};

enum {
    SERVER_ID_BYTES = 8,
    MOST_DEAD = 32, /* servers that are declared dead at a time */
};

/*
 * The scripts look at every key before they write one, so that a key of another type changes nothing. KEYS rooms,
 * members, own held, holders; ARGV room, pair, a flag, own id. The hash of holders says of each pair which server has
 * it: `<id>`, or `free:<id>` when its connection has ended and anybody may take it.
 */
#define HOLDERS                                                                                    \
    "local holder = redis.call('HGET', KEYS[4], ARGV[2]) or ''\n"                                  \
    "local free = holder:sub(1, 5) == 'free:'\n"                                                   \
    "local id = free and holder:sub(6) or holder\n"                                                \
    "local function drop()\n"                                                                      \
    "  if id ~= '' then redis.call('SREM', 'chat:rooms:server:' .. id .. ':held', ARGV[2]) end\n"  \
    "end\n"                                                                                        \
    "local function hold()\n"                                                                      \
    "  drop()\n"                                                                                   \
    "  redis.call('SADD', KEYS[3], ARGV[2])\n"                                                     \
    "  redis.call('SADD', KEYS[2], ARGV[2])\n"                                                     \
    "  redis.call('HSET', KEYS[4], ARGV[2], ARGV[4])\n"                                            \
    "end\n"

static const char *const script_texts[] = {
    /* A member that is there already is a stale one. */
    [CHAT_CREATE_ROOM] =
        HOLDERS "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end\n"
                "redis.call('SISMEMBER', KEYS[2], ARGV[2])\n"
                "redis.call('SADD', KEYS[1], ARGV[1])\n"
                "hold()\n"
                "return 0",
    /* The flag: this server knows that the name may be there already; unless another one has taken it meanwhile. */
    [CHAT_ADD_MEMBER] =
        HOLDERS "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 2 end\n"
                "local there = redis.call('SISMEMBER', KEYS[2], ARGV[2])\n"
                "local own = ARGV[3] == '1' and (id == '' or id == ARGV[4])\n"
                "if there == 1 and not free and not own then return 3 end\n"
                "hold()\n"
                "return 0",
    /* The flag: who asks is in the room, or is the holder. Else no live server may hold it. */
    [CHAT_REMOVE_MEMBER] =
        HOLDERS "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 2 end\n"
                "redis.call('SISMEMBER', KEYS[2], ARGV[2])\n"
                "if ARGV[3] ~= '1' and id ~= '' and not free and id ~= ARGV[4] and\n"
                "  redis.call('EXISTS', 'chat:rooms:server:' .. id) == 1 then return 4 end\n"
                "drop()\n"
                "redis.call('SREM', KEYS[2], ARGV[2])\n"
                "redis.call('SREM', KEYS[3], ARGV[2])\n"
                "redis.call('HDEL', KEYS[4], ARGV[2])\n"
                "return 0",
    /* Only what this process has added: after an answer that never came nobody knows, or others took it meanwhile. */
    [CHAT_RELEASE_MEMBER] = "if redis.call('SREM', KEYS[3], ARGV[2]) == 0 then return 3 end\n"
                            "redis.call('SREM', KEYS[2], ARGV[2])\n"
                            "redis.call('HDEL', KEYS[4], ARGV[2])\n"
                            "return 0",
    [CHAT_FREE_MEMBER] = "if redis.call('SISMEMBER', KEYS[3], ARGV[2]) == 1 then\n"
                         "  redis.call('HSET', KEYS[4], ARGV[2], 'free:' .. ARGV[4])\n"
                         "end\n"
                         "return 0",
    /* KEYS list; ARGV entry, how many are kept */
    [CHAT_ADD_CHAT] = "redis.call('LPUSH', KEYS[1], ARGV[1])\n"
                      "redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)\n"
                      "return 0",
    /* KEYS list; ARGV limit, bytes: newest first, at least one */
    [CHAT_LIST_CHATS] =
        "local out, bytes, at, limit = {}, 0, 0, tonumber(ARGV[1])\n"
        "while at < limit do\n"
        "  local part = redis.call('LRANGE', KEYS[1], at, math.min(at + 49, limit - 1))\n"
        "  if #part == 0 then break end\n"
        "  for _, entry in ipairs(part) do\n"
        "    bytes = bytes + #entry\n"
        "    if bytes > tonumber(ARGV[2]) and #out > 0 then return out end\n"
        "    out[#out + 1] = entry\n"
        "  end\n"
        "  at = at + #part\n"
        "end\n"
        "return out",
    /*
     * KEYS list of servers, holders; ARGV own id, own identity, life of a lease, ids of servers that are known to be
     * dead. What those held, and servers without a lease, becomes ours in one step. First an empty text, if our own
     * lease was gone.
     */
    [CHAT_ADOPT_MEMBERS] =
        "local server, out, dead = 'chat:rooms:server:', {}, {}\n"
        "for i = 4, #ARGV do dead[ARGV[i]] = true end\n"
        "redis.call('SADD', KEYS[1], ARGV[1])\n"
        "if redis.call('EXISTS', server .. ARGV[1]) == 0 then out[1] = '' end\n"
        "redis.call('SET', server .. ARGV[1], ARGV[2], 'PX', ARGV[3])\n"
        "for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do\n"
        "  if dead[id] or redis.call('EXISTS', server .. id) == 0 then\n"
        "    for _, pair in ipairs(redis.call('SMEMBERS', server .. id .. ':held')) do\n"
        "      redis.call('SADD', server .. ARGV[1] .. ':held', pair)\n"
        "      redis.call('HSET', KEYS[2], pair, 'free:' .. ARGV[1])\n"
        "      out[#out + 1] = pair\n"
        "    end\n"
        "    redis.call('DEL', server .. id, server .. id .. ':held')\n"
        "    redis.call('SREM', KEYS[1], id)\n"
        "  end\n"
        "end\n"
        "return out",
};
enum { N_SCRIPTS = sizeof(script_texts) / sizeof(script_texts[0]) };

/*
 * KEYS list of servers; ARGV other profiles. Each id, and the identity in its lease; or the name of a profile that
 * is in the way.
 */
static const char leases_text[] =
    "for _, other in ipairs(ARGV) do\n"
    "  for _, id in ipairs(redis.call('SMEMBERS', 'chat:' .. other .. ':servers')) do\n"
    "    if redis.call('EXISTS', 'chat:' .. other .. ':server:' .. id) == 1 then\n"
    "      return other\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local out = {}\n"
    "for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do\n"
    "  out[#out + 1] = id\n"
    "  out[#out + 1] = redis.call('GET', 'chat:rooms:server:' .. id) or ''\n"
    "end\n"
    "return out";

/* KEYS list of servers, own lease, own held; ARGV own id. Who could not release all stays in the list: another will. */
static const char leave_text[] =
    "redis.call('DEL', KEYS[2])\n"
    "if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[1], ARGV[1]) end\n"
    "return 0";

typedef struct redis_store {
    chat_store store; /* first: chat_store_type's functions are given its address */
    sio_redis *redis;
    sio_redis_script *scripts[N_SCRIPTS];
    char id[2 * SERVER_ID_BYTES + 1];
    char identity[CHAT_PROCESS_BYTES];
    char lease[64]; /* key */
    char held[64];  /* key of the set of what this process holds */
    char life[24];  /* of the lease, milliseconds */
    bool registered;
    chat_redis_options options;
    size_t asked; /* and not answered yet */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
} redis_store;

typedef struct store_question {
    redis_store *store;
    chat_store_op op;
    bool sent; /* the link was up when it was asked */
    chat_store_cb *callback;
    void *data;
} store_question;

/* ---- closing ---- */

static void store_free(redis_store *store)
{
    for (size_t i = 0; i < N_SCRIPTS; i++)
        sio_redis_script_free(store->scripts[i]);
    free(store);
}

static void handle_redis_closed(void *data)
{
    redis_store *store = data;
    void (*on_closed)(void *) = store->on_closed;
    void *closed_data = store->closed_data;

    store_free(store);
    if (on_closed != NULL)
        on_closed(closed_data);
}

static void handle_left(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    redis_store *store = data;

    (void)redis;
    (void)status;
    (void)reply;
    sio_redis_close(store->redis, handle_redis_closed, store);
}

/* Nothing is asked any more: take our name off the list of servers, then close. */
static void leave(redis_store *store)
{
    int rc = sio_redis_command(
        store->redis,
        SIO_REDIS_ARGUMENTS(EIO_STR("EVAL"), eio_slice_of(leave_text), EIO_STR("3"),
                            EIO_STR("chat:rooms:servers"), eio_slice_of(store->lease),
                            eio_slice_of(store->held), eio_slice_of(store->id)),
        handle_left, store);

    if (rc != EIO_OK)
        sio_redis_close(store->redis, handle_redis_closed, store);
}

static void close_store(chat_store *base, void (*on_closed)(void *data), void *data)
{
    redis_store *store = (redis_store *)base;

    store->closing = true;
    store->on_closed = on_closed;
    store->closed_data = data;
    if (store->asked == 0)
        leave(store);
}

/* ---- answers ---- */

static chat_outcome outcome_of(const sio_redis_reply *reply)
{
    if (reply->type != SIO_REDIS_INTEGER)
        return CHAT_UNAVAILABLE;
    switch (reply->integer) {
    case SCRIPT_DONE: return CHAT_DONE;
    case SCRIPT_ROOM_EXISTS: return CHAT_ROOM_EXISTS;
    case SCRIPT_ROOM_UNKNOWN: return CHAT_ROOM_UNKNOWN;
    case SCRIPT_NAME_TAKEN: return CHAT_NAME_TAKEN;
    case SCRIPT_NOT_ALLOWED: return CHAT_NOT_ALLOWED;
    default: return CHAT_UNAVAILABLE;
    }
}

/* A Redis that refuses our scripts is misconfigured or misused: somebody should read of it. */
static void log_error(redis_store *store, const sio_redis_reply *reply)
{
    char line[200];

    (void)snprintf(line, sizeof(line), "Redis refused: %.*s",
                   (int)(reply->text.len < 150 ? reply->text.len : 150), reply->text.base);
    store->options.on_log('w', line, store->options.data);
}

static void handle_answer(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    store_question *question = data;
    redis_store *store = question->store;
    chat_answer answer = { .outcome = CHAT_UNAVAILABLE };
    chat_entry *entries = NULL;

    (void)redis;
    if (status == EIO_E_REPLY)
        log_error(store, reply);
    else if (status == EIO_OK && question->op != CHAT_LIST_CHATS &&
             question->op != CHAT_ADOPT_MEMBERS)
        answer.outcome = outcome_of(reply);
    else if (status == EIO_OK &&
             chat_redis_entries(&entries, &answer.count, reply, question->op) == EIO_OK)
        answer.outcome = CHAT_DONE;
    else if (question->sent && (status == EIO_E_TIMEOUT || status == EIO_E_UNAVAILABLE))
        answer.outcome = CHAT_UNKNOWN;
    answer.lost = answer.outcome == CHAT_DONE && question->op == CHAT_ADOPT_MEMBERS &&
                  reply->count > 0 && reply->items[0].text.len == 0 && store->registered;
    store->registered |= answer.outcome == CHAT_DONE && question->op == CHAT_ADOPT_MEMBERS;
    answer.entries = entries;
    question->callback(&answer, question->data);
    free(entries);
    free(question);
    if (--store->asked == 0 && store->closing)
        leave(store);
}

/* ---- questions ---- */

static int run_list_chats(redis_store *store, const chat_query *query, eio_slice key,
                          store_question *question)
{
    char limit[24], bytes[24];

    (void)snprintf(limit, sizeof(limit), "%zu", query->limit);
    (void)snprintf(bytes, sizeof(bytes), "%d", CHAT_LIST_BYTES);
    return sio_redis_script_run(store->redis, store->scripts[CHAT_LIST_CHATS], 1,
                                SIO_REDIS_ARGUMENTS(key, eio_slice_of(limit), eio_slice_of(bytes)),
                                handle_answer, question);
}

static int run_add_chat(redis_store *store, eio_slice key, eio_slice entry,
                        store_question *question)
{
    char kept[24];

    (void)snprintf(kept, sizeof(kept), "%d", CHAT_KEPT_MESSAGES);
    return sio_redis_script_run(store->redis, store->scripts[CHAT_ADD_CHAT], 1,
                                SIO_REDIS_ARGUMENTS(key, entry, eio_slice_of(kept)), handle_answer,
                                question);
}

static int run_on_members(redis_store *store, const chat_query *query, eio_slice pair,
                          store_question *question)
{
    return sio_redis_script_run(
        store->redis, store->scripts[query->op], 4,
        SIO_REDIS_ARGUMENTS(EIO_STR("rooms"), EIO_STR("members"), eio_slice_of(store->held),
                            EIO_STR("chat:rooms:holders"), query->room, pair,
                            query->take_over ? EIO_STR("1") : EIO_STR("0"),
                            eio_slice_of(store->id)),
        handle_answer, question);
}

/* Key and pair are built in one buffer: `chat::<room>` and `<room>::<user>`, or `<user>::<text>`. */
static int run(redis_store *store, const chat_query *query, store_question *question)
{
    bool on_list = query->op == CHAT_ADD_CHAT || query->op == CHAT_LIST_CHATS;
    const eio_slice parts[] = {
        EIO_STR("chat::"),
        query->room,
        query->op == CHAT_ADD_CHAT ? query->username : query->room,
        EIO_STR("::"),
        query->op == CHAT_ADD_CHAT ? query->text : query->username,
    };
    eio_buffer *texts = eio_buffer_new(64);
    int rc = texts == NULL ? EIO_E_NOMEM : EIO_OK;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == EIO_OK; i++)
        rc = eio_buffer_append(&texts, parts[i]);
    if (rc == EIO_OK) {
        eio_slice all = eio_buffer_slice(texts);
        eio_slice key = { all.base, parts[0].len + parts[1].len };
        eio_slice pair = { all.base + key.len, all.len - key.len };
        if (!on_list)
            rc = run_on_members(store, query, pair, question);
        else if (query->op == CHAT_ADD_CHAT)
            rc = run_add_chat(store, key, pair, question);
        else
            rc = run_list_chats(store, query, key, question);
    }
    eio_buffer_unref(texts);
    return rc;
}

/* Our own arguments, then the ids of those that the leases show to be dead. */
static int run_adopt(redis_store *store, const sio_redis_reply *leases, store_question *question)
{
    eio_slice arguments[5 + MOST_DEAD] = {
        EIO_STR("chat:rooms:servers"), EIO_STR("chat:rooms:holders"), eio_slice_of(store->id),
        eio_slice_of(store->identity), eio_slice_of(store->life),
    };
    size_t count = 5;

    for (size_t i = 0; i + 1 < leases->count && count < 5 + MOST_DEAD; i += 2)
        if (chat_process_is_dead(store->identity, leases->items[i + 1].text))
            arguments[count++] = leases->items[i].text;
    return sio_redis_script_run(store->redis, store->scripts[CHAT_ADOPT_MEMBERS], 2, arguments,
                                count, handle_answer, question);
}

static void refuse(redis_store *store, eio_slice other)
{
    char name[32], why[CHAT_CLASH_BYTES];

    (void)snprintf(name, sizeof(name), "%.*s", (int)other.len, other.base);
    chat_lease_explain(why, name);
    store->options.on_refused(why, store->options.data);
}

static void handle_leases(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    store_question *question = data;

    if (status == EIO_OK && reply->type == SIO_REDIS_STRING)
        refuse(question->store, reply->text);
    int rc = status == EIO_OK ? run_adopt(question->store, reply, question) : status;
    if (rc != EIO_OK)
        handle_answer(redis, rc, rc == EIO_E_REPLY ? reply : NULL, question);
}

static int run_leases(redis_store *store, store_question *question)
{
    const char *rivals[CHAT_MOST_RIVALS];
    eio_slice arguments[4 + CHAT_MOST_RIVALS] = { EIO_STR("EVAL"), eio_slice_of(leases_text),
                                                  EIO_STR("1"), EIO_STR("chat:rooms:servers") };
    size_t count = store->registered ? 0 : chat_lease_rivals(rivals, "rooms");

    for (size_t i = 0; i < count; i++)
        arguments[4 + i] = eio_slice_of(rivals[i]);
    return sio_redis_command(store->redis, arguments, 4 + count, handle_leases, question);
}

static int ask(chat_store *base, const chat_query *query, chat_store_cb *callback, void *data)
{
    redis_store *store = (redis_store *)base;

    if (store->closing)
        return EIO_E_CLOSED;
    store_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return EIO_E_NOMEM;
    *question =
        (store_question){ store, query->op, sio_redis_is_connected(store->redis), callback, data };
    int rc =
        query->op == CHAT_ADOPT_MEMBERS ? run_leases(store, question) : run(store, query, question);
    if (rc != EIO_OK) {
        free(question);
        return rc;
    }
    store->asked++;
    return EIO_OK;
}

static bool is_ready(const chat_store *base)
{
    const redis_store *store = (const redis_store *)base;

    return !store->closing && sio_redis_is_connected(store->redis);
}

/* ---- the handle ---- */

static void handle_connect(sio_redis *redis, void *data)
{
    redis_store *store = data;

    (void)redis;
    store->options.on_connect(store->options.data);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    redis_store *store = data;

    (void)redis;
    store->options.on_log(level, line, store->options.data);
}

/* The id under which this process is known to the other servers. */
static int choose_names(redis_store *store)
{
    unsigned char bytes[SERVER_ID_BYTES];

    int rc = uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL);
    if (rc != 0)
        return EIO_E_RANDOM;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(store->id + 2 * i, 3, "%02x", bytes[i]);
    chat_process_identify(store->identity);
    (void)snprintf(store->lease, sizeof(store->lease), "chat:rooms:server:%s", store->id);
    (void)snprintf(store->held, sizeof(store->held), "chat:rooms:server:%s:held", store->id);
    return EIO_OK;
}

static int prepare(redis_store *store)
{
    int rc = choose_names(store);

    for (size_t i = 0; i < N_SCRIPTS && rc == EIO_OK; i++)
        rc = sio_redis_script_new(&store->scripts[i], eio_slice_of(script_texts[i]));
    return rc;
}

int chat_redis_open(chat_store **out, uv_loop_t *loop, const chat_redis_options *options,
                    eio_error *why)
{
    static const chat_store_type type = { ask, is_ready, close_store };
    sio_redis_options redis_options;
    redis_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    store->store.type = &type;
    store->options = *options;
    (void)snprintf(store->life, sizeof(store->life), "%ld", options->lease_ms);
    sio_redis_options_init(&redis_options);
    redis_options.url = options->url;
    redis_options.tls_ca_file = options->ca_file;
    redis_options.name = "chatd";
    redis_options.on_connect = handle_connect;
    redis_options.on_log = handle_log;
    redis_options.data = store;
    int rc = prepare(store);
    if (rc != EIO_OK)
        eio_error_set(why, rc, "Redis: %s", eio_strerror(rc));
    else
        rc = sio_redis_new(&store->redis, loop, &redis_options, why);
    if (rc != EIO_OK) {
        store_free(store);
        return rc;
    }
    *out = &store->store;
    return EIO_OK;
}
