#include "socketio/redis/link.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/net/crypto.h"
#include "socketio/redis/encode.h"
#include "socketio/redis/handshake.h"
#include "socketio/redis/reader.h"
#include "socketio/redis/url.h"

enum {
    FIRST_PAUSE_MS = 50,
    LONGEST_PAUSE_MS = 2000,
    LONGEST_FAILOVER_PAUSE_MS = 500, /* with sentinels: the new master is a matter of seconds */
    SENTINEL_TIMEOUT_MS = 1000,      /* then the next one is asked */
    LATE_TIMER_MS =
        1000, /* a timer that fires so late was held up with the whole loop: no verdict on the peer */
    STREAM_SPARE_BYTES =
        64 * 1024, /* over max_queued_bytes, which its owner enforces: handshake and pings */
};

typedef enum link_state {
    LINK_PAUSING, /* until the next attempt */
    LINK_ASKING,  /* a sentinel where the master is */
    LINK_CONNECTING,
    LINK_GREETING, /* authenticate, select, ping */
    LINK_UP,
    LINK_CLOSED,
    LINK_N_STATES
} link_state;

struct sio_redis_link {
    link_state state;
    const sio_redis_link_handler *handler; /* borrowed */
    void *data;
    uv_loop_t *loop;
    sio_redis_settings *settings; /* shared */
    size_t next;                  /* of their places: where it goes */
    size_t tried;                 /* places in a row that were of no use */
    sio_redis_place
        only;        /* a master that a sentinel named, or the one node: its host stands below */
    bool is_bound;   /* to that one node */
    bool may_return; /* to all places, once that node is not there */
    char host[256];
    eio_stream *stream;       /* NULL while pausing and closed */
    sio_redis_reader *reader; /* of this stream */
    sio_redis_handshake handshake;
    uv_timer_t timer; /* the one thing the state waits for: pause, handshake, silence */
    uint64_t timer_due;
    uint64_t blocks_ms; /* its commands, at most */
    uint64_t heard_ms;  /* when the last bytes came */
    bool asked_for_ping;
    bool is_silent;      /* for too long */
    unsigned failures;   /* attempts in a row without success */
    char last_line[256]; /* the failure that was logged last: the same one is not shouted again */
    void (*on_closed)(void *data);
};

static const unsigned legal_next[LINK_N_STATES] = {
    [LINK_PAUSING] = 1u << LINK_ASKING | 1u << LINK_CONNECTING | 1u << LINK_CLOSED,
    [LINK_ASKING] = 1u << LINK_CONNECTING | 1u << LINK_PAUSING | 1u << LINK_CLOSED,
    [LINK_CONNECTING] = 1u << LINK_GREETING | 1u << LINK_PAUSING | 1u << LINK_CLOSED,
    [LINK_GREETING] = 1u << LINK_UP | 1u << LINK_PAUSING | 1u << LINK_CLOSED,
    [LINK_UP] = 1u << LINK_PAUSING | 1u << LINK_CLOSED,
};

static const char *const state_names[] = { "pausing",  "asking", "connecting",
                                           "greeting", "up",     "closed" };
static_assert(sizeof(state_names) / sizeof(state_names[0]) == LINK_N_STATES, "name every state");

EIO_PRINTF(3, 4)
static void log_line(sio_redis_link *link, char level, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    link->handler->on_log(link, level, line, link->data);
}

static void set_state(sio_redis_link *link, link_state state)
{
    assert((legal_next[link->state] & 1u << state) != 0);
    link->state = state;
    if (state != LINK_CLOSED)
        log_line(link, 'd', "Redis %s: %s", link->settings->address, state_names[state]);
}

static void handle_timer(uv_timer_t *timer);

static void set_timer(sio_redis_link *link, uint64_t after_ms)
{
    link->timer_due = uv_now(link->loop) + after_ms;
    uv_timer_start(&link->timer, handle_timer, after_ms, 0);
}

/* 50 ms doubling to 2 s, at random within, so that many servers do not return at one moment. */
static uint64_t choose_pause(const sio_redis_link *link, bool refused)
{
    uint64_t longest =
        link->settings->url.master == NULL ? LONGEST_PAUSE_MS : LONGEST_FAILOVER_PAUSE_MS;
    uint64_t most = link->failures >= 6 ? longest : (uint64_t)FIRST_PAUSE_MS << link->failures;
    uint32_t random = 0;

    if (most > longest)
        most = longest;
    if (eio_random(&random, sizeof(random)) != EIO_OK)
        random = UINT32_MAX;
    uint64_t pause = most * random / UINT32_MAX;
    /* Who was turned away knocks slowly: the answer will be the same for a while. */
    return refused ? longest / 2 + pause / 2 : pause;
}

static void drop_stream(sio_redis_link *link)
{
    eio_stream_abort(link->stream);
    link->stream = NULL;
    sio_redis_reader_free(link->reader);
    link->reader = NULL;
}

/* Each new failure is told once at warning level; the same one again only at debug. */
static void log_failure(sio_redis_link *link, const char *why, uint64_t pause)
{
    bool told = strncmp(link->last_line, why, sizeof(link->last_line) - 1) == 0;

    (void)snprintf(link->last_line, sizeof(link->last_line), "%s", why);
    log_line(link, told ? 'd' : 'w', "Redis %s: %s; trying again in %" PRIu64 " ms",
             link->settings->address, why, pause);
}

/* The next place, if this one was of no use. Whether there is one that was not tried yet. */
static bool turn_to_next(sio_redis_link *link)
{
    bool is_sentinel = link->settings->url.master != NULL;

    if (link->is_bound || link->settings->url.place_count < 2 ||
        (is_sentinel && link->state != LINK_ASKING))
        return false;
    link->next = (link->next + 1) % link->settings->url.place_count;
    link->tried = link->state == LINK_UP ? 0 : link->tried + 1;
    if (link->tried < link->settings->url.place_count)
        return link->state != LINK_UP;
    link->tried = 0;
    return false;
}

/* The attempt failed, or the link broke: pause, then try again. */
static void lose(sio_redis_link *link, const char *why, bool refused)
{
    bool was_up = link->state == LINK_UP;
    bool has_more = turn_to_next(link);
    int status = link->is_silent ? EIO_E_TIMEOUT : EIO_E_UNAVAILABLE;

    link->is_silent = false;
    if (!was_up && link->may_return)
        link->is_bound = false;
    uint64_t pause = has_more ? 0 : choose_pause(link, refused);

    link->failures += !has_more;
    drop_stream(link);
    set_state(link, LINK_PAUSING);
    set_timer(link, pause);
    if (has_more)
        log_line(link, 'd', "Redis %s: %s; trying the next one", link->settings->address, why);
    else
        log_failure(link, why, pause);
    if (was_up)
        link->handler->on_down(link, status, why, link->data);
    else if (!has_more && link->handler->on_failure != NULL)
        link->handler->on_failure(link, link->data);
}

/* ---- what comes in ---- */

static void become_up(sio_redis_link *link)
{
    link->failures = 0;
    link->tried = 0;
    link->last_line[0] = '\0';
    link->asked_for_ping = false;
    set_state(link, LINK_UP);
    set_timer(link, link->settings->ping_interval_ms);
    if (link->only.host != NULL)
        log_line(link, 'i', "Redis %s: connected to %s:%d", link->settings->address,
                 link->only.host, link->only.port);
    else
        log_line(link, 'i', "Redis %s: connected", link->settings->address);
    link->handler->on_up(link, link->data);
}

static void connect_to(sio_redis_link *link, link_state state, const sio_redis_place *place);

static void set_only(sio_redis_link *link, const sio_redis_place *place)
{
    (void)snprintf(link->host, sizeof(link->host), "%s", place->host);
    link->only = (sio_redis_place){ link->host, place->port };
}

/* A sentinel has named the master. */
static void go_to_master(sio_redis_link *link)
{
    drop_stream(link);
    link->tried = 0;
    set_only(link, &(sio_redis_place){ link->handshake.host, link->handshake.port });
    connect_to(link, LINK_CONNECTING, &link->only);
}

static void handle_greeting(sio_redis_link *link, const sio_redis_reply *reply)
{
    char why[200];

    switch (sio_redis_handshake_take(&link->handshake, reply, why, sizeof(why))) {
    case SIO_REDIS_HANDSHAKE_GOES_ON: break;
    case SIO_REDIS_HANDSHAKE_DONE:
        if (link->state == LINK_ASKING)
            go_to_master(link);
        else
            become_up(link);
        break;
    case SIO_REDIS_HANDSHAKE_REFUSED: lose(link, why, true); break;
    }
}

/* Errors that hold for the link as a whole; the others are for the one command alone. */
static bool ends_link(const sio_redis_reply *reply)
{
    return reply->type == SIO_REDIS_ERROR &&
           (sio_redis_error_is(reply, "NOAUTH") || sio_redis_error_is(reply, "LOADING") ||
            sio_redis_error_is(reply, "READONLY")); /* failed over: the name leads elsewhere now */
}

static void handle_reply(sio_redis_link *link, const sio_redis_reply *reply)
{
    const eio_stream *stream = link->stream;

    if (link->state == LINK_GREETING || link->state == LINK_ASKING) {
        handle_greeting(link, reply);
        return;
    }
    link->handler->on_reply(link, reply, link->data);
    if (link->stream == stream && ends_link(reply)) {
        char why[200];
        (void)snprintf(why, sizeof(why), "%.*s",
                       (int)(reply->text.len < 150 ? reply->text.len : 150), reply->text.base);
        lose(link, why, true);
    }
}

static void handle_read(eio_stream *stream, char *bytes, size_t len, void *data)
{
    sio_redis_link *link = data;
    sio_redis_reply *reply = NULL;

    link->heard_ms = uv_now(link->loop);
    link->asked_for_ping = false;
    int rc = sio_redis_reader_feed(link->reader, (eio_slice){ bytes, len });
    while (rc == EIO_OK && (rc = sio_redis_reader_next(link->reader, &reply)) == EIO_OK &&
           reply != NULL) {
        handle_reply(link, reply);
        sio_redis_reply_free(reply);
        if (link->stream != stream)
            return; /* lost or closed meanwhile, and the reader with it */
    }
    if (rc != EIO_OK) {
        char why[100];
        (void)snprintf(why, sizeof(why), "an unreadable reply: %s", eio_strerror(rc));
        lose(link, why, true);
    }
}

static void handle_close(eio_stream *stream, int reason, void *data)
{
    sio_redis_link *link = data;
    char why[400];
    char tls[300];

    link->stream = NULL; /* it is gone already */
    const char *text = eio_stream_tls_failure(stream, tls, sizeof(tls)) > 0 ? tls
                       : reason == EIO_E_TIMEOUT                            ? "no answer in time"
                                                                            : eio_strerror(reason);
    if (reason == UV_EOF)
        (void)snprintf(why, sizeof(why), "closed by the server");
    else
        (void)snprintf(why, sizeof(why), "%s: %s",
                       link->state == LINK_CONNECTING ? "cannot connect"
                       : link->state == LINK_ASKING   ? "no sentinel"
                                                      : "connection lost",
                       text);
    lose(link, why, reason == EIO_E_CERTIFICATE);
}

/* ---- going out ---- */

static int begin_handshake(sio_redis_link *link, eio_buffer **greeting)
{
    const sio_redis_url *url = &link->settings->url;
    bool master = url->master != NULL || (url->is_cluster && !link->is_bound);

    if (link->state == LINK_ASKING)
        return sio_redis_handshake_begin_sentinel(&link->handshake, greeting, url);
    return sio_redis_handshake_begin(&link->handshake, greeting, url, link->settings->name, master);
}

static uint64_t sentinel_ms(uint64_t timeout_ms)
{
    return timeout_ms < SENTINEL_TIMEOUT_MS ? timeout_ms : SENTINEL_TIMEOUT_MS;
}

static void handle_connect(eio_stream *stream, void *data)
{
    sio_redis_link *link = data;
    eio_buffer *greeting = NULL;

    int rc = begin_handshake(link, &greeting);
    if (rc == EIO_OK)
        rc = eio_stream_write(stream, greeting, eio_buffer_slice(greeting));
    eio_buffer_unref(greeting);
    if (rc != EIO_OK) {
        lose(link, eio_strerror(rc), false);
        return;
    }
    if (link->state == LINK_ASKING) {
        set_timer(link, sentinel_ms(link->settings->command_timeout_ms));
        return;
    }
    set_state(link, LINK_GREETING);
    set_timer(link, link->settings->command_timeout_ms);
}

/* place: NULL: the unix socket. */
static void connect_to(sio_redis_link *link, link_state state, const sio_redis_place *place)
{
    static const eio_stream_handler handler = {
        .on_read = handle_read,
        .on_close = handle_close,
        .on_connect = handle_connect,
    };
    eio_connect_options options;

    set_state(link, state);
    eio_connect_options_init(&options);
    options.host = place == NULL ? NULL : place->host;
    options.port = place == NULL ? 0 : place->port;
    options.path = link->settings->url.path;
    options.timeout_ms = state == LINK_ASKING ? sentinel_ms(link->settings->connect_timeout_ms)
                                              : link->settings->connect_timeout_ms;
    options.tls = link->settings->tls;
    int rc = sio_redis_reader_new(&link->reader, link->settings->max_reply_bytes);
    if (rc == EIO_OK)
        rc = eio_stream_connect(&link->stream, link->loop, &options, &handler, link);
    if (rc != EIO_OK) {
        lose(link, eio_strerror(rc), false);
        return;
    }
    eio_stream_set_limit(link->stream, link->settings->max_queued_bytes + STREAM_SPARE_BYTES);
}

static void connect_now(sio_redis_link *link)
{
    const sio_redis_url *url = &link->settings->url;
    bool asks = url->master != NULL && !link->is_bound;

    connect_to(link, asks ? LINK_ASKING : LINK_CONNECTING,
               link->is_bound          ? &link->only
               : url->place_count == 0 ? NULL
                                       : &url->places[link->next]);
}

/* Silence: ask for a ping, then wait for any byte as long as for an answer. */
static void check_silence(sio_redis_link *link)
{
    uint64_t now = uv_now(link->loop);
    uint64_t silent = now - link->heard_ms;
    uint64_t ping_ms = link->settings->ping_interval_ms;
    uint64_t most = ping_ms + link->settings->command_timeout_ms;

    if (link->blocks_ms >
        0) /* it speaks that often; a ping would wait behind the command that blocks */
        ping_ms = most = ping_ms + link->blocks_ms;
    if (now > link->timer_due + LATE_TIMER_MS) {
        set_timer(link, LATE_TIMER_MS);
        return;
    }
    if (silent >= most) {
        link->is_silent = true;
        lose(link, "connection lost: silent for too long", false);
        return;
    }
    if (silent < ping_ms) {
        set_timer(link, ping_ms - silent);
        return;
    }
    set_timer(link, most - silent);
    if (!link->asked_for_ping) {
        link->asked_for_ping = true;
        link->handler->on_idle(link, link->data);
    }
}

static void handle_timer(uv_timer_t *timer)
{
    sio_redis_link *link = timer->data;

    switch (link->state) {
    case LINK_PAUSING: connect_now(link); break;
    case LINK_GREETING:
    case LINK_ASKING: lose(link, "no answer to the handshake in time", false); break;
    case LINK_UP: check_silence(link); break;
    case LINK_CONNECTING: /* the stream has its own time-out */
    case LINK_CLOSED:
    case LINK_N_STATES: break;
    }
}

/* ---- the handle ---- */

int sio_redis_link_new(sio_redis_link **out, uv_loop_t *loop, sio_redis_settings *settings,
                       const sio_redis_place *place, const sio_redis_link_handler *handler,
                       void *data)
{
    sio_redis_link *link = calloc(1, sizeof(*link));

    if (link == NULL)
        return EIO_E_NOMEM;
    link->settings = sio_redis_settings_ref(settings);
    link->is_bound = place != NULL;
    if (place != NULL)
        set_only(link, place);
    link->loop = loop;
    link->handler = handler;
    link->data = data;
    link->timer.data = link;
    uv_timer_init(loop, &link->timer);
    set_timer(link, 0); /* the owner is not called from within this call */
    *out = link;
    return EIO_OK;
}

void sio_redis_link_go_to(sio_redis_link *link, const sio_redis_place *place)
{
    if (link->state == LINK_CLOSED)
        return;
    if (link->state != LINK_PAUSING)
        lose(link, "another node serves it", false);
    set_only(link, place);
    link->is_bound = true;
    link->may_return = true;
    set_timer(link, 0);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    sio_redis_link *link = handle->data;
    void (*on_closed)(void *) = link->on_closed;
    void *data = link->data;

    sio_redis_settings_unref(link->settings);
    free(link);
    if (on_closed != NULL)
        on_closed(data);
}

void sio_redis_link_close(sio_redis_link *link, void (*on_closed)(void *data))
{
    if (link == NULL || link->state == LINK_CLOSED)
        return;
    if (link->state == LINK_UP && !link->asked_for_ping) {
        eio_stream_close(link->stream); /* in order: what is queued is sent, if somebody listens */
        link->stream = NULL;
    }
    drop_stream(link);
    set_state(link, LINK_CLOSED);
    link->on_closed = on_closed;
    uv_close((uv_handle_t *)&link->timer, handle_uv_closed);
}

void sio_redis_link_will_block(sio_redis_link *link, uint64_t most_ms)
{
    link->blocks_ms = most_ms;
}

bool sio_redis_link_is_up(const sio_redis_link *link)
{
    return link->state == LINK_UP;
}

const char *sio_redis_link_address(const sio_redis_link *link)
{
    return link->settings->address;
}

int sio_redis_link_write(sio_redis_link *link, eio_buffer *buffer)
{
    if (link->state != LINK_UP)
        return EIO_E_UNAVAILABLE;
    int rc = eio_stream_write(link->stream, buffer, eio_buffer_slice(buffer));
    return rc == EIO_OK || rc == EIO_E_NOMEM ? rc : EIO_E_UNAVAILABLE;
}
