/*
 * Some connections to one server that say what the input says, in turns, through a kernel that fails now and then. An
 * input is options of the server, then steps: what is done and by whom, and bytes or a number where it takes one.
 * Whatever was said, a server whose clients fall silent gets rid of them in time, ends when it is closed, and leaves
 * nothing on the loop.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "socketio/socketio.h"
#include "tests/support/mock_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum {
    WITH_EIO3 = 1,
    WITH_DEFLATE = 2,
    WITH_RECOVERY = 4,
    WITH_MSGPACK = 8,
    WITH_CORS = 16,
    WITH_DYNAMIC = 32,
    SMALL_LIMITS = 64,
    /* The longest that anything waits: ten times that and all are gone. */
    SILENCE_MS = 60 * 1000,
};

typedef enum step {
    STEP_CONNECT,
    STEP_SEND,
    STEP_RECEIVE,
    STEP_FINISH,
    STEP_LEAVE,
    STEP_WAIT,
    STEP_FAIL,
    STEP_ACT,
} step;

typedef struct input {
    const uint8_t *at;
    const uint8_t *end;
} input;

static uv_loop_t loop;
static eio_http_server *http;
static sio_server *io;
static unsigned next_id;
static bool closing;
static bool closed;

static uint8_t take_byte(input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* ---- the application ---- */

/* Ids that an input can know. */
static size_t make_id(eio_server *server, const eio_http_request *request, char out[64], void *data)
{
    (void)server;
    (void)request;
    (void)data;
    out[0] = 's';
    out[1] = (char)('a' + next_id++ % 26);
    return 2;
}

static void on_event(sio_socket *socket, sio_event *event, void *data)
{
    (void)data;
    if (sio_event_has_ack(event))
        (void)sio_event_ack(event, sio_event_args(event));
    else
        (void)sio_emit(socket, sio_event_name(event), sio_event_args(event));
    (void)sio_broadcast_from(socket, NULL, SIO_STR("other"), sio_event_args(event));
}

static void on_leave(sio_socket *socket, sio_event *event, void *data)
{
    (void)event;
    (void)data;
    sio_disconnect(socket, true);
}

static void on_answer(sio_socket *socket, int status, sio_args args, void *data)
{
    (void)data;
    if (status == EIO_OK)
        (void)sio_emit_with(socket, SIO_STR("answer"), args, SIO_VOLATILE);
}

static void on_connection(sio_socket *socket, void *data)
{
    (void)data;
    (void)sio_join(socket, SIO_STR("room"));
    (void)sio_emit_with_ack(socket, SIO_STR("ask"), SIO_NO_ARGS, 1000, on_answer, NULL);
}

static bool disconnect_one(sio_socket *socket, void *data)
{
    sio_disconnect(socket, *(bool *)data);
    return false;
}

static bool close_one(sio_socket *socket, void *data)
{
    (void)data;
    eio_session_close(sio_socket_session(socket), false);
    return false;
}

static void on_http_closed(void *data)
{
    (void)data;
    closed = true;
}

static void on_closed(void *data)
{
    (void)data;
    eio_http_server_close(http, on_http_closed, NULL);
}

static void stop(void)
{
    if (!closing)
        sio_server_close(io, on_closed, NULL);
    closing = true;
}

/* What an application does of its own accord. */
static void act(uint8_t what)
{
    static char text[100 * 1000];
    sio_namespace *nsp = sio_server_of(io, SIO_STR("/"));
    const sio_target room = { .rooms = SIO_ROOMS(SIO_STR("room")) };
    bool all = (what & 8) != 0;

    switch (what & 7) {
    case 0: (void)sio_broadcast(nsp, NULL, SIO_STR("news"), SIO_ARGS(SIO_JSON("1"))); break;
    case 1:
        memset(text, 'x', sizeof(text));
        text[0] = text[sizeof(text) - 1] = '"';
        (void)sio_broadcast(nsp, &room, SIO_STR("large"),
                            SIO_ARGS(((eio_slice){ text, sizeof(text) })));
        break;
    case 2: (void)sio_each_socket(nsp, NULL, disconnect_one, &all); break;
    case 3: (void)sio_each_socket(nsp, NULL, close_one, NULL); break;
    case 4: (void)sio_disconnect_sockets(nsp, &room, all); break;
    case 5: stop(); break;
    default: eio_http_server_stop(http); break;
    }
}

/* ---- the server ---- */

static void set_limits(sio_options *options)
{
    options->max_namespaces = 2;
    options->max_pending_acks = 2;
    options->engine.max_payload_bytes = 100;
    options->engine.max_buffered_bytes = 1000;
}

static void start(uint8_t with, int fd)
{
    static const sio_recovery_options recovery = { .max_disconnection_ms = 1000 };
    static const eio_deflate_options deflate = { .threshold = 1 };
    static const eio_cors_options cors = { .max_age_s = -1 };
    eio_listen_options where;
    sio_options options;

    sio_options_init(&options);
    options.engine.generate_id = make_id;
    options.engine.allow_eio3 = (with & WITH_EIO3) != 0;
    options.engine.per_message_deflate = (with & WITH_DEFLATE) != 0 ? &deflate : NULL;
    options.recovery = (with & WITH_RECOVERY) != 0 ? &recovery : NULL;
    options.parser = (with & WITH_MSGPACK) != 0 ? SIO_PARSER_MSGPACK : SIO_PARSER_JSON;
    options.engine.cors = (with & WITH_CORS) != 0 ? &cors : NULL;
    options.cleanup_empty_child_namespaces = true;
    if ((with & SMALL_LIMITS) != 0)
        set_limits(&options);
    int rc = eio_http_server_new(&http, &loop, NULL);
    if (rc == EIO_OK)
        rc = sio_server_new(&io, http, &options, NULL);
    assert(rc == EIO_OK);
    sio_namespace *nsp = sio_server_of(io, SIO_STR("/"));
    (void)sio_on_connection(nsp, on_connection, NULL);
    (void)sio_on_any(nsp, on_event, NULL);
    (void)sio_on(nsp, SIO_STR("leave"), on_leave, NULL);
    if ((with & WITH_DYNAMIC) != 0)
        (void)sio_server_of_pattern(io, SIO_STR("/d*"));
    eio_listen_options_init(&where);
    where.fd = fd;
    rc = eio_http_server_listen(http, &where, NULL);
    assert(rc == EIO_OK);
}

/* ---- the steps ---- */

static void send_some(input *in, unsigned peer)
{
    size_t len = (size_t)take_byte(in) + 1;

    if (len > (size_t)(in->end - in->at))
        len = (size_t)(in->end - in->at);
    mock_net_send(peer, in->at, len);
    in->at += len;
}

static void take_step(input *in)
{
    static const uint16_t times_ms[] = { 1, 50, 100, 900, 1100, 5000, 10000, 30000 };
    uint8_t what = take_byte(in);
    unsigned peer = what >> 3 & (MOCK_NET_PEERS - 1);
    uint8_t number;

    switch ((step)(what & 7)) {
    case STEP_CONNECT: mock_net_connect(peer); break;
    case STEP_SEND: send_some(in, peer); break;
    case STEP_RECEIVE: (void)mock_net_receive(peer); break;
    case STEP_FINISH: mock_net_finish(peer); break;
    case STEP_LEAVE: mock_net_leave(peer); break;
    case STEP_WAIT: mock_net_wait(&loop, times_ms[peer]); break;
    case STEP_FAIL:
        number = take_byte(in);
        mock_net_fail((mock_net_fault)(peer % MOCK_NET_FAULTS), number);
        break;
    case STEP_ACT:
        number = take_byte(in);
        if (!closing)
            act(number);
        break;
    }
    if ((what & 64) == 0) /* else the loop sees this and the next step at once */
        mock_net_settle(&loop);
}

/* Nobody says another word, half of them do not even listen. */
static void fall_silent(void)
{
    for (unsigned fault = 0; fault < MOCK_NET_FAULTS; fault++)
        mock_net_fail((mock_net_fault)fault, 0);
    for (int i = 0; i < 5 && mock_net_has_peers(); i++) {
        mock_net_wait(&loop, SILENCE_MS);
        for (unsigned peer = 0; peer < MOCK_NET_PEERS; peer += 2)
            (void)mock_net_receive(peer);
    }
    for (unsigned peer = 0; peer < MOCK_NET_PEERS; peer++)
        if (!mock_net_receive(peer))
            abort(); /* somebody was forgotten */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input in = { bytes, bytes + len };

    next_id = 0;
    closing = closed = false;
    int rc = uv_loop_init(&loop);
    assert(rc == 0);
    start(take_byte(&in), mock_net_begin());
    while (in.at < in.end && !closed)
        take_step(&in);
    fall_silent();
    stop();
    for (int i = 0; i < 10 && !closed; i++)
        mock_net_wait(&loop, SILENCE_MS);
    assert(closed);
    mock_net_end();
    mock_net_settle(&loop);
    rc = uv_loop_close(&loop);
    assert(rc == 0);
    return 0;
}
