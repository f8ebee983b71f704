#include "socketio/redis/post.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "socketio/redis/encode.h"
#include "socketio/redis/link.h"

/* A command that Redis has not answered yet. */
typedef struct question {
    STAILQ_ENTRY(question) link;
    sio_subscription *subscription; /* NULL: it was removed meanwhile, or this is a farewell */
    bool is_farewell;
} question;

struct sio_post {
    sio_redis_link *redis_link;
    STAILQ_HEAD(, question) questions; /* in the order of asking */
    const sio_post_handler *handler;
    void *data;
    void (*on_closed)(void *data);
    bool is_closing;
    int port; /* of the node that it is bound to, whose host follows; 0: it may go anywhere */
    char host[];
};

static const char *const commands[SIO_N_SUBSCRIPTION_KINDS][2] = {
    [SIO_SUBSCRIBE] = { "SUBSCRIBE", "UNSUBSCRIBE" },
    [SIO_PSUBSCRIBE] = { "PSUBSCRIBE", "PUNSUBSCRIBE" },
    [SIO_SSUBSCRIBE] = { "SSUBSCRIBE", "SUNSUBSCRIBE" },
};

/* ---- asking ---- */

static void forget_all(sio_post *post)
{
    question *asked;

    while ((asked = STAILQ_FIRST(&post->questions)) != NULL) {
        STAILQ_REMOVE_HEAD(&post->questions, link);
        free(asked);
    }
}

static int write_command(const sio_post *post, const char *command, eio_slice name)
{
    eio_buffer *bytes = NULL;
    const eio_slice arguments[] = { eio_slice_of(command), name };
    int rc = sio_redis_encode(&bytes, arguments, name.base == NULL ? 1 : 2, SIZE_MAX);

    if (rc == EIO_OK)
        rc = sio_redis_link_write(post->redis_link, bytes);
    eio_buffer_unref(bytes);
    return rc;
}

int sio_post_ask(sio_post *post, sio_subscription_kind kind, eio_slice name,
                 sio_subscription *subscription)
{
    bool is_farewell = subscription == NULL;

    if (!sio_redis_link_is_up(post->redis_link))
        return EIO_OK;
    question *asked = calloc(1, sizeof(*asked));
    if (asked == NULL)
        return EIO_E_NOMEM;
    int rc = write_command(post, commands[kind][is_farewell], name);
    if (rc != EIO_OK) {
        free(asked);
        return rc == EIO_E_UNAVAILABLE ? EIO_OK : rc; /* it breaks just now */
    }
    asked->is_farewell = is_farewell;
    asked->subscription = subscription;
    STAILQ_INSERT_TAIL(&post->questions, asked, link);
    return EIO_OK;
}

void sio_post_forget(sio_post *post, const sio_subscription *subscription)
{
    question *asked;

    STAILQ_FOREACH(asked, &post->questions, link) {
        if (asked->subscription == subscription)
            asked->subscription = NULL;
    }
}

/* ---- the link's callbacks ---- */

static void handle_up(sio_redis_link *link, void *data)
{
    sio_post *post = data;

    (void)link;
    post->handler->on_up(post, post->data);
}

static void handle_down(sio_redis_link *link, int status, const char *why, void *data)
{
    sio_post *post = data;

    (void)link, (void)status;
    forget_all(post);
    post->handler->on_down(post, true, why, post->data);
}

static void handle_failure(sio_redis_link *link, void *data)
{
    sio_post *post = data;

    (void)link;
    post->handler->on_down(post, false, "a node cannot be reached", post->data);
}

/* The answer to the oldest question; error: NULL, or what was said. */
static void take_answer(sio_post *post, const sio_redis_reply *error)
{
    question *asked = STAILQ_FIRST(&post->questions);

    if (asked == NULL)
        return;
    sio_subscription *subscription = asked->subscription;
    STAILQ_REMOVE_HEAD(&post->questions, link);
    free(asked);
    if (subscription != NULL)
        post->handler->on_answer(post, subscription, error, post->data);
}

static void take_confirmation(sio_post *post, bool is_farewell, eio_slice channel)
{
    const question *asked = STAILQ_FIRST(&post->questions);

    if (is_farewell && (asked == NULL || !asked->is_farewell))
        post->handler->on_eviction(post, channel, post->data); /* nobody said farewell */
    else
        take_answer(post, NULL);
}

/* `message`, `pmessage`, `smessage`, and the six confirmations; `pong` is for the link alone. */
static void take_push(sio_post *post, const sio_redis_reply *reply)
{
    const sio_redis_reply *items = reply->items;
    const sio_post_handler *handler = post->handler;
    eio_slice kind = items[0].text;

    if (reply->count == 3 && eio_slice_equal(kind, EIO_STR("message")))
        handler->on_message(SIO_SUBSCRIBE, items[1].text, items + 1, post->data);
    else if (reply->count == 4 && eio_slice_equal(kind, EIO_STR("pmessage")))
        handler->on_message(SIO_PSUBSCRIBE, items[1].text, items + 2, post->data);
    else if (reply->count == 3 && eio_slice_equal(kind, EIO_STR("smessage")))
        handler->on_message(SIO_SSUBSCRIBE, items[1].text, items + 1, post->data);
    else if (reply->count == 3 && kind.len >= 9 &&
             memcmp(kind.base + kind.len - 9, "subscribe", 9) == 0)
        take_confirmation(post, kind.len >= 11, items[1].text);
}

static void handle_reply(sio_redis_link *link, const sio_redis_reply *reply, void *data)
{
    sio_post *post = data;

    (void)link;
    if (reply->type == SIO_REDIS_ARRAY && reply->count > 0)
        take_push(post, reply);
    else if (reply->type == SIO_REDIS_ERROR)
        take_answer(post, reply);
    if (!post->is_closing)
        post->handler->on_settled(post, post->data);
}

static void handle_idle(sio_redis_link *link, void *data)
{
    (void)link;
    (void)write_command(data, "PING", (eio_slice){ NULL, 0 });
}

static void handle_log(sio_redis_link *link, char level, const char *line, void *data)
{
    const sio_post *post = data;

    (void)link;
    post->handler->on_log(level, line, post->data);
}

/* ---- life ---- */

int sio_post_new(sio_post **out, uv_loop_t *loop, sio_redis_settings *settings,
                 const sio_redis_place *place, const sio_post_handler *handler, void *data)
{
    static const sio_redis_link_handler link_handler = {
        .on_up = handle_up,
        .on_down = handle_down,
        .on_failure = handle_failure,
        .on_reply = handle_reply,
        .on_idle = handle_idle,
        .on_log = handle_log,
    };
    const char *host = place == NULL ? "" : place->host;
    sio_post *post = calloc(1, sizeof(*post) + strlen(host) + 1);

    if (post == NULL)
        return EIO_E_NOMEM;
    STAILQ_INIT(&post->questions);
    memcpy(post->host, host, strlen(host) + 1);
    post->port = place == NULL ? 0 : place->port;
    post->handler = handler;
    post->data = data;
    int rc = sio_redis_link_new(&post->redis_link, loop, settings, place, &link_handler, post);
    if (rc != EIO_OK) {
        free(post);
        return rc;
    }
    *out = post;
    return EIO_OK;
}

static void handle_closed(void *data)
{
    sio_post *post = data;
    void (*on_closed)(void *) = post->on_closed;
    void *owner = post->data;

    free(post);
    on_closed(owner);
}

void sio_post_close(sio_post *post, void (*on_closed)(void *data))
{
    post->is_closing = true;
    post->on_closed = on_closed;
    forget_all(post);
    sio_redis_link_close(post->redis_link, handle_closed);
}

bool sio_post_is_up(const sio_post *post)
{
    return sio_redis_link_is_up(post->redis_link);
}

bool sio_post_is_settled(const sio_post *post)
{
    return sio_post_is_up(post) && STAILQ_EMPTY(&post->questions);
}

bool sio_post_is_at(const sio_post *post, const sio_redis_place *place)
{
    return post->port == place->port && strcmp(post->host, place->host) == 0;
}
