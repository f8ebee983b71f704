#include "socketio/redis/subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "engineio/net/table.h"
#include "socketio/redis/encode.h"
#include "socketio/redis/link.h"

struct sio_subscription {
    sio_subscriber *subscriber;
    sio_subscription_cb *callback;
    void *data;
    sio_subscription_kind kind;
    bool is_confirmed;
    size_t name_len;
    char name[];
};

/* A command that Redis has not answered yet. */
typedef struct question {
    STAILQ_ENTRY(question) link;
    sio_subscription *subscription; /* NULL: it was removed meanwhile, or this is an UNSUBSCRIBE */
    bool is_farewell;
} question;

struct sio_subscriber {
    sio_redis_link *redis_link; /* NULL once it is closed */
    eio_table by_name[SIO_N_SUBSCRIPTION_KINDS];
    STAILQ_HEAD(, question) questions; /* in the order of asking */
    const sio_subscriber_handler *handler;
    void *data;
    void (*on_closed)(void *data);
    void *closed_data;
    bool has_told_ready;
};

static const char *const commands[SIO_N_SUBSCRIPTION_KINDS][2] = {
    [SIO_SUBSCRIBE] = { "SUBSCRIBE", "UNSUBSCRIBE" },
    [SIO_PSUBSCRIBE] = { "PSUBSCRIBE", "PUNSUBSCRIBE" },
    [SIO_SSUBSCRIBE] = { "SSUBSCRIBE", "SUNSUBSCRIBE" },
};

static eio_slice key_of(const void *item)
{
    const sio_subscription *subscription = item;

    return (eio_slice){ subscription->name, subscription->name_len };
}

/* ---- asking ---- */

static void forget_questions(sio_subscriber *subscriber)
{
    question *asked;

    while ((asked = STAILQ_FIRST(&subscriber->questions)) != NULL) {
        STAILQ_REMOVE_HEAD(&subscriber->questions, link);
        free(asked);
    }
}

static int write_command(sio_subscriber *subscriber, const char *command, eio_slice name)
{
    eio_buffer *bytes = NULL;
    const eio_slice arguments[] = { eio_slice_of(command), name };
    int rc = sio_redis_encode(&bytes, arguments, name.base == NULL ? 1 : 2, SIZE_MAX);

    if (rc == EIO_OK)
        rc = sio_redis_link_write(subscriber->redis_link, bytes);
    eio_buffer_unref(bytes);
    return rc;
}

/* While the link is down nothing is asked: all will be when it is up. */
static int ask(sio_subscriber *subscriber, sio_subscription *subscription, bool is_farewell)
{
    if (!sio_redis_link_is_up(subscriber->redis_link))
        return EIO_OK;
    question *asked = calloc(1, sizeof(*asked));
    if (asked == NULL)
        return EIO_E_NOMEM;
    int rc =
        write_command(subscriber, commands[subscription->kind][is_farewell], key_of(subscription));
    if (rc == EIO_E_UNAVAILABLE)
        rc = EIO_OK; /* it breaks just now */
    else if (rc == EIO_OK) {
        asked->is_farewell = is_farewell;
        asked->subscription = is_farewell ? NULL : subscription;
        STAILQ_INSERT_TAIL(&subscriber->questions, asked, link);
        subscriber->has_told_ready = false;
        return EIO_OK;
    }
    free(asked);
    return rc;
}

static void log_line(sio_subscriber *subscriber, char level, const char *line)
{
    if (subscriber->handler->on_log != NULL)
        subscriber->handler->on_log(subscriber, level, line, subscriber->data);
}

static void ask_for_all(sio_subscriber *subscriber)
{
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++) {
        size_t at = 0;
        sio_subscription *subscription;
        while ((subscription = eio_table_next(&subscriber->by_name[kind], &at)) != NULL) {
            subscription->is_confirmed = false;
            if (ask(subscriber, subscription, false) != EIO_OK)
                log_line(subscriber, 'e', "Redis: out of memory: a channel stays unheard");
        }
    }
}

/* ---- the link's callbacks ---- */

static void tell_if_ready(sio_subscriber *subscriber)
{
    if (subscriber->has_told_ready || !sio_subscriber_is_ready(subscriber))
        return;
    subscriber->has_told_ready = true;
    if (subscriber->handler->on_ready != NULL)
        subscriber->handler->on_ready(subscriber, subscriber->data);
}

static void handle_up(sio_redis_link *link, void *data)
{
    sio_subscriber *subscriber = data;

    (void)link;
    subscriber->has_told_ready = false;
    ask_for_all(subscriber);
    tell_if_ready(subscriber);
}

static void handle_down(sio_redis_link *link, const char *why, void *data)
{
    sio_subscriber *subscriber = data;

    (void)link;
    forget_questions(subscriber);
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++) {
        size_t at = 0;
        sio_subscription *subscription;
        while ((subscription = eio_table_next(&subscriber->by_name[kind], &at)) != NULL)
            subscription->is_confirmed = false;
    }
    if (subscriber->handler->on_down != NULL)
        subscriber->handler->on_down(subscriber, why, subscriber->data);
}

/* ---- what comes in ---- */

static void handle_refusal(sio_subscriber *subscriber, const sio_redis_reply *reply)
{
    question *asked = STAILQ_FIRST(&subscriber->questions);
    char why[200];

    if (asked == NULL)
        return;
    STAILQ_REMOVE_HEAD(&subscriber->questions, link);
    snprintf(why, sizeof(why), "%.*s", (int)(reply->text.len < 180 ? reply->text.len : 180),
             reply->text.base);
    if (asked->subscription != NULL && subscriber->handler->on_refused != NULL)
        subscriber->handler->on_refused(subscriber, key_of(asked->subscription), why,
                                        subscriber->data);
    free(asked);
}

/* A shard channel's slot has moved to another node: ask again, which tells where to. */
static void handle_eviction(sio_subscriber *subscriber, eio_slice channel)
{
    sio_subscription *subscription = eio_table_find(&subscriber->by_name[SIO_SSUBSCRIBE], channel);

    if (subscription == NULL)
        return;
    subscription->is_confirmed = false;
    if (ask(subscriber, subscription, false) != EIO_OK)
        log_line(subscriber, 'e', "Redis: out of memory: a channel stays unheard");
}

static void handle_answer(sio_subscriber *subscriber, bool is_farewell, eio_slice channel)
{
    question *asked = STAILQ_FIRST(&subscriber->questions);

    if (is_farewell && (asked == NULL || !asked->is_farewell)) {
        handle_eviction(subscriber, channel);
        return;
    }
    if (asked == NULL)
        return;
    STAILQ_REMOVE_HEAD(&subscriber->questions, link);
    if (asked->subscription != NULL)
        asked->subscription->is_confirmed = true;
    free(asked);
}

static void deliver(sio_subscriber *subscriber, sio_subscription_kind kind, eio_slice name,
                    const sio_redis_reply *message)
{
    const sio_subscription *subscription = eio_table_find(&subscriber->by_name[kind], name);

    if (subscription != NULL)
        subscription->callback(message[0].text, message[1].text, subscription->data);
}

/* `message`, `pmessage`, `smessage`, and the six confirmations; `pong` is for the link alone. */
static void handle_push(sio_subscriber *subscriber, const sio_redis_reply *reply)
{
    const sio_redis_reply *items = reply->items;
    eio_slice kind = items[0].text;

    if (reply->count == 3 && eio_slice_equal(kind, EIO_STR("message")))
        deliver(subscriber, SIO_SUBSCRIBE, items[1].text, items + 1);
    else if (reply->count == 4 && eio_slice_equal(kind, EIO_STR("pmessage")))
        deliver(subscriber, SIO_PSUBSCRIBE, items[1].text, items + 2);
    else if (reply->count == 3 && eio_slice_equal(kind, EIO_STR("smessage")))
        deliver(subscriber, SIO_SSUBSCRIBE, items[1].text, items + 1);
    else if (reply->count == 3 && kind.len >= 9 &&
             memcmp(kind.base + kind.len - 9, "subscribe", 9) == 0)
        handle_answer(subscriber, kind.len >= 11, items[1].text);
}

static void handle_reply(sio_redis_link *link, const sio_redis_reply *reply, void *data)
{
    sio_subscriber *subscriber = data;

    (void)link;
    if (reply->type == SIO_REDIS_ARRAY && reply->count > 0)
        handle_push(subscriber, reply);
    else if (reply->type == SIO_REDIS_ERROR)
        handle_refusal(subscriber, reply);
    tell_if_ready(subscriber);
}

static void handle_idle(sio_redis_link *link, void *data)
{
    (void)link;
    (void)write_command(data, "PING", (eio_slice){ NULL, 0 });
}

static void handle_log(sio_redis_link *link, char level, const char *line, void *data)
{
    (void)link;
    log_line(data, level, line);
}

/* ---- the handle ---- */

static void subscriber_free(sio_subscriber *subscriber)
{
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++)
        eio_table_fini(&subscriber->by_name[kind]);
    free(subscriber);
}

int sio_subscriber_new(sio_subscriber **out, uv_loop_t *loop, const sio_redis_options *options,
                       const sio_subscriber_handler *handler, void *data, eio_error *why)
{
    static const sio_redis_link_handler link_handler = {
        .on_up = handle_up,
        .on_down = handle_down,
        .on_reply = handle_reply,
        .on_idle = handle_idle,
        .on_log = handle_log,
    };
    sio_subscriber *subscriber = calloc(1, sizeof(*subscriber));

    if (subscriber == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "Redis: out of memory");
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++)
        eio_table_init(&subscriber->by_name[kind], key_of);
    STAILQ_INIT(&subscriber->questions);
    subscriber->handler = handler;
    subscriber->data = data;
    int rc =
        sio_redis_link_new(&subscriber->redis_link, loop, options, &link_handler, subscriber, why);
    if (rc != EIO_OK) {
        subscriber_free(subscriber);
        return rc;
    }
    *out = subscriber;
    return EIO_OK;
}

static void handle_link_closed(void *data)
{
    sio_subscriber *subscriber = data;
    void (*on_closed)(void *) = subscriber->on_closed;
    void *closed_data = subscriber->closed_data;

    subscriber_free(subscriber);
    if (on_closed != NULL)
        on_closed(closed_data);
}

void sio_subscriber_close(sio_subscriber *subscriber, void (*on_closed)(void *data), void *data)
{
    if (subscriber == NULL || subscriber->redis_link == NULL)
        return;
    sio_redis_link *link = subscriber->redis_link;
    subscriber->redis_link = NULL;
    subscriber->on_closed = on_closed;
    subscriber->closed_data = data;
    forget_questions(subscriber);
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++) {
        size_t at = 0;
        sio_subscription *subscription;
        while ((subscription = eio_table_next(&subscriber->by_name[kind], &at)) != NULL)
            free(subscription);
        eio_table_fini(&subscriber->by_name[kind]);
        eio_table_init(&subscriber->by_name[kind], key_of);
    }
    sio_redis_link_close(link, handle_link_closed);
}

int sio_subscriber_add(sio_subscription **out, sio_subscriber *subscriber,
                       sio_subscription_kind kind, eio_slice name, sio_subscription_cb *callback,
                       void *data)
{
    if (eio_table_find(&subscriber->by_name[kind], name) != NULL)
        return EIO_E_EXISTS;
    sio_subscription *subscription = malloc(sizeof(*subscription) + name.len);
    if (subscription == NULL)
        return EIO_E_NOMEM;
    *subscription = (sio_subscription){
        .subscriber = subscriber,
        .callback = callback,
        .data = data,
        .kind = kind,
        .name_len = name.len,
    };
    if (name.len > 0)
        memcpy(subscription->name, name.base, name.len);
    int rc = eio_table_add(&subscriber->by_name[kind], subscription);
    if (rc == EIO_OK) {
        rc = ask(subscriber, subscription, false);
        if (rc != EIO_OK)
            eio_table_remove(&subscriber->by_name[kind], subscription);
    }
    if (rc != EIO_OK) {
        free(subscription);
        return rc;
    }
    *out = subscription;
    return EIO_OK;
}

void sio_subscription_remove(sio_subscription *subscription)
{
    question *asked;

    if (subscription == NULL)
        return;
    sio_subscriber *subscriber = subscription->subscriber;
    eio_table_remove(&subscriber->by_name[subscription->kind], subscription);
    STAILQ_FOREACH(asked, &subscriber->questions, link) {
        if (asked->subscription == subscription)
            asked->subscription = NULL;
    }
    (void)ask(subscriber, subscription, true); /* no memory: what it says goes to nobody */
    free(subscription);
}

bool sio_subscription_is_confirmed(const sio_subscription *subscription)
{
    return subscription->is_confirmed;
}

bool sio_subscriber_is_ready(const sio_subscriber *subscriber)
{
    return subscriber->redis_link != NULL && sio_redis_link_is_up(subscriber->redis_link) &&
           STAILQ_EMPTY(&subscriber->questions);
}
