#include "socketio/redis/subscriber.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "engineio/net/table.h"
#include "socketio/redis/post.h"
#include "socketio/redis/slot.h"

enum { RETRY_MS = 200 };

struct sio_subscription {
    sio_subscriber *subscriber;
    sio_post *post; /* where it is asked for */
    sio_subscription_cb *callback;
    void *data;
    sio_subscription_kind kind;
    bool is_confirmed;
    bool is_stray; /* no node has it: it is asked for anew in a moment */
    size_t name_len;
    char name[];
};

/* A node of a cluster that serves some of the shard channels. */
typedef struct node {
    LIST_ENTRY(node) link;
    sio_post *post;
} node;

struct sio_subscriber {
    uv_loop_t *loop;
    sio_redis_settings *settings;
    sio_post *home; /* NULL once it is closed */
    LIST_HEAD(, node) nodes;
    eio_table by_name[SIO_N_SUBSCRIPTION_KINDS];
    size_t strays;
    uv_timer_t retry;
    const sio_subscriber_handler *handler;
    void *data;
    unsigned open_handles; /* posts and the timer */
    void (*on_closed)(void *data);
    void *closed_data;
    bool has_told_ready;
};

static eio_slice key_of(const void *item)
{
    const sio_subscription *subscription = item;

    return (eio_slice){ subscription->name, subscription->name_len };
}

/* Walk all of all kinds: begin with zeros. NULL after the last. */
typedef struct walk {
    size_t kind, at;
} walk;

static sio_subscription *next_of(const sio_subscriber *subscriber, walk *where)
{
    while (where->kind < SIO_N_SUBSCRIPTION_KINDS) {
        sio_subscription *subscription =
            eio_table_next(&subscriber->by_name[where->kind], &where->at);
        if (subscription != NULL)
            return subscription;
        where->kind++;
        where->at = 0;
    }
    return NULL;
}

static void log_line(sio_subscriber *subscriber, char level, const char *line)
{
    if (subscriber->handler->on_log != NULL && subscriber->home != NULL)
        subscriber->handler->on_log(subscriber, level, line, subscriber->data);
}

/* ---- asking ---- */

/* While the link is down nothing is asked: all will be when it is up. */
static int ask(sio_subscription *subscription)
{
    int rc =
        sio_post_ask(subscription->post, subscription->kind, key_of(subscription), subscription);

    subscription->subscriber->has_told_ready = false;
    return rc;
}

static void ask_or_complain(sio_subscription *subscription)
{
    if (ask(subscription) != EIO_OK)
        log_line(subscription->subscriber, 'e', "Redis: out of memory: a channel stays unheard");
}

static void set_stray(sio_subscription *subscription, bool is_stray)
{
    sio_subscriber *subscriber = subscription->subscriber;

    if (subscription->is_stray != is_stray)
        subscriber->strays += is_stray ? 1 : (size_t)-1;
    subscription->is_stray = is_stray;
}

static void ask_strays(uv_timer_t *timer)
{
    sio_subscriber *subscriber = timer->data;
    walk where = { 0 };
    sio_subscription *subscription;

    while ((subscription = next_of(subscriber, &where)) != NULL) {
        if (!subscription->is_stray)
            continue;
        set_stray(subscription, false);
        ask_or_complain(subscription);
    }
}

/* Nobody serves it just now: home is asked again in a moment. */
static void lose_place(sio_subscription *subscription)
{
    sio_subscriber *subscriber = subscription->subscriber;

    subscription->post = subscriber->home;
    subscription->is_confirmed = false;
    set_stray(subscription, true);
    subscriber->has_told_ready = false;
    if (!uv_is_active((uv_handle_t *)&subscriber->retry))
        uv_timer_start(&subscriber->retry, ask_strays, RETRY_MS, 0);
}

/* ---- nodes ---- */

static const sio_post_handler post_handler;

static void unref_if_closed(void *data)
{
    sio_subscriber *subscriber = data;
    void (*on_closed)(void *) = subscriber->on_closed;
    void *closed_data = subscriber->closed_data;

    if (--subscriber->open_handles > 0)
        return;
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++)
        eio_table_fini(&subscriber->by_name[kind]);
    sio_redis_settings_unref(subscriber->settings);
    free(subscriber);
    if (on_closed != NULL)
        on_closed(closed_data);
}

/* The post of a node, made if need be. NULL: out of memory. */
static sio_post *find_post(sio_subscriber *subscriber, const sio_redis_place *place)
{
    node *one;

    LIST_FOREACH(one, &subscriber->nodes, link) {
        if (sio_post_is_at(one->post, place))
            return one->post;
    }
    one = calloc(1, sizeof(*one));
    if (one == NULL)
        return NULL;
    if (sio_post_new(&one->post, subscriber->loop, subscriber->settings, place, &post_handler,
                     subscriber) != EIO_OK) {
        free(one);
        return NULL;
    }
    subscriber->open_handles++;
    LIST_INSERT_HEAD(&subscriber->nodes, one, link);
    return one->post;
}

static void close_node(node *one)
{
    LIST_REMOVE(one, link);
    sio_post_close(one->post, unref_if_closed);
    free(one);
}

static void close_node_of(const sio_subscriber *subscriber, const sio_post *post)
{
    node *one;

    LIST_FOREACH(one, &subscriber->nodes, link) {
        if (one->post == post) {
            close_node(one);
            return;
        }
    }
}

/* ---- the posts' callbacks ---- */

static void tell_if_ready(sio_subscriber *subscriber)
{
    if (subscriber->has_told_ready || !sio_subscriber_is_ready(subscriber))
        return;
    subscriber->has_told_ready = true;
    if (subscriber->handler->on_ready != NULL)
        subscriber->handler->on_ready(subscriber, subscriber->data);
}

static void handle_up(sio_post *post, void *data)
{
    sio_subscriber *subscriber = data;
    walk where = { 0 };
    sio_subscription *subscription;

    subscriber->has_told_ready = false;
    while ((subscription = next_of(subscriber, &where)) != NULL) {
        if (subscription->post != post || subscription->is_stray)
            continue;
        subscription->is_confirmed = false;
        ask_or_complain(subscription);
    }
    tell_if_ready(subscriber);
}

/* What a node had is looked for anew; home comes back and is asked again itself. */
static void handle_down(sio_post *post, bool was_up, const char *why, void *data)
{
    sio_subscriber *subscriber = data;
    walk where = { 0 };
    sio_subscription *subscription;

    if (post == subscriber->home && !was_up)
        return;
    while ((subscription = next_of(subscriber, &where)) != NULL) {
        if (subscription->post != post)
            continue;
        subscription->is_confirmed = false;
        if (post != subscriber->home)
            lose_place(subscription);
    }
    if (post != subscriber->home)
        close_node_of(subscriber, post);
    if (was_up && subscriber->handler->on_down != NULL)
        subscriber->handler->on_down(subscriber, why, subscriber->data);
}

static void follow(sio_subscription *subscription, const sio_redis_reply *error)
{
    sio_subscriber *subscriber = subscription->subscriber;
    sio_redis_node_place where;
    sio_post *post = NULL;

    if (sio_redis_read_moved(&where, error))
        post = find_post(subscriber, &(sio_redis_place){ where.host, where.port });
    if (post == NULL || post == subscription->post) {
        lose_place(subscription);
        return;
    }
    subscription->post = post;
    ask_or_complain(subscription);
}

static void handle_answer(sio_post *post, sio_subscription *subscription,
                          const sio_redis_reply *error, void *data)
{
    sio_subscriber *subscriber = data;
    char why[200];

    (void)post;
    if (error == NULL) {
        subscription->is_confirmed = true;
        return;
    }
    if (subscriber->settings->url.is_cluster && subscription->kind == SIO_SSUBSCRIBE &&
        sio_redis_is_redirection(error)) {
        follow(subscription, error);
        return;
    }
    (void)snprintf(why, sizeof(why), "%.*s", (int)(error->text.len < 180 ? error->text.len : 180),
                   error->text.base);
    if (subscriber->handler->on_refused != NULL)
        subscriber->handler->on_refused(subscriber, key_of(subscription), why, subscriber->data);
}

/*
 * The slot has moved to another node, and any but this one will say where to: this one may be that one's replica now,
 * which takes who listens, and is not asked how many do.
 */
static void handle_eviction(sio_post *post, eio_slice channel, void *data)
{
    const sio_subscriber *subscriber = data;
    sio_subscription *subscription = eio_table_find(&subscriber->by_name[SIO_SSUBSCRIBE], channel);
    const node *one = LIST_FIRST(&subscriber->nodes);

    if (subscription == NULL || subscription->post != post)
        return;
    subscription->is_confirmed = false;
    subscription->post = subscriber->home;
    if (post == subscriber->home && one != NULL && sio_post_is_up(one->post))
        subscription->post = one->post;
    ask_or_complain(subscription);
}

static void handle_message(sio_subscription_kind kind, eio_slice name,
                           const sio_redis_reply *message, void *data)
{
    const sio_subscriber *subscriber = data;
    const sio_subscription *subscription = eio_table_find(&subscriber->by_name[kind], name);

    if (subscription != NULL)
        subscription->callback(message[0].text, message[1].text, subscription->data);
}

static void handle_settled(sio_post *post, void *data)
{
    (void)post;
    tell_if_ready(data);
}

static void handle_log(char level, const char *line, void *data)
{
    log_line(data, level, line);
}

static const sio_post_handler post_handler = {
    .on_up = handle_up,
    .on_down = handle_down,
    .on_answer = handle_answer,
    .on_eviction = handle_eviction,
    .on_message = handle_message,
    .on_settled = handle_settled,
    .on_log = handle_log,
};

/* ---- the handle ---- */

int sio_subscriber_open(sio_subscriber **out, uv_loop_t *loop, sio_redis_settings *settings,
                        const sio_subscriber_handler *handler, void *data)
{
    sio_subscriber *subscriber = calloc(1, sizeof(*subscriber));

    if (subscriber == NULL)
        return EIO_E_NOMEM;
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++)
        eio_table_init(&subscriber->by_name[kind], key_of);
    LIST_INIT(&subscriber->nodes);
    subscriber->loop = loop;
    subscriber->handler = handler;
    subscriber->data = data;
    int rc = sio_post_new(&subscriber->home, loop, settings, NULL, &post_handler, subscriber);
    if (rc != EIO_OK) {
        free(subscriber);
        return rc;
    }
    subscriber->settings = sio_redis_settings_ref(settings);
    uv_timer_init(loop, &subscriber->retry);
    subscriber->retry.data = subscriber;
    subscriber->open_handles = 2;
    *out = subscriber;
    return EIO_OK;
}

int sio_subscriber_new(sio_subscriber **out, uv_loop_t *loop, const sio_redis_options *options,
                       const sio_subscriber_handler *handler, void *data, eio_error *why)
{
    sio_redis_settings *settings;
    int rc = sio_redis_settings_new(&settings, options, why);

    if (rc != EIO_OK)
        return rc;
    rc = sio_subscriber_open(out, loop, settings, handler, data);
    sio_redis_settings_unref(settings);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "Redis: out of memory");
}

static void handle_timer_closed(uv_handle_t *handle)
{
    unref_if_closed(handle->data);
}

void sio_subscriber_close(sio_subscriber *subscriber, void (*on_closed)(void *data), void *data)
{
    sio_subscription *subscription;
    walk where = { 0 };

    if (subscriber == NULL || subscriber->home == NULL)
        return;
    subscriber->on_closed = on_closed;
    subscriber->closed_data = data;
    while ((subscription = next_of(subscriber, &where)) != NULL)
        free(subscription);
    for (size_t kind = 0; kind < SIO_N_SUBSCRIPTION_KINDS; kind++) {
        eio_table_fini(&subscriber->by_name[kind]);
        eio_table_init(&subscriber->by_name[kind], key_of);
    }
    for (node *one = LIST_FIRST(&subscriber->nodes), *next; one != NULL; one = next) {
        next = LIST_NEXT(one, link);
        close_node(one);
    }
    sio_post_close(subscriber->home, unref_if_closed);
    subscriber->home = NULL;
    uv_close((uv_handle_t *)&subscriber->retry, handle_timer_closed);
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
        .post = subscriber->home,
        .callback = callback,
        .data = data,
        .kind = kind,
        .name_len = name.len,
    };
    if (name.len > 0)
        memcpy(subscription->name, name.base, name.len);
    int rc = eio_table_add(&subscriber->by_name[kind], subscription);
    if (rc == EIO_OK) {
        rc = ask(subscription);
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
    if (subscription == NULL)
        return;
    sio_subscriber *subscriber = subscription->subscriber;
    eio_table_remove(&subscriber->by_name[subscription->kind], subscription);
    sio_post_forget(subscription->post, subscription);
    if (!subscription->is_stray) {
        /* No memory: what it says goes to nobody. */
        (void)sio_post_ask(subscription->post, subscription->kind, key_of(subscription), NULL);
        subscriber->has_told_ready = false;
    }
    set_stray(subscription, false);
    free(subscription);
}

bool sio_subscription_is_confirmed(const sio_subscription *subscription)
{
    return subscription->is_confirmed;
}

bool sio_subscriber_is_ready(const sio_subscriber *subscriber)
{
    const node *one;

    if (subscriber->home == NULL || subscriber->strays > 0 ||
        !sio_post_is_settled(subscriber->home))
        return false;
    LIST_FOREACH(one, &subscriber->nodes, link) {
        if (!sio_post_is_settled(one->post))
            return false;
    }
    return true;
}
