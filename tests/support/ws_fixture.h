/*
 * A WebSocket on a real loop: a server that accepts it, and beside it a client that writes and reads bare bytes. What
 * each of them saw stands in the fixture.
 */
#ifndef TESTS_SUPPORT_WS_FIXTURE_H
#define TESTS_SUPPORT_WS_FIXTURE_H

#include "engineio/websocket.h"

enum { WS_FIXTURE_MAX_BYTES = 65536, WS_FIXTURE_QUEUES = 4000 };

#define KEY_LINES                                                                                  \
    "Host: x\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"            \
    "Sec-WebSocket-Version: 13\r\n"
#define GOOD_HEAD "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" KEY_LINES "\r\n"
#define HEAD_END "\r\n\r\n"

/* What the server does with a message. */
typedef enum reaction { REACT_ECHO, REACT_CLOSE, REACT_ABORT, REACT_QUEUE } reaction;

typedef struct ws_fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool guard_fired;
    eio_http_server *http;
    bool http_closed;
    eio_websocket_options options;

    eio_websocket *ws; /* the server's end; NULL once it is gone */
    int accept_rc;
    reaction reaction;
    bool abort_in_close;
    char said[256]; /* the last message */
    size_t messages, controls, drains, closes;
    int code;
    bool failed;
    char reason[128];

    eio_stream *client; /* NULL once it is gone */
    bool client_gone;
    size_t to_send_len;
    char to_send[WS_FIXTURE_MAX_BYTES];
    size_t got_len;
    char got[WS_FIXTURE_MAX_BYTES];
    const char *wanted; /* run until this came */
    size_t wanted_len;
} ws_fixture;

void ws_put(ws_fixture *f, eio_slice bytes);
void ws_put_frame(ws_fixture *f, unsigned first, eio_slice payload);
void ws_send_all(ws_fixture *f);
void ws_run_until(ws_fixture *f, bool (*done)(const ws_fixture *));
bool ws_is_client_gone(const ws_fixture *f);
bool ws_has_message(const ws_fixture *f);
void ws_expect(ws_fixture *f, eio_slice bytes);
void ws_connect_client(ws_fixture *f);
void ws_open_websocket(ws_fixture *f);
void ws_assert_closed_with(ws_fixture *f, int code, const char *reason, bool failed);
int ws_set_up(void **state);
int ws_tear_down(void **state);

#endif
