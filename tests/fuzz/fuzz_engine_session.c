/*
 * Sessions of Engine.IO driven by a list of operations: open, poll, post, upgrade, frames, time, failures, and what an
 * application does to them. Each session opens and closes once, goes from polling to websocket at most, and says
 * nothing after its end; no request stays without an end, and none of it stays on the loop.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engineio/engineio.h"
#include "tests/support/mock_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_SESSIONS = 16, SILENCE_MS = 60 * 1000 };

typedef enum operation {
    OPEN_POLLING,
    OPEN_WEBSOCKET,
    POLL,
    POST,
    UPGRADE,
    FRAME,
    WAIT,
    DISTURB,
} operation;

/* What the application knows of one. */
typedef struct known {
    eio_session *session; /* a reference, kept past its end */
    unsigned transport;
    bool closed;
} known;

static uv_loop_t loop;
static eio_http_server *http;
static eio_server *server;
static known sessions[MOST_SESSIONS];
static size_t opened;
static size_t open_now;
static unsigned next_id;
static bool closing;
static bool closed;

/* ---- the application ---- */

static size_t make_id(eio_server *engine, const eio_http_request *request, char out[64], void *data)
{
    (void)engine;
    (void)request;
    (void)data;
    out[0] = (char)('a' + next_id++ % 26);
    return 1;
}

static void check_transport(known *one)
{
    unsigned now = eio_session_transport(one->session);

    assert(now == one->transport || now == EIO_TRANSPORT_WEBSOCKET);
    one->transport = now;
}

static void on_message(eio_session *session, eio_slice payload, bool binary, void *data)
{
    known *one = data;

    assert(!one->closed && one->session == session);
    check_transport(one);
    eio_buffer *echo = eio_buffer_copy(payload);
    (void)eio_session_send(session, echo, binary ? EIO_SEND_BINARY : 0);
    eio_buffer_unref(echo);
}

static void on_close(eio_session *session, eio_reason reason, const char *detail, void *data)
{
    known *one = data;

    (void)reason;
    (void)detail;
    assert(!one->closed && one->session == session && !eio_session_is_open(session));
    one->closed = true;
    open_now--;
}

static void on_upgrade(eio_session *session, void *data)
{
    known *one = data;

    assert(!one->closed && one->transport == EIO_TRANSPORT_POLLING);
    assert(eio_session_transport(session) == EIO_TRANSPORT_WEBSOCKET);
    one->transport = EIO_TRANSPORT_WEBSOCKET;
}

static void on_drain(eio_session *session, void *data)
{
    known *one = data;

    assert(!one->closed && one->session == session);
}

static void on_session(eio_server *engine, eio_session *session, void *data)
{
    static const eio_session_handler handler = { .on_message = on_message,
                                                 .on_close = on_close,
                                                 .on_upgrade = on_upgrade,
                                                 .on_drain = on_drain };
    (void)engine;
    (void)data;
    if (opened == MOST_SESSIONS) {
        eio_session_close(session, true);
        return;
    }
    known *one = &sessions[opened++];
    *one =
        (known){ .session = eio_session_ref(session), .transport = eio_session_transport(session) };
    open_now++;
    eio_session_set_handler(session, &handler, one);
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
        eio_server_close(server, on_closed, NULL);
    closing = true;
}

static void start(uint8_t with, int fd)
{
    eio_listen_options where;
    eio_options options;

    eio_options_init(&options);
    options.generate_id = make_id;
    options.on_session = on_session;
    options.allow_eio3 = (with & 1) != 0;
    options.max_payload_bytes = 200;
    options.max_buffered_bytes = (with & 2) != 0 ? 100 : 0;
    options.initial_packet = (with & 4) != 0 ? EIO_STR("hello") : (eio_slice){ NULL, 0 };
    int rc = eio_http_server_new(&http, &loop, NULL);
    if (rc == EIO_OK)
        rc = eio_server_new(&server, http, &options, NULL);
    assert(rc == EIO_OK);
    eio_listen_options_init(&where);
    where.fd = fd;
    rc = eio_http_server_listen(http, &where, NULL);
    assert(rc == EIO_OK);
}

/* ---- what clients send ---- */

/* `who` chooses the protocol, and one of the sessions there have been; 31: none. */
static void write_query(char *out, size_t size, const char *transport, unsigned who)
{
    int protocol = (who & 32) != 0 ? 3 : 4;

    if ((who & 31) == 31)
        (void)snprintf(out, size, "/engine.io/?EIO=%d&transport=%s", protocol, transport);
    else
        (void)snprintf(out, size, "/engine.io/?EIO=%d&transport=%s&sid=%c", protocol, transport,
                       'a' + (int)(who & 31) % 26);
}

static void send_request(unsigned peer, const char *method, unsigned who, const char *body)
{
    char target[100];
    char text[600];

    write_query(target, sizeof(target), "polling", who);
    int len =
        snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
                 method, target, strlen(body), body);
    mock_net_connect(peer);
    mock_net_send(peer, text, (size_t)len);
}

static void send_upgrade(unsigned peer, unsigned who)
{
    char target[100];
    char text[400];

    write_query(target, sizeof(target), "websocket", who);
    int len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                       target);
    mock_net_connect(peer);
    mock_net_send(peer, text, (size_t)len);
}

static const char *const bodies[] = {
    "4hello",           "3",        "2",   "1",   "5",   "6",        "0",
    "2probe",           "4",        "bA",  "",    "x",   "4a\0364b", "3\0364a\0361",
    "4a\036\036",       "6:4hello", "1:2", "1:1", "1:3", "2:4",      "10:b4AQIDBA==",
    "4a\036bAQID\0363",
};

/* A frame with a mask of zeros, so that it can be read. */
static void send_frame(unsigned peer, unsigned first, const char *text)
{
    char frame[128] = { (char)first, (char)(0x80 | strlen(text)) };

    memcpy(frame + 6, text, strlen(text));
    mock_net_send(peer, frame, 6 + strlen(text));
}

static void send_control(unsigned peer, unsigned which)
{
    static const unsigned firsts[] = { 0x82, 0x88, 0x89, 0x8a, 0x01, 0x80, 0xc1, 0x83 };

    send_frame(peer, firsts[which % 8], (which & 8) != 0 ? "\x03\xe8" : "");
}

/* ---- what goes wrong, and what the application does ---- */

static void send_from(eio_session *session, size_t len, unsigned flags)
{
    char text[300];

    memset(text, 'y', sizeof(text));
    eio_buffer *message = eio_buffer_copy((eio_slice){ text, len });
    (void)eio_session_send(session, message, flags);
    eio_buffer_unref(message);
}

static void act_on(known *one, unsigned what)
{
    eio_session *session = one->session;

    switch (what) {
    case 0: send_from(session, 5, 0); break;
    case 1: send_from(session, 5, EIO_SEND_BINARY); break;
    case 2: send_from(session, 5, EIO_SEND_VOLATILE); break;
    case 3: send_from(session, 300, 0); break;
    case 4: eio_session_close(session, false); break;
    case 5: eio_session_close(session, true); break;
    case 6: (void)eio_session_is_writable(session); break;
    default: break;
    }
}

static void disturb(unsigned peer, uint8_t how, uint8_t count)
{
    switch (how % 4) {
    case 0: mock_net_fail((mock_net_fault)(how / 4 % MOCK_NET_FAULTS), count % 8u); break;
    case 1:
        if (how / 4 % 2 == 0)
            mock_net_leave(peer);
        else
            mock_net_finish(peer);
        break;
    case 2:
        if (opened > 0)
            act_on(&sessions[count % opened], how / 4 % 8u);
        break;
    default:
        if (how == 0xff)
            stop();
        else
            (void)mock_net_receive(peer);
        break;
    }
}

static void operate(uint8_t what, uint8_t first, uint8_t second)
{
    static const uint16_t times_ms[] = { 1, 99, 101, 5000, 10001, 20001, 25001, 30001 };
    unsigned peer = what >> 3 & (MOCK_NET_PEERS - 1);
    const char *body = bodies[second % (sizeof(bodies) / sizeof(bodies[0]))];

    switch ((operation)(what & 7)) {
    case OPEN_POLLING: send_request(peer, "GET", first | 31u, ""); break;
    case OPEN_WEBSOCKET: send_upgrade(peer, first | 31u); break;
    case POLL: send_request(peer, "GET", first, ""); break;
    case POST: send_request(peer, "POST", first, body); break;
    case UPGRADE: send_upgrade(peer, first); break;
    case FRAME:
        if (first < 128)
            send_frame(peer, 0x81, body);
        else
            send_control(peer, second);
        break;
    case WAIT: mock_net_wait(&loop, times_ms[peer]); break;
    case DISTURB: disturb(peer, first, second); break;
    }
    if ((what & 64) == 0) /* else the loop sees this and the next one at once */
        mock_net_settle(&loop);
    assert(closing || eio_server_clients_count(server) >= open_now);
}

/* ---- the end ---- */

static void fall_silent(void)
{
    for (unsigned fault = 0; fault < MOCK_NET_FAULTS; fault++)
        mock_net_fail((mock_net_fault)fault, 0);
    for (int i = 0; i < 5 && (mock_net_has_peers() || open_now > 0); i++) {
        mock_net_wait(&loop, SILENCE_MS);
        for (unsigned peer = 0; peer < MOCK_NET_PEERS; peer += 2)
            (void)mock_net_receive(peer);
    }
    for (unsigned peer = 0; peer < MOCK_NET_PEERS; peer++)
        if (!mock_net_receive(peer))
            abort(); /* a request without an end */
    assert(open_now == 0 && (closing || eio_server_clients_count(server) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    next_id = 0;
    opened = open_now = 0;
    closing = closed = false;
    int rc = uv_loop_init(&loop);
    assert(rc == 0);
    start(len > 0 ? bytes[0] : 0, mock_net_begin());
    for (size_t at = 1; at + 3 <= len && !closed; at += 3)
        operate(bytes[at], bytes[at + 1], bytes[at + 2]);
    fall_silent();
    stop();
    for (int i = 0; i < 5 && !closed; i++)
        mock_net_wait(&loop, SILENCE_MS);
    assert(closed && open_now == 0);
    mock_net_end();
    for (size_t i = 0; i < opened; i++)
        eio_session_unref(sessions[i].session);
    mock_net_settle(&loop);
    rc = uv_loop_close(&loop);
    assert(rc == 0);
    return 0;
}
