#include "socketio/redis/client.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "socketio/redis/encode.h"
#include "socketio/redis/link.h"

/* One command that waits: for its reply, in the order of sending, or to be told that it failed. */
typedef struct redis_command {
    STAILQ_ENTRY(redis_command) link;
    sio_redis_callback *callback; /* NULL: nobody wants to know */
    void *data;
    uint64_t due_ms;
    size_t bytes;
    int status; /* of a failed one */
} redis_command;

STAILQ_HEAD(command_list, redis_command);

struct sio_redis {
    sio_redis_link *redis_link; /* NULL once it is closed */
    uv_loop_t *loop;
    struct command_list
        sent; /* in the order of sending; each waits command_timeout_ms, so the head is due first */
    struct command_list failed; /* to be told from the loop */
    size_t
        unanswered; /* commands that timed out: so many replies are to be passed over, before those of `sent` */
    size_t sent_bytes;
    size_t max_queued_bytes;
    uint64_t command_timeout_ms;
    uv_timer_t timer; /* time-outs and failures */
    uint64_t timer_due;
    bool closing;
    unsigned open_handles; /* link and timer */
    void (*on_connect)(sio_redis *redis, void *data);
    void (*on_disconnect)(sio_redis *redis, const char *why, void *data);
    void (*on_log)(sio_redis *redis, char level, const char *line, void *data);
    void *data;
    void (*on_closed)(void *data);
    void *closed_data;
};

void sio_redis_options_init(sio_redis_options *options)
{
    *options = (sio_redis_options){
        .size = sizeof(*options),
        .connect_timeout_ms = 5000,
        .command_timeout_ms = 5000,
        .ping_interval_ms = 3000,
        .max_queued_bytes = (size_t)8 * 1024 * 1024,
        .max_reply_bytes = (size_t)64 * 1024 * 1024,
    };
}

int sio_redis_check_url(const char *url, eio_error *why)
{
    sio_redis_url parsed;

    int rc = sio_redis_url_parse(&parsed, eio_slice_of(url), why);
    if (rc == EIO_OK)
        sio_redis_url_fini(&parsed);
    return rc;
}

/* ---- failures and time-outs: one timer ---- */

static void handle_timer(uv_timer_t *timer);

static void wake_at(sio_redis *redis, uint64_t due_ms)
{
    uint64_t now = uv_now(redis->loop);

    if (redis->timer_due <= due_ms)
        return;
    redis->timer_due = due_ms;
    /* At least 1 ms, so that commands sent from callbacks to a link that is down cannot keep the loop in its timers. */
    uv_timer_start(&redis->timer, handle_timer, due_ms > now ? due_ms - now : 1, 0);
}

static void fail_later(sio_redis *redis, redis_command *command, int status)
{
    command->status = status;
    STAILQ_INSERT_TAIL(&redis->failed, command, link);
    wake_at(redis, uv_now(redis->loop));
}

static void fail_sent(sio_redis *redis, int status)
{
    redis_command *command;

    while ((command = STAILQ_FIRST(&redis->sent)) != NULL) {
        STAILQ_REMOVE_HEAD(&redis->sent, link);
        fail_later(redis, command, status);
    }
    redis->sent_bytes = 0;
    redis->unanswered = 0;
}

static void end_command(sio_redis *redis, redis_command *command, const sio_redis_reply *reply)
{
    if (command->callback != NULL)
        command->callback(redis, command->status, reply, command->data);
    free(command);
}

/* Those that wait longest stand first: the expired ones are the head of the list, and so are their replies. */
static void expire_sent(sio_redis *redis)
{
    redis_command *command;

    while ((command = STAILQ_FIRST(&redis->sent)) != NULL &&
           command->due_ms <= uv_now(redis->loop)) {
        STAILQ_REMOVE_HEAD(&redis->sent, link);
        redis->sent_bytes -= command->bytes;
        redis->unanswered++;
        fail_later(redis, command, EIO_E_TIMEOUT);
    }
}

static void tell_failed(sio_redis *redis)
{
    struct command_list failed = STAILQ_HEAD_INITIALIZER(failed);
    redis_command *command;

    STAILQ_CONCAT(&failed, &redis->failed);
    while ((command = STAILQ_FIRST(&failed)) != NULL) {
        STAILQ_REMOVE_HEAD(&failed, link);
        end_command(redis, command, NULL);
    }
}

static void handle_closed(sio_redis *redis)
{
    if (--redis->open_handles > 0)
        return;
    void (*on_closed)(void *) = redis->on_closed;
    void *data = redis->closed_data;
    free(redis);
    if (on_closed != NULL)
        on_closed(data);
}

static void handle_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void handle_timer(uv_timer_t *timer)
{
    sio_redis *redis = timer->data;

    redis->timer_due = UINT64_MAX;
    expire_sent(redis);
    tell_failed(redis);
    if (redis->closing && STAILQ_EMPTY(&redis->failed)) {
        uv_close((uv_handle_t *)&redis->timer, handle_timer_closed);
        return;
    }
    if (!STAILQ_EMPTY(&redis->sent))
        wake_at(redis, STAILQ_FIRST(&redis->sent)->due_ms);
}

/* ---- the link's callbacks ---- */

static void handle_up(sio_redis_link *link, void *data)
{
    sio_redis *redis = data;

    (void)link;
    tell_failed(redis); /* whatever is sent from now on is younger */
    if (!redis->closing && redis->on_connect != NULL)
        redis->on_connect(redis, redis->data);
}

static void handle_down(sio_redis_link *link, int status, const char *why, void *data)
{
    sio_redis *redis = data;

    (void)link;
    fail_sent(redis, status);
    if (redis->on_disconnect != NULL)
        redis->on_disconnect(redis, why, redis->data);
}

static void handle_reply(sio_redis_link *link, const sio_redis_reply *reply, void *data)
{
    sio_redis *redis = data;
    redis_command *command = STAILQ_FIRST(&redis->sent);

    (void)link;
    if (redis->unanswered > 0) {
        redis->unanswered--;
        return;
    }
    if (command == NULL)
        return; /* nobody asked: harmless */
    STAILQ_REMOVE_HEAD(&redis->sent, link);
    redis->sent_bytes -= command->bytes;
    command->status = reply->type == SIO_REDIS_ERROR ? EIO_E_REPLY : EIO_OK;
    end_command(redis, command, reply);
}

static void handle_idle(sio_redis_link *link, void *data)
{
    (void)link;
    (void)sio_redis_command(data, SIO_REDIS_ARGUMENTS(EIO_STR("PING")), NULL, NULL);
}

static void handle_log(sio_redis_link *link, char level, const char *line, void *data)
{
    sio_redis *redis = data;

    (void)link;
    if (redis->on_log != NULL)
        redis->on_log(redis, level, line, redis->data);
}

static void handle_link_closed(void *data)
{
    handle_closed(data);
}

/* ---- the handle ---- */

int sio_redis_open(sio_redis **out, uv_loop_t *loop, const sio_redis_options *options,
                   sio_redis_settings *settings, const sio_redis_place *place)
{
    static const sio_redis_link_handler handler = {
        .on_up = handle_up,
        .on_down = handle_down,
        .on_reply = handle_reply,
        .on_idle = handle_idle,
        .on_log = handle_log,
    };
    sio_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL)
        return EIO_E_NOMEM;
    redis->loop = loop;
    STAILQ_INIT(&redis->sent);
    STAILQ_INIT(&redis->failed);
    redis->max_queued_bytes = settings->max_queued_bytes;
    redis->command_timeout_ms = settings->command_timeout_ms;
    redis->timer_due = UINT64_MAX;
    redis->on_connect = options->on_connect;
    redis->on_disconnect = options->on_disconnect;
    redis->on_log = options->on_log;
    redis->data = options->data;
    int rc = sio_redis_link_new(&redis->redis_link, loop, settings, place, &handler, redis);
    if (rc != EIO_OK) {
        free(redis);
        return rc;
    }
    redis->timer.data = redis;
    uv_timer_init(loop, &redis->timer);
    redis->open_handles = 2;
    *out = redis;
    return EIO_OK;
}

int sio_redis_new(sio_redis **out, uv_loop_t *loop, const sio_redis_options *options,
                  eio_error *why)
{
    sio_redis_settings *settings;
    int rc = sio_redis_settings_new(&settings, options, why);

    if (rc != EIO_OK)
        return rc;
    rc = sio_redis_open(out, loop, options, settings, NULL);
    sio_redis_settings_unref(settings);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "Redis: out of memory");
}

void sio_redis_go_to(sio_redis *redis, const sio_redis_place *place)
{
    if (redis->redis_link != NULL)
        sio_redis_link_go_to(redis->redis_link, place);
}

void sio_redis_close(sio_redis *redis, void (*on_closed)(void *data), void *data)
{
    if (redis == NULL || redis->closing)
        return;
    redis->closing = true;
    redis->on_closed = on_closed;
    redis->closed_data = data;
    sio_redis_link_close(redis->redis_link, handle_link_closed);
    redis->redis_link = NULL;
    fail_sent(redis, EIO_E_CLOSED);
    wake_at(redis, uv_now(redis->loop));
}

bool sio_redis_is_connected(const sio_redis *redis)
{
    return redis->redis_link != NULL && sio_redis_link_is_up(redis->redis_link);
}

void *sio_redis_data(const sio_redis *redis)
{
    return redis->data;
}

const char *sio_redis_address(const sio_redis *redis)
{
    return redis->redis_link == NULL ? "" : sio_redis_link_address(redis->redis_link);
}

/* ---- commands ---- */

/* What becomes of a command that is ready to leave. */
static int send_bytes(sio_redis *redis, eio_buffer *buffer)
{
    size_t len = eio_buffer_slice(buffer).len;

    if (!sio_redis_link_is_up(redis->redis_link))
        return EIO_E_UNAVAILABLE;
    if (redis->sent_bytes > 0 && (redis->sent_bytes >= redis->max_queued_bytes ||
                                  len > redis->max_queued_bytes - redis->sent_bytes))
        return EIO_E_BACKLOG;
    return sio_redis_link_write(redis->redis_link, buffer);
}

void sio_redis_will_block(sio_redis *redis, uint64_t most_ms)
{
    redis->command_timeout_ms += most_ms;
    sio_redis_link_will_block(redis->redis_link, most_ms);
}

int sio_redis_send(sio_redis *redis, eio_buffer *encoded, sio_redis_callback *callback, void *data)
{
    if (redis->closing)
        return EIO_E_CLOSED;
    redis_command *command = calloc(1, sizeof(*command));
    if (command == NULL)
        return EIO_E_NOMEM;
    command->callback = callback;
    command->data = data;
    command->bytes = eio_buffer_slice(encoded).len;
    command->due_ms = uv_now(redis->loop) + redis->command_timeout_ms;
    int rc = send_bytes(redis, encoded);
    if (rc != EIO_OK) {
        fail_later(redis, command, rc);
        return EIO_OK;
    }
    STAILQ_INSERT_TAIL(&redis->sent, command, link);
    redis->sent_bytes += command->bytes;
    wake_at(redis, command->due_ms);
    return EIO_OK;
}

int sio_redis_command(sio_redis *redis, const eio_slice *arguments, size_t count,
                      sio_redis_callback *callback, void *data)
{
    eio_buffer *encoded = NULL;

    if (redis->closing)
        return EIO_E_CLOSED;
    int rc = sio_redis_encode(&encoded, arguments, count, SIZE_MAX);
    if (rc != EIO_OK)
        return rc;
    rc = sio_redis_send(redis, encoded, callback, data);
    eio_buffer_unref(encoded);
    return rc;
}
