#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat/demo/envelope.h"
#include "chat/demo/scripts.h"
#include "chat/demo/store.h"
#include "chat/log.h"
#include "chat/store/lease.h"
#include "socketio/redis.h"

enum { CHANNEL_BYTES = 400, MOST_TEXTS = 1024 };

typedef struct redis_store {
    chat_demo_store store; /* first: chat_demo_store_type's functions are given its address */
    sio_redis *redis;
    sio_subscriber *subscriber;
    chat_lease *lease;
    sio_redis_script *scripts[CHAT_N_VERBS];
    const char *prefix;
    char messages[CHANNEL_BYTES], own[CHANNEL_BYTES]; /* channels */
    chat_demo_hearer hearer;
    size_t asked; /* and not answered yet */
    bool closing;
    unsigned open; /* links that are being closed */
    void (*on_closed)(void *data);
    void *closed_data;
} redis_store;

typedef struct redis_question {
    redis_store *store;
    chat_demo_cb *callback;
    void *data;
} redis_question;

/* ---- the end: what was asked, the lease, both links ---- */

static void store_free(redis_store *store)
{
    for (size_t i = 0; i < CHAT_N_VERBS; i++)
        sio_redis_script_free(store->scripts[i]);
    free(store);
}

static void handle_link_closed(void *data)
{
    redis_store *store = data;
    void (*on_closed)(void *) = store->on_closed;
    void *closed_data = store->closed_data;

    if (--store->open > 0)
        return;
    store_free(store);
    on_closed(closed_data);
}

static void handle_lease_closed(void *data)
{
    redis_store *store = data;

    store->open = 2;
    sio_subscriber_close(store->subscriber, handle_link_closed, store);
    sio_redis_close(store->redis, handle_link_closed, store);
}

static void close_store(chat_demo_store *base, void (*on_closed)(void *data), void *data)
{
    redis_store *store = (redis_store *)base;

    store->closing = true;
    store->on_closed = on_closed;
    store->closed_data = data;
    if (store->asked == 0)
        chat_lease_close(store->lease, handle_lease_closed, store);
}

/* ---- questions ---- */

/* A list that begins with the outcome; what is no text in there counts as an empty one. */
static void read_reply(chat_demo_answer *out, eio_slice *texts, const sio_redis_reply *reply)
{
    if (reply->type != SIO_REDIS_ARRAY || reply->count == 0 ||
        reply->items[0].type != SIO_REDIS_INTEGER || reply->items[0].integer < 0 ||
        reply->items[0].integer >= CHAT_FAILED)
        return;
    for (size_t i = 1; i < reply->count; i++)
        texts[i - 1] =
            reply->items[i].type == SIO_REDIS_STRING ? reply->items[i].text : (eio_slice){ "", 0 };
    *out =
        (chat_demo_answer){ (chat_demo_outcome)reply->items[0].integer, texts, reply->count - 1 };
}

static void log_refusal(const sio_redis_reply *reply)
{
    char note[CHAT_LOG_VALUE_BYTES];

    chat_log(CHAT_LOG_WARN, "redis", "refused=%s", chat_log_value(note, reply->text));
}

static void handle_reply(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    redis_question *question = data;
    redis_store *store = question->store;
    chat_demo_answer answer = { CHAT_FAILED, NULL, 0 };
    eio_slice *texts = NULL;

    (void)redis;
    if (status == EIO_E_REPLY)
        log_refusal(reply);
    if (status == EIO_OK) {
        texts = calloc(reply->count + 1, sizeof(*texts));
        if (texts != NULL)
            read_reply(&answer, texts, reply);
    }
    question->callback(&answer, question->data);
    free(texts);
    free(question);
    if (--store->asked == 0 && store->closing)
        chat_lease_close(store->lease, handle_lease_closed, store);
}

static int ask(chat_demo_store *base, chat_demo_verb verb, const eio_slice *texts, size_t count,
               chat_demo_cb *callback, void *data)
{
    redis_store *store = (redis_store *)base;
    eio_slice arguments[CHAT_SCRIPT_HEAD + MOST_TEXTS] = {
        eio_slice_of(store->prefix),
        eio_slice_of(chat_lease_id(store->lease)),
        eio_slice_of(chat_lease_held(store->lease)),
        eio_slice_of(store->own),
    };

    if (store->closing)
        return EIO_E_CLOSED;
    if (count > MOST_TEXTS)
        return EIO_E_LIMIT;
    redis_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return EIO_E_NOMEM;
    *question = (redis_question){ store, callback, data };
    if (count > 0)
        memcpy(arguments + CHAT_SCRIPT_HEAD, texts, count * sizeof(*texts));
    int rc = sio_redis_script_run(store->redis, store->scripts[verb], 0, arguments,
                                  CHAT_SCRIPT_HEAD + count, handle_reply, question);
    if (rc != EIO_OK) {
        free(question);
        return rc;
    }
    store->asked++;
    return EIO_OK;
}

static bool is_ready(const chat_demo_store *base)
{
    const redis_store *store = (const redis_store *)base;

    return !store->closing && sio_redis_is_connected(store->redis) &&
           sio_subscriber_is_ready(store->subscriber) && chat_lease_is_held(store->lease);
}

/* ---- what others tell ---- */

static void handle_envelope(eio_slice channel, eio_slice bytes, void *data)
{
    redis_store *store = data;
    chat_envelope envelope;

    (void)channel;
    if (store->closing || !chat_envelope_read(&envelope, bytes) ||
        strcmp(envelope.server, chat_lease_id(store->lease)) == 0)
        return;
    store->hearer.on_envelope(eio_slice_of(envelope.type), envelope.data, store->hearer.data);
}

/* `<server> <sid>` */
static void handle_own(eio_slice channel, eio_slice bytes, void *data)
{
    redis_store *store = data;
    const char *id = chat_lease_id(store->lease);
    size_t len = strlen(id);

    (void)channel;
    if (store->closing || bytes.len <= len + 1 || bytes.base[len] != ' ' ||
        memcmp(bytes.base, id, len) == 0)
        return;
    store->hearer.on_session_end((eio_slice){ bytes.base + len + 1, bytes.len - len - 1 },
                                 store->hearer.data);
}

/* ---- the links ---- */

static void log_link(char level, const char *line)
{
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

static void handle_log(sio_redis *redis, char level, const char *line, void *data)
{
    (void)redis;
    (void)data;
    log_link(level, line);
}

static void handle_subscriber_log(sio_subscriber *subscriber, char level, const char *line,
                                  void *data)
{
    (void)subscriber;
    (void)data;
    log_link(level, line);
}

static void handle_connect(sio_redis *redis, void *data)
{
    redis_store *store = data;

    (void)redis;
    if (store->closing)
        return;
    chat_lease_renew(store->lease);
    store->hearer.on_ready(store->hearer.data);
}

static void handle_adopted(chat_lease *lease, const char *from, const eio_slice *users,
                           size_t count, void *data)
{
    redis_store *store = data;

    (void)lease;
    if (!store->closing)
        store->hearer.on_adopted(from, users, count, store->hearer.data);
}

static void handle_lost(chat_lease *lease, void *data)
{
    redis_store *store = data;

    (void)lease;
    if (!store->closing)
        store->hearer.on_ready(store->hearer.data);
}

static void handle_clash(chat_lease *lease, const char *other, void *data)
{
    redis_store *store = data;
    char why[CHAT_CLASH_BYTES];

    (void)lease;
    chat_lease_explain(why, other);
    store->hearer.on_refused(why, store->hearer.data);
}

/* ---- opening ---- */

/* Pub/sub knows no databases: the channel of our own bears the number of ours. The original's does not. */
static void name_channels(redis_store *store)
{
    const char *address = sio_redis_address(store->redis);
    size_t at = strlen(address);

    while (at > 0 && address[at - 1] >= '0' && address[at - 1] <= '9')
        at--;
    (void)snprintf(store->messages, CHANNEL_BYTES, "%sMESSAGES", store->prefix);
    (void)snprintf(store->own, CHANNEL_BYTES, "%schat:demo:%s:sessions", store->prefix,
                   address + at);
}

static int open_links(redis_store *store, uv_loop_t *loop, const chat_demo_redis_options *options,
                      eio_error *why)
{
    static const sio_subscriber_handler handler = { .on_log = handle_subscriber_log };
    sio_subscription *subscription;
    sio_redis_options link;

    sio_redis_options_init(&link);
    link.url = options->url;
    link.tls_ca_file = options->ca_file;
    link.name = "chatd";
    link.on_connect = handle_connect;
    link.on_log = handle_log;
    link.data = store;
    int rc = sio_redis_new(&store->redis, loop, &link, why);
    if (rc != EIO_OK)
        return rc;
    name_channels(store);
    rc = sio_subscriber_new(&store->subscriber, loop, &link, &handler, store, why);
    if (rc == EIO_OK)
        rc = sio_subscriber_add(&subscription, store->subscriber, SIO_SUBSCRIBE,
                                eio_slice_of(store->messages), handle_envelope, store);
    if (rc == EIO_OK)
        rc = sio_subscriber_add(&subscription, store->subscriber, SIO_SUBSCRIBE,
                                eio_slice_of(store->own), handle_own, store);
    return rc;
}

static int open_lease(redis_store *store, uv_loop_t *loop, const chat_demo_redis_options *options)
{
    const chat_lease_options lease = {
        .profile = "demo",
        .prefix = options->prefix,
        .life_ms = options->lease_ms,
        .on_adopted = handle_adopted,
        .on_lost = handle_lost,
        .on_clash = handle_clash,
        .data = store,
    };

    return chat_lease_new(&store->lease, loop, store->redis, &lease);
}

int chat_demo_redis_open(chat_demo_store **out, uv_loop_t *loop,
                         const chat_demo_redis_options *options, eio_error *why)
{
    static const chat_demo_store_type type = { ask, is_ready, close_store };
    redis_store *store = calloc(1, sizeof(*store));
    int rc = EIO_OK;

    if (store == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    store->store.type = &type;
    store->prefix = options->prefix;
    store->hearer = options->hearer;
    for (size_t i = 0; i < CHAT_N_VERBS && rc == EIO_OK; i++)
        rc = sio_redis_script_new(&store->scripts[i], eio_slice_of(chat_demo_scripts[i]));
    if (rc == EIO_OK)
        rc = open_links(store, loop, options, why);
    if (rc == EIO_OK) {
        rc = open_lease(store, loop, options);
        if (rc != EIO_OK)
            eio_error_set(why, rc, "Redis: %s", eio_strerror(rc));
    }
    *out = &store->store;
    return rc;
}
