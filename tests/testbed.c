/*
 * testbed: a server with known behaviour for suites, benchmarks and fuzzers, written against the
 * public API only. It says `listening on PORT` once it accepts connections, stops on SIGTERM and
 * SIGINT, and loads its certificates again on SIGHUP.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/testbed/testbed.h"

enum { N_SIGNALS = 3 };

typedef struct testbed_program {
    testbed bed; /* first: what the contracts see */
    uv_loop_t loop;
    uv_signal_t signals[N_SIGNALS];
    eio_tls *tls; /* NULL: plain */
    uv_timer_t grace;
    unsigned open_servers;
    bool is_stopping;
} testbed_program;

/* ---- Engine.IO, where the contract has it ---- */

static void send_back(eio_session *session, eio_slice payload, bool binary, void *data)
{
    eio_buffer *buffer = eio_buffer_copy(payload);

    (void)data;
    if (buffer != NULL)
        (void)eio_session_send(session, buffer, binary ? EIO_SEND_BINARY : 0);
    eio_buffer_unref(buffer);
}

static void ignore_close(eio_session *session, eio_reason reason, const char *detail, void *data)
{
    (void)session;
    (void)reason;
    (void)detail;
    (void)data;
}

static void on_session(eio_server *server, eio_session *session, void *data)
{
    static const eio_session_handler handler = { .on_message = send_back,
                                                 .on_close = ignore_close };

    (void)server;
    eio_session_set_handler(session, &handler, data);
}

void testbed_send_back(eio_options *options)
{
    options->on_session = on_session;
}

/* ---- start ---- */

static void fill_engine(eio_options *engine, const testbed_options *options)
{
    static const char *origins[2];
    static eio_cors_options cors = { .max_age_s = -1 };
    static const eio_deflate_options deflate = { .threshold = 0 };

    engine->ping_interval_ms = options->ping_interval_ms;
    engine->ping_timeout_ms = options->ping_timeout_ms;
    engine->upgrade_timeout_ms = options->upgrade_timeout_ms;
    engine->max_payload_bytes = options->max_payload_bytes;
    engine->max_buffered_bytes = options->max_buffered_bytes;
    engine->transports = options->transports;
    engine->allow_eio3 = options->allow_eio3;
    if (options->deflate)
        engine->per_message_deflate = &deflate;
    if (options->cors == NULL)
        return;
    if (options->cors[0] != '*') {
        origins[0] = options->cors;
        cors.origins = origins;
    }
    engine->cors = &cors;
}

static int start_engine(testbed_program *program, eio_error *why)
{
    eio_options options;

    if (program->bed.options.contract->adjust_engine == NULL)
        return EIO_OK;
    eio_options_init(&options);
    fill_engine(&options, &program->bed.options);
    options.data = &program->bed;
    program->bed.options.contract->adjust_engine(&options);
    return eio_server_new(&program->bed.engine, program->bed.http, &options, why);
}

static int start_io(testbed_program *program, eio_error *why)
{
    const testbed_contract *contract = program->bed.options.contract;
    const sio_recovery_options recovery = { .max_disconnection_ms =
                                                program->bed.options.recovery_ms };
    sio_options options;

    if (contract->set_up == NULL)
        return EIO_OK;
    sio_options_init(&options);
    fill_engine(&options.engine, &program->bed.options);
    options.engine.path = program->bed.options.path;
    options.connect_timeout_ms = program->bed.options.connect_timeout_ms;
    options.client_dir = program->bed.options.client_dir;
    options.engine.data = &program->bed;
    if (program->bed.options.recovery_ms > 0)
        options.recovery = &recovery;
    if (program->bed.options.msgpack)
        options.parser = SIO_PARSER_MSGPACK;
    if (contract->adjust != NULL)
        contract->adjust(&options);
    int rc = testbed_redis_open(&program->bed, &options, why);
    if (rc != EIO_OK)
        return rc;
    rc = sio_server_new(&program->bed.io, program->bed.http, &options, why);
    if (rc != EIO_OK)
        return rc;
    rc = contract->set_up(&program->bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

/* On the same listener, with options of its own. */
static int start_other(testbed_program *program, eio_error *why)
{
    sio_options options;

    if (program->bed.options.contract->set_up_other == NULL)
        return EIO_OK;
    sio_options_init(&options);
    options.engine.path = "/other/";
    options.engine.transports = EIO_TRANSPORT_WEBSOCKET;
    int rc = sio_server_new(&program->bed.other, program->bed.http, &options, why);
    if (rc != EIO_OK)
        return rc;
    rc = program->bed.options.contract->set_up_other(&program->bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

static void answer_health(eio_http_request *request, void *data)
{
    (void)data;
    (void)eio_http_respond_text(request, 200, "text/plain", EIO_STR("ok"));
}

/* Whether the rest of the cluster can be reached. */
static void answer_readiness(eio_http_request *request, void *data)
{
    const char *trouble = testbed_redis_trouble(data);

    (void)eio_http_respond_text(request, trouble == NULL ? 200 : 503, "text/plain",
                                eio_slice_of(trouble == NULL ? "ready" : trouble));
}

static int start_http(testbed_program *program, eio_error *why)
{
    const testbed_options *options = &program->bed.options;
    eio_http_options http;

    eio_http_options_init(&http);
    http.head_timeout_ms = options->headers_timeout_ms;
    http.request_timeout_ms = options->request_timeout_ms;
    http.trusted_proxies = options->trusted_proxies;
    http.max_connections = (size_t)options->max_connections;
    http.max_buffered_bytes = (size_t)options->max_buffered_bytes;
    int rc = eio_http_server_new(&program->bed.http, &program->loop, &http);
    if (rc == EIO_OK)
        rc = eio_http_server_route(program->bed.http, "GET", "/healthz", answer_health, NULL);
    if (rc == EIO_OK)
        rc = eio_http_server_route(program->bed.http, "GET", "/readyz", answer_readiness,
                                   &program->bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

static int listen_http(testbed_program *program, eio_error *why)
{
    eio_listen_options options;

    eio_listen_options_init(&options);
    options.host = program->bed.options.host;
    options.port = (int)program->bed.options.port;
    options.tls = program->tls;
    return eio_http_server_listen(program->bed.http, &options, why);
}

/* ---- stop ---- */

static void handle_all_closed(void *data)
{
    testbed_program *program = data;

    eio_tls_unref(program->tls);
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    uv_close((uv_handle_t *)&program->grace, NULL);
}

static void handle_redis_closed(void *data)
{
    testbed_program *program = data;

    program->bed.bus = NULL;
    eio_http_server_close(program->bed.http, handle_all_closed, program);
}

static void handle_server_closed(void *data)
{
    testbed_program *program = data;

    if (--program->open_servers == 0)
        testbed_redis_close(&program->bed, handle_redis_closed, program);
}

static void handle_grace_over(uv_timer_t *timer)
{
    (void)timer;
    fprintf(stderr, "testbed: not closed within the grace time\n");
    exit(EXIT_FAILURE);
}

static void stop(testbed_program *program)
{
    if (program->is_stopping)
        return;
    program->is_stopping = true;
    (void)uv_timer_start(&program->grace, handle_grace_over, program->bed.options.grace_ms, 0);
    eio_http_server_stop(program->bed.http);
    program->open_servers = 1u + (program->bed.engine != NULL) + (program->bed.io != NULL) +
                            (program->bed.other != NULL);
    sio_server_close(program->bed.io, handle_server_closed, program);
    sio_server_close(program->bed.other, handle_server_closed, program);
    eio_server_close(program->bed.engine, handle_server_closed, program);
    handle_server_closed(program);
}

static void reload(testbed_program *program)
{
    eio_error why;

    if (program->tls != NULL && !program->is_stopping &&
        eio_tls_reload(program->tls, &why) != EIO_OK)
        fprintf(stderr, "testbed: %s\n", why.text);
    printf("reloaded\n");
    fflush(stdout);
}

static void handle_signal(uv_signal_t *signal, int number)
{
    if (number == SIGHUP)
        reload(signal->data);
    else
        stop(signal->data);
}

/* ---- main ---- */

static int init_loop(testbed_program *program)
{
    static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
    int rc = uv_loop_init(&program->loop);

    program->bed.loop = &program->loop;
    for (size_t i = 0; i < N_SIGNALS && rc == 0; i++) {
        program->signals[i].data = program;
        rc = uv_signal_init(&program->loop, &program->signals[i]);
        if (rc == 0)
            rc = uv_signal_start(&program->signals[i], handle_signal, numbers[i]);
    }
    if (rc == 0)
        rc = uv_timer_init(&program->loop, &program->grace);
    return rc;
}

int main(int argc, char **argv)
{
    static testbed_program program;
    eio_error why = { 0, "" };

    if (!testbed_options_parse(&program.bed.options, argc, argv))
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    int rc = init_loop(&program);
    if (rc == EIO_OK)
        rc = start_http(&program, &why);
    if (rc == EIO_OK)
        rc = start_engine(&program, &why);
    if (rc == EIO_OK)
        rc = start_io(&program, &why);
    if (rc == EIO_OK)
        rc = start_other(&program, &why);
    if (rc == EIO_OK)
        rc = testbed_tls_new(&program.tls, &program.bed.options, &why);
    if (rc == EIO_OK)
        rc = listen_http(&program, &why);
    if (rc != EIO_OK) {
        fprintf(stderr, "testbed: %s\n", why.text[0] != '\0' ? why.text : eio_strerror(rc));
        return EXIT_FAILURE;
    }
    printf("listening on %d\n", eio_http_server_port(program.bed.http));
    fflush(stdout);
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    eio_buffer_unref(program.bed.reasons);
    rc = uv_loop_close(&program.loop);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
