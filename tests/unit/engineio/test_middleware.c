/* Middlewares of the engine whose server closes under them. */
#include "engineio/engineio.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef enum deed { GO_ON, FAIL, TAKE, GO_ON_WHEN_CLOSED, TAKE_BEFORE } deed;

typedef struct scene {
    uv_loop_t loop;
    eio_http_server *http;
    eio_server *server;
    eio_step *kept;
    deed what;
    unsigned calls;
    int client;
} scene;

static void handle_closed(void *data)
{
    scene *all = data;

    if (all->kept != NULL) {
        assert_null(eio_step_request(all->kept));
        eio_step_next(all->kept);
    }
    eio_http_server_close(all->http, NULL, NULL);
}

static void close_and_answer(eio_server *server, eio_step *step, void *data)
{
    scene *all = data;

    all->calls++;
    if (all->what == TAKE_BEFORE) {
        eio_http_request *request = eio_step_take(step);
        eio_server_close(server, handle_closed, all);
        assert_int_equal(eio_http_respond_text(request, 418, NULL, EIO_STR("mine")), EIO_OK);
        return;
    }
    eio_server_close(server, handle_closed, all);
    assert_null(eio_step_request(step));
    switch (all->what) {
    case GO_ON: eio_step_next(step); break;
    case FAIL: eio_step_fail(step); break;
    case TAKE: assert_null(eio_step_take(step)); break;
    case GO_ON_WHEN_CLOSED: all->kept = step; break;
    case TAKE_BEFORE: break;
    }
}

static void start(scene *all)
{
    eio_listen_options where;
    eio_options options;

    assert_int_equal(uv_loop_init(&all->loop), 0);
    assert_int_equal(eio_http_server_new(&all->http, &all->loop, NULL), EIO_OK);
    eio_listen_options_init(&where);
    where.host = "127.0.0.1";
    where.port = 0;
    assert_int_equal(eio_http_server_listen(all->http, &where, NULL), EIO_OK);
    eio_options_init(&options);
    assert_int_equal(eio_server_new(&all->server, all->http, &options, NULL), EIO_OK);
    /* Two of them: the second must never be called. */
    assert_int_equal(eio_server_use(all->server, close_and_answer, all), EIO_OK);
    assert_int_equal(eio_server_use(all->server, close_and_answer, all), EIO_OK);
}

static void ask(scene *all)
{
    static const char request[] = "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\n"
                                  "Host: x\r\n\r\n";
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)eio_http_server_port(all->http)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    all->client = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(all->client >= 0);
    assert_int_equal(
        connect(all->client, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(write(all->client, request, sizeof(request) - 1),
                     (ssize_t)(sizeof(request) - 1));
}

/* The answer's first bytes; none if there was no answer. */
static size_t run(deed what, char answer[64])
{
    scene all = { .what = what };

    start(&all);
    ask(&all);
    assert_int_equal(uv_run(&all.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&all.loop), 0);
    assert_int_equal(all.calls, 1);
    ssize_t len = recv(all.client, answer, 63, 0);
    close(all.client);
    return len < 0 ? 0 : (size_t)len;
}

static void a_middleware_may_close_the_server_and_answer_then(void **state)
{
    char answer[64];

    (void)state;
    assert_int_equal(run(GO_ON, answer), 0);
    assert_int_equal(run(FAIL, answer), 0);
    assert_int_equal(run(TAKE, answer), 0);
}

static void an_answer_may_come_when_the_server_is_gone(void **state)
{
    char answer[64];

    (void)state;
    assert_int_equal(run(GO_ON_WHEN_CLOSED, answer), 0);
}

static void a_request_that_was_taken_is_its_takers(void **state)
{
    char answer[64];

    (void)state;
    assert_true(run(TAKE_BEFORE, answer) > 12);
    assert_memory_equal(answer, "HTTP/1.1 418", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_middleware_may_close_the_server_and_answer_then),
        cmocka_unit_test(an_answer_may_come_when_the_server_is_gone),
        cmocka_unit_test(a_request_that_was_taken_is_its_takers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
