#include "tests/support/fake_engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEARD_BYTES = 65536, MAX_SESSIONS = 512 };

struct eio_server {
    eio_options options;
    void (*on_closed)(void *data);
    void *closed_data;
    uv_timer_t closing;
};

struct eio_session {
    eio_server *server;
    const eio_session_handler *handler;
    void *data;
    unsigned refs;
    bool is_open;
    bool is_gone;
    bool is_polling;
    bool is_writable;
    size_t heard_len;
    char heard[HEARD_BYTES];
};

static struct {
    uv_loop_t loop;
    uv_async_t alive; /* as a listener would, it keeps the loop going */
    eio_http_server *http;
    eio_server *engine;
    eio_session *sessions[MAX_SESSIONS];
    size_t session_count;
    eio_session *spare; /* the first that comes: no allocation of ours fails for it */
    size_t live;        /* sessions whose memory is held */
    size_t sent;        /* packets, to all */
} fake;

/* ---- the test's side ---- */

static void note_closed(void *data)
{
    *(bool *)data = true;
}

/* Nothing may be left. */
static void end_loop(void)
{
    bool is_closed = false;

    free(fake.spare);
    uv_close((uv_handle_t *)&fake.alive, NULL);
    eio_http_server_close(fake.http, note_closed, &is_closed);
    uv_run(&fake.loop, UV_RUN_DEFAULT);
    if (!is_closed || fake.live != 0 || uv_loop_close(&fake.loop) != 0)
        abort();
}

sio_server *fake_server_new(void (*adjust)(sio_options *options))
{
    sio_server *io = NULL;
    sio_options options;

    memset(&fake, 0, sizeof(fake));
    assert(uv_loop_init(&fake.loop) == 0);
    assert(uv_async_init(&fake.loop, &fake.alive, NULL) == 0);
    assert(eio_http_server_new(&fake.http, &fake.loop, NULL) == EIO_OK);
    fake.spare = calloc(1, sizeof(*fake.spare));
    sio_options_init(&options);
    if (adjust != NULL)
        adjust(&options);
    if (sio_server_new(&io, fake.http, &options, NULL) == EIO_OK)
        return io;
    end_loop();
    return NULL;
}

void fake_server_end(sio_server *io)
{
    bool is_closed = false;

    sio_server_close(io, note_closed, &is_closed);
    while (!is_closed)
        uv_run(&fake.loop, UV_RUN_ONCE);
    end_loop();
}

void fake_turn(void)
{
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    uv_run(&fake.loop, UV_RUN_NOWAIT);
}

static void end_wait(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_stop(timer->loop);
}

void fake_wait(uint64_t ms)
{
    uv_timer_t timer;

    uv_update_time(&fake.loop);
    uv_timer_init(&fake.loop, &timer);
    uv_timer_start(&timer, end_wait, ms, 0);
    uv_run(&fake.loop, UV_RUN_DEFAULT);
    fake_turn();
}

eio_session *fake_come(sio_server *io)
{
    eio_session *session = fake.spare != NULL ? fake.spare : calloc(1, sizeof(*session));

    fake.spare = NULL;
    assert(session != NULL && fake.session_count < MAX_SESSIONS);
    *session = (eio_session){ .server = sio_server_engine(io), .refs = 1, .is_open = true };
    session->is_writable = true;
    fake.sessions[fake.session_count++] = session;
    fake.live++;
    session->server->options.on_session(session->server, session, session->server->options.data);
    return session;
}

void fake_say(eio_session *session, const char *text)
{
    /* A copy of exactly that size: reading beyond it shows. */
    size_t len = strlen(text);
    char *copy = strdup(text);

    assert(copy != NULL);
    if (session->is_open && session->handler != NULL)
        session->handler->on_message(session, (eio_slice){ copy, len }, false, session->data);
    free(copy);
}

void fake_say_binary(eio_session *session, const char *bytes, size_t len)
{
    if (session->is_open && session->handler != NULL)
        session->handler->on_message(session, (eio_slice){ bytes, len }, true, session->data);
}

void fake_leave(eio_session *session, eio_reason reason, const char *detail)
{
    session->is_open = false;
    if (session->is_gone)
        return;
    session->is_gone = true;
    if (session->handler != NULL)
        session->handler->on_close(session, reason, detail, session->data);
    eio_session_unref(session);
}

/* The 20 characters of an id differ each time. */
static void hide_ids(char *text)
{
    char *at = text;

    while ((at = strstr(at, "\"sid\":\"")) != NULL) {
        at += strlen("\"sid\":\"");
        assert(strlen(at) > 20);
        *at = '*';
        memmove(at + 1, at + 20, strlen(at + 20) + 1);
    }
}

const char *fake_heard(eio_session *session)
{
    static char heard[HEARD_BYTES];

    memcpy(heard, session->heard, session->heard_len);
    heard[session->heard_len] = '\0';
    session->heard_len = 0;
    hide_ids(heard);
    return heard;
}

size_t fake_sent_count(void)
{
    return fake.sent;
}

bool fake_is_closed(const eio_session *session)
{
    return !session->is_open;
}

void fake_set_writable(eio_session *session, bool writable)
{
    session->is_writable = writable;
}

void fake_set_polling(eio_session *session)
{
    session->is_polling = true;
}

/* ---- the engine's side ---- */

int eio_server_new(eio_server **out, eio_http_server *http, const eio_options *options,
                   eio_error *why)
{
    (void)why;
    assert(http == fake.http);
    fake.engine = calloc(1, sizeof(*fake.engine));
    if (fake.engine == NULL)
        return EIO_E_NOMEM;
    fake.engine->options = *options;
    uv_timer_init(&fake.loop, &fake.engine->closing);
    fake.engine->closing.data = fake.engine;
    *out = fake.engine;
    return EIO_OK;
}

static void handle_timer_closed(uv_handle_t *handle)
{
    eio_server *server = handle->data;
    void (*on_closed)(void *) = server->on_closed;
    void *data = server->closed_data;

    free(server);
    if (on_closed != NULL)
        on_closed(data);
}

static void end_all(uv_timer_t *timer)
{
    for (size_t i = 0; i < fake.session_count; i++) {
        if (fake.sessions[i] != NULL)
            fake_leave(fake.sessions[i], EIO_REASON_FORCED_CLOSE, "closed by the server");
    }
    uv_close((uv_handle_t *)timer, handle_timer_closed);
}

void eio_server_close(eio_server *server, void (*on_closed)(void *data), void *data)
{
    server->on_closed = on_closed;
    server->closed_data = data;
    uv_timer_start(&server->closing, end_all, 0, 0);
}

eio_http_server *eio_server_http(const eio_server *server)
{
    (void)server;
    return NULL; /* nobody comes by HTTP */
}

const char *eio_reason_text(eio_reason reason)
{
    static const char *const texts[] = { "transport close", "transport error", "ping timeout",
                                         "parse error", "forced close" };

    return texts[reason];
}

void eio_session_set_handler(eio_session *session, const eio_session_handler *handler, void *data)
{
    session->handler = handler;
    session->data = data;
}

int eio_session_send(eio_session *session, eio_buffer *payload, unsigned flags)
{
    const eio_slice bytes = eio_buffer_slice(payload);
    bool binary = (flags & EIO_SEND_BINARY) != 0;

    if (!session->is_open)
        return EIO_E_CLOSED;
    int len = snprintf(session->heard + session->heard_len, HEARD_BYTES - session->heard_len,
                       (flags & EIO_SEND_NO_COMPRESS) != 0 ? "plain %.*s|"
                       : binary                            ? "<%.*s>|"
                                                           : "%.*s|",
                       (int)bytes.len, bytes.base);
    session->heard_len += (size_t)len;
    fake.sent++;
    assert(session->heard_len < HEARD_BYTES);
    return EIO_OK;
}

bool eio_session_is_writable(const eio_session *session)
{
    return session->is_open && session->is_writable;
}

void eio_session_close(eio_session *session, bool discard)
{
    (void)discard;
    session->is_open = false;
}

eio_session *eio_session_ref(eio_session *session)
{
    session->refs++;
    return session;
}

void eio_session_unref(eio_session *session)
{
    if (session == NULL || --session->refs > 0)
        return;
    for (size_t i = 0; i < fake.session_count; i++) {
        if (fake.sessions[i] == session)
            fake.sessions[i] = NULL;
    }
    fake.live--;
    free(session);
}

eio_slice eio_session_id(const eio_session *session)
{
    (void)session;
    return EIO_STR("fakefakefakefakefake");
}

int eio_session_protocol(const eio_session *session)
{
    (void)session;
    return 4;
}

unsigned eio_session_transport(const eio_session *session)
{
    return session->is_polling ? EIO_TRANSPORT_POLLING : EIO_TRANSPORT_WEBSOCKET;
}

eio_slice eio_session_url(const eio_session *session)
{
    (void)session;
    return EIO_STR("/socket.io/?EIO=4&transport=websocket");
}

eio_slice eio_session_query(const eio_session *session)
{
    (void)session;
    return EIO_STR("EIO=4&transport=websocket");
}

eio_slice eio_session_address(const eio_session *session)
{
    (void)session;
    return EIO_STR("127.0.0.1");
}

bool eio_session_is_secure(const eio_session *session)
{
    (void)session;
    return false;
}

bool eio_session_header_at(const eio_session *session, size_t index, eio_slice *name,
                           eio_slice *value)
{
    (void)session;
    *name = EIO_STR("origin");
    *value = EIO_STR("http://example.org");
    return index == 0;
}

eio_slice eio_session_header(const eio_session *session, const char *name)
{
    (void)session;
    return strcmp(name, "origin") == 0 ? EIO_STR("http://example.org") : (eio_slice){ NULL, 0 };
}
