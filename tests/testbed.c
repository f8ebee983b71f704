/*
 * testbed: a server with known behaviour for suites, benchmarks and fuzzers, written against the
 * public API only. It says `listening on PORT` once it accepts connections, stops on SIGTERM and
 * SIGINT, and loads its certificates again on SIGHUP.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/testbed/testbed.h"

enum { N_SIGNALS = 3 };

/* The servers of one loop. */
typedef struct testbed_unit {
    testbed bed; /* first: what the contracts see */
    struct testbed_program *program;
    unsigned open_servers;
    void (*on_closed)(void *data); /* NULL: its thread ends with its loop */
} testbed_unit;

typedef struct testbed_program {
    testbed_options options;
    uv_loop_t loop;
    uv_signal_t signals[N_SIGNALS];
    eio_tls *tls; /* NULL: plain */
    uv_timer_t grace;
    sio_workers *workers; /* NULL: all is done on the main loop */
    int port;
    bool is_stopping;
    testbed_unit units[SIO_WORKERS_MAX];
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

static int start_engine(testbed_unit *unit, eio_error *why)
{
    testbed *bed = &unit->bed;
    eio_options options;

    if (bed->options.contract->adjust_engine == NULL)
        return EIO_OK;
    eio_options_init(&options);
    fill_engine(&options, &bed->options);
    options.data = bed;
    bed->options.contract->adjust_engine(&options);
    int rc = eio_server_new(&bed->engine, bed->http, &options, why);
    if (rc != EIO_OK || bed->worker == NULL)
        return rc;
    return sio_worker_add_engine(bed->worker, bed->engine);
}

static int start_io(testbed_unit *unit, eio_error *why)
{
    testbed *bed = &unit->bed;
    const testbed_contract *contract = bed->options.contract;
    const sio_recovery_options recovery = { .max_disconnection_ms = bed->options.recovery_ms };
    sio_options options;

    if (contract->set_up == NULL)
        return EIO_OK;
    sio_options_init(&options);
    fill_engine(&options.engine, &bed->options);
    options.engine.path = bed->options.path;
    options.connect_timeout_ms = bed->options.connect_timeout_ms;
    options.client_dir = bed->options.client_dir;
    options.engine.data = bed;
    options.worker = bed->worker;
    if (bed->options.recovery_ms > 0)
        options.recovery = &recovery;
    if (bed->options.msgpack)
        options.parser = SIO_PARSER_MSGPACK;
    if (contract->adjust != NULL)
        contract->adjust(&options);
    int rc = testbed_redis_open(bed, &options, why);
    if (rc != EIO_OK)
        return rc;
    rc = sio_server_new(&bed->io, bed->http, &options, why);
    if (rc == EIO_OK)
        rc = testbed_forward(bed, why);
    if (rc != EIO_OK)
        return rc;
    rc = contract->set_up(bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

/* On the same listener, with options of its own. */
static int start_other(testbed_unit *unit, eio_error *why)
{
    sio_options options;

    if (unit->bed.options.contract->set_up_other == NULL)
        return EIO_OK;
    sio_options_init(&options);
    options.engine.path = "/other/";
    options.engine.transports = EIO_TRANSPORT_WEBSOCKET;
    options.worker = unit->bed.worker;
    int rc = sio_server_new(&unit->bed.other, unit->bed.http, &options, why);
    if (rc != EIO_OK)
        return rc;
    rc = unit->bed.options.contract->set_up_other(&unit->bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

static void answer_health(eio_http_request *request, void *data)
{
    (void)data;
    (void)eio_http_respond_text(request, 200, "text/plain", EIO_STR("ok"));
}

static void answer_metrics(eio_http_request *request, void *data)
{
    const testbed *bed = data;

    if (bed->metrics != NULL)
        sio_metrics_respond(bed->metrics, request);
    else
        (void)eio_http_respond(request, 503, NULL);
}

/* Whether the rest of the cluster can be reached. */
static void answer_readiness(eio_http_request *request, void *data)
{
    const char *trouble = testbed_redis_trouble(data);

    (void)eio_http_respond_text(request, trouble == NULL ? 200 : 503, "text/plain",
                                eio_slice_of(trouble == NULL ? "ready" : trouble));
}

static int start_http(testbed_unit *unit, eio_error *why)
{
    const testbed_options *options = &unit->bed.options;
    eio_http_options http;

    eio_http_options_init(&http);
    http.head_timeout_ms = options->headers_timeout_ms;
    http.request_timeout_ms = options->request_timeout_ms;
    http.trusted_proxies = options->trusted_proxies;
    http.max_connections = (size_t)options->max_connections;
    http.max_buffered_bytes = (size_t)options->max_buffered_bytes;
    int rc = eio_http_server_new(&unit->bed.http, unit->bed.loop, &http);
    if (rc == EIO_OK)
        rc = eio_http_server_route(unit->bed.http, "GET", "/healthz", answer_health, NULL);
    if (rc == EIO_OK)
        rc = eio_http_server_route(unit->bed.http, "GET", "/readyz", answer_readiness, &unit->bed);
    if (rc == EIO_OK)
        rc = eio_http_server_route(unit->bed.http, "GET", "/metrics", answer_metrics, &unit->bed);
    return rc == EIO_OK ? EIO_OK : eio_error_set(why, rc, "%s", eio_strerror(rc));
}

static int listen_http(testbed_unit *unit, eio_error *why)
{
    testbed_program *program = unit->program;
    eio_listen_options options;

    eio_listen_options_init(&options);
    options.host = program->options.host;
    options.port = (int)program->options.port;
    options.tls = program->tls;
    int rc = unit->bed.worker == NULL
                 ? eio_http_server_listen(unit->bed.http, &options, why)
                 : sio_worker_listen(unit->bed.worker, unit->bed.http, &options, why);
    if (rc == EIO_OK)
        program->port = eio_http_server_port(unit->bed.http);
    return rc;
}

static int start_metrics(testbed_unit *unit)
{
    const testbed *bed = &unit->bed;
    const sio_metrics_sources sources = {
        .worker = bed->worker,
        .http = bed->http,
        .engine = bed->engine,
        .server = bed->io,
        .bus = bed->bus,
    };

    return sio_metrics_new(&unit->bed.metrics, &sources);
}

static int start_unit(testbed_unit *unit, testbed_program *program, uv_loop_t *loop, eio_error *why)
{
    unit->program = program;
    unit->bed.options = program->options;
    unit->bed.loop = loop;
    int rc = start_http(unit, why);
    if (rc == EIO_OK)
        rc = start_engine(unit, why);
    if (rc == EIO_OK)
        rc = start_io(unit, why);
    if (rc == EIO_OK)
        rc = start_other(unit, why);
    if (rc == EIO_OK)
        rc = start_metrics(unit);
    return rc == EIO_OK ? listen_http(unit, why) : rc;
}

/* ---- stop ---- */

static void handle_http_closed(void *data)
{
    testbed_unit *unit = data;

    eio_buffer_unref(unit->bed.reasons);
    unit->bed.reasons = NULL;
    if (unit->on_closed != NULL)
        unit->on_closed(unit->program);
}

static void handle_redis_closed(void *data)
{
    testbed_unit *unit = data;

    unit->bed.bus = NULL;
    eio_http_server_close(unit->bed.http, handle_http_closed, unit);
}

static void handle_server_closed(void *data)
{
    testbed_unit *unit = data;

    if (--unit->open_servers == 0)
        testbed_redis_close(&unit->bed, handle_redis_closed, unit);
}

/* Also of a half-built one. */
static void stop_unit(testbed_unit *unit)
{
    testbed *bed = &unit->bed;

    if (bed->http == NULL)
        return;
    eio_http_server_stop(bed->http);
    sio_metrics_free(bed->metrics);
    bed->metrics = NULL;
    unit->open_servers = 1u + (bed->engine != NULL) + (bed->io != NULL) + (bed->other != NULL);
    if (bed->worker != NULL && bed->engine != NULL)
        sio_worker_remove_engine(bed->worker, bed->engine);
    sio_server_close(bed->io, handle_server_closed, unit);
    sio_server_close(bed->other, handle_server_closed, unit);
    eio_server_close(bed->engine, handle_server_closed, unit);
    handle_server_closed(unit);
}

static void handle_all_closed(void *data)
{
    testbed_program *program = data;

    eio_tls_unref(program->tls);
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    uv_close((uv_handle_t *)&program->grace, NULL);
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
    (void)uv_timer_start(&program->grace, handle_grace_over, program->options.grace_ms, 0);
    if (program->workers != NULL)
        sio_workers_close(program->workers, handle_all_closed, program);
    else
        stop_unit(&program->units[0]);
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

/* ---- workers ---- */

static int set_up_worker(sio_worker *worker, uv_loop_t *loop, void *data, eio_error *why)
{
    testbed_program *program = data;
    testbed_unit *unit = &program->units[sio_worker_index(worker)];

    unit->bed.worker = worker;
    int rc = start_unit(unit, program, loop, why);
    if (rc != EIO_OK)
        stop_unit(unit);
    return rc;
}

static void tear_down_worker(sio_worker *worker, void *data)
{
    testbed_program *program = data;

    stop_unit(&program->units[sio_worker_index(worker)]);
}

static int start_workers(testbed_program *program, eio_error *why)
{
    sio_workers_options options;

    sio_workers_options_init(&options);
    options.count = (unsigned)program->options.workers;
    options.setup = set_up_worker;
    options.teardown = tear_down_worker;
    options.data = program;
    return sio_workers_start(&program->workers, &program->loop, &options, why);
}

/* ---- main ---- */

static int init_loop(testbed_program *program)
{
    static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
    int rc = uv_loop_init(&program->loop);

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

    if (!testbed_options_parse(&program.options, argc, argv))
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    /* As docs/guide.md says: or large messages cost twice as much, for pages that come and go. */
    (void)mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    int rc = init_loop(&program);
    program.units[0].on_closed = handle_all_closed;
    if (rc == EIO_OK)
        rc = testbed_tls_new(&program.tls, &program.options, &why);
    if (rc == EIO_OK && program.options.workers > 1) {
        program.units[0].on_closed = NULL;
        rc = start_workers(&program, &why);
    } else if (rc == EIO_OK) {
        rc = start_unit(&program.units[0], &program, &program.loop, &why);
    }
    if (rc != EIO_OK) {
        fprintf(stderr, "testbed: %s\n", why.text[0] != '\0' ? why.text : eio_strerror(rc));
        return EXIT_FAILURE;
    }
    printf("listening on %d\n", program.port);
    fflush(stdout);
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&program.loop);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
