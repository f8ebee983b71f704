#include "chat/server.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat/log.h"
#include "chat/memory.h"
#include "chat/unit.h"
#include "socketio/workers.h"

enum { N_SIGNALS = 3 };

typedef struct chat_server {
    const chat_options *options;
    const chat_profile *profile;
    uv_loop_t *loop;
    eio_tls *tls;         /* NULL: plain */
    void *shared;         /* the profile's; NULL: nothing, or gone */
    sio_workers *workers; /* NULL: all is done on the main loop */
    unsigned unit_count;
    chat_unit units[SIO_WORKERS_MAX]; /* each its own loop's */
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t patience; /* with an orderly end */
    uv_timer_t memory;
    int stopped_by;          /* a signal; 0: it serves */
    atomic_uint retired;     /* units that accept no more */
    atomic_size_t sent_away; /* their clients */
} chat_server;

/* Static: what is still there when a start fails ends with the process. */
static chat_server server;

/* ---- the end, in order ---- */

static void handle_all_stopped(void *data)
{
    (void)data;
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *)&server.signals[i], NULL);
    /* Connections may still be lingering; they do so as long as there is patience. */
    uv_unref((uv_handle_t *)&server.patience);
}

static void handle_impatience(uv_timer_t *timer)
{
    (void)timer;
    chat_log(CHAT_LOG_WARN, "stop", "late=%ldms", server.options->stop_grace_ms);
    (void)fflush(stdout);
    _exit(0);
}

/* On the unit's thread. The last one to retire knows how many clients there are to be sent away. */
static void retire(chat_unit *unit)
{
    chat_unit_retire(unit);
    atomic_fetch_add(&server.sent_away, chat_unit_count_clients(unit));
    if (atomic_fetch_add(&server.retired, 1) + 1 == server.unit_count)
        chat_log(CHAT_LOG_INFO, "stop", "signal=%s clients=%zu",
                 server.stopped_by == SIGTERM ? "SIGTERM" : "SIGINT",
                 atomic_load(&server.sent_away));
}

static void retire_worker(sio_worker *worker, void *data)
{
    (void)data;
    if (worker != NULL)
        retire(&server.units[sio_worker_index(worker)]);
}

static void tear_down_worker(sio_worker *worker, void *data)
{
    (void)data;
    chat_unit_stop(&server.units[sio_worker_index(worker)], NULL, NULL);
}

/* All stop to accept at once: the first worker is torn down when the others have ended. */
static void stop(void)
{
    if (server.workers == NULL) {
        retire(&server.units[0]);
        chat_unit_stop(&server.units[0], handle_all_stopped, NULL);
        return;
    }
    for (unsigned i = 0; i < server.unit_count; i++)
        (void)sio_workers_post(server.workers, i, retire_worker, NULL);
    sio_workers_close(server.workers, handle_all_stopped, NULL);
}

static void reload_certificate(void)
{
    char note[CHAT_LOG_VALUE_BYTES];
    eio_error why;

    if (eio_tls_reload(server.tls, &why) == EIO_OK)
        chat_log(CHAT_LOG_INFO, "reload", "certificate=%s", server.options->tls_cert);
    else
        chat_log(CHAT_LOG_ERROR, "reload", "note=%s", chat_log_value(note, eio_slice_of(why.text)));
}

static void handle_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number == SIGHUP) {
        reload_certificate();
        return;
    }
    if (server.stopped_by != 0) {
        (void)fflush(stdout);
        _exit(128 + number);
    }
    server.stopped_by = number;
    uv_timer_start(&server.patience, handle_impatience, (uint64_t)server.options->stop_grace_ms, 0);
    stop();
}

/* ---- the parts ---- */

static void give_up(const char *why)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s\n", why);
    _exit(EXIT_FAILURE);
}

static int open_tls(eio_error *why)
{
    eio_tls_options options;

    if (server.options->tls_cert == NULL && server.options->tls_key == NULL)
        return EIO_OK;
    eio_tls_options_init(&options);
    options.cert_file = server.options->tls_cert;
    options.key_file = server.options->tls_key;
    return eio_tls_new(&server.tls, &options, why);
}

static int open_shared(eio_error *why)
{
    return server.profile->share == NULL
               ? EIO_OK
               : server.profile->share(&server.shared, server.options, why);
}

static int start_unit(chat_unit *unit, uv_loop_t *loop, sio_worker *worker, eio_error *why)
{
    const chat_host host = {
        .options = server.options,
        .loop = loop,
        .worker = worker,
        .shared = server.shared,
        .give_up = give_up,
    };

    return chat_unit_start(unit, &host, server.tls, why);
}

/* One that cannot start ends the process: what it has opened ends with that. */
static int set_up_worker(sio_worker *worker, uv_loop_t *loop, void *data, eio_error *why)
{
    (void)data;
    if (start_unit(&server.units[sio_worker_index(worker)], loop, worker, why) != EIO_OK)
        give_up(why->text);
    return EIO_OK;
}

static int open_units(eio_error *why)
{
    sio_workers_options options;
    unsigned wanted = (unsigned)server.options->workers;

    server.unit_count = wanted > 0 ? wanted : uv_available_parallelism();
    if (server.unit_count > SIO_WORKERS_MAX)
        server.unit_count = SIO_WORKERS_MAX;
    if (server.unit_count == 1)
        return start_unit(&server.units[0], server.loop, NULL, why);
    sio_workers_options_init(&options);
    options.count = server.unit_count;
    options.setup = set_up_worker;
    options.teardown = tear_down_worker;
    return sio_workers_start(&server.workers, server.loop, &options, why);
}

static int watch_signals(eio_error *why)
{
    static const int numbers[N_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
    int rc = uv_timer_init(server.loop, &server.patience);

    if (rc == 0)
        rc = chat_memory_watch(server.loop, &server.memory);
    for (size_t i = 0; i < N_SIGNALS && rc == 0; i++) {
        rc = uv_signal_init(server.loop, &server.signals[i]);
        /* Without a certificate to load again, SIGHUP ends the process: its terminal is gone. */
        if (rc == 0 && (numbers[i] != SIGHUP || server.tls != NULL))
            rc = uv_signal_start(&server.signals[i], handle_signal, numbers[i]);
    }
    return rc == 0 ? EIO_OK : eio_error_set(why, rc, "signals: %s", uv_strerror(rc));
}

static int start(eio_error *why)
{
    static int (*const steps[])(eio_error *) = { open_shared, open_tls, open_units, watch_signals };
    int rc = EIO_OK;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == EIO_OK; i++)
        rc = steps[i](why);
    return rc;
}

static int end(void)
{
    uv_close((uv_handle_t *)&server.patience, NULL);
    uv_close((uv_handle_t *)&server.memory, NULL);
    uv_run(server.loop, UV_RUN_DEFAULT);
    eio_tls_unref(server.tls);
    if (server.profile->unshare != NULL)
        server.profile->unshare(server.shared);
    chat_log(CHAT_LOG_INFO, "stopped", "in_order=yes");
    return uv_loop_close(server.loop);
}

int chat_server_run(const chat_options *options, eio_error *why)
{
    server.options = options;
    server.profile = options->profile;
    server.loop = uv_default_loop();
    if (server.loop == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    int rc = start(why);
    if (rc != EIO_OK)
        return rc;
    chat_log_set_level(options->log_level);
    server.profile->announce(server.units[0].running, eio_http_server_port(server.units[0].http));
    uv_run(server.loop, UV_RUN_DEFAULT);
    return end();
}
