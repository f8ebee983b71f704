#include "socketio/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "socketio/metrics_private.h"
#include "socketio/workers/group.h"

struct sio_metrics {
    sio_metrics_sources sources;
};

int sio_metrics_new(sio_metrics **out, const sio_metrics_sources *sources)
{
    if (sources->worker != NULL && sources->worker->metrics != NULL)
        return EIO_E_EXISTS;
    sio_metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics == NULL)
        return EIO_E_NOMEM;
    metrics->sources = *sources;
    if (sources->worker != NULL)
        sources->worker->metrics = metrics;
    *out = metrics;
    return EIO_OK;
}

void sio_metrics_free(sio_metrics *metrics)
{
    if (metrics != NULL && metrics->sources.worker != NULL)
        metrics->sources.worker->metrics = NULL;
    free(metrics);
}

/* ---- one loop's ---- */

static void add_engine(sio_figures *to, const eio_server *engine)
{
    const eio_counters counters = eio_server_counters(engine);

    to->sessions += eio_server_clients_count(engine);
    to->queued_bytes += eio_server_queued_bytes(engine);
    to->sessions_total += counters.sessions;
    to->handshakes_refused += counters.refused;
    to->slow_consumers += counters.slow_consumers;
    to->heartbeats += counters.ping_timeouts;
    to->parse_errors += counters.parse_errors;
    to->limits += counters.too_big + counters.overlaps;
    to->volatile_dropped += counters.volatile_dropped;
}

static void add_server(sio_figures *to, const sio_server *server)
{
    const sio_counters counters = sio_server_counters(server);

    add_engine(to, sio_server_engine(server));
    to->connects_refused += counters.refused;
    to->parse_errors += counters.parse_errors;
    to->limits += counters.violations;
    to->time_outs += counters.connect_timeouts;
    to->connected += counters.connected;
    to->disconnected += counters.disconnected;
    to->events += counters.events_in;
    to->packets += counters.packets_out;
    to->broadcasts += counters.broadcasts;
    to->acks_timed_out += counters.acks_timed_out;
}

static void add_here(sio_figures *to, const sio_metrics *metrics)
{
    const sio_metrics_sources *sources = &metrics->sources;

    to->workers++;
    if (sources->http != NULL)
        to->connections += eio_http_server_connections(sources->http);
    if (sources->engine != NULL)
        add_engine(to, sources->engine);
    if (sources->server != NULL)
        add_server(to, sources->server);
    if (sources->bus != NULL)
        sio_figures_add_bus(to, sources->bus);
    if (sources->worker != NULL)
        to->mail_dropped_bytes += sio_worker_dropped_bytes(sources->worker);
}

static void add_all(sio_figures *to, const sio_figures *more)
{
    enum { N = sizeof(*to) / sizeof(uint64_t) };
    uint64_t sums[N], numbers[N];

    memcpy(sums, to, sizeof(sums));
    memcpy(numbers, more, sizeof(numbers));
    for (size_t i = 0; i < N; i++)
        sums[i] += numbers[i];
    memcpy(to, sums, sizeof(sums));
}

/* ---- as text ---- */

typedef struct row {
    const char *name, *labels; /* "": none */
    const char *type, *help;   /* of a name; NULL: as above */
    size_t at;
} row;

#define AT(field) offsetof(sio_figures, field)

/* clang-format off */
static const row rows[] = {
    { "workers", "", "gauge", "threads that serve", AT(workers) },
    { "connections", "", "gauge", "open connections", AT(connections) },
    { "sessions", "", "gauge", "Engine.IO sessions that are open or closing", AT(sessions) },
    { "sessions_total", "", "counter", "sessions since the start", AT(sessions_total) },
    { "queued_bytes", "", "gauge", "output that waits for clients", AT(queued_bytes) },
    { "refused_total", "{what=\"handshake\"}", "counter", "clients that were not let in", AT(handshakes_refused) },
    { "refused_total", "{what=\"connect\"}", NULL, NULL, AT(connects_refused) },
    { "closed_total", "{reason=\"slow_consumer\"}", "counter", "clients closed by reason", AT(slow_consumers) },
    { "closed_total", "{reason=\"heartbeat\"}", NULL, NULL, AT(heartbeats) },
    { "closed_total", "{reason=\"parse_error\"}", NULL, NULL, AT(parse_errors) },
    { "closed_total", "{reason=\"limit\"}", NULL, NULL, AT(limits) },
    { "closed_total", "{reason=\"time_out\"}", NULL, NULL, AT(time_outs) },
    { "connected_total", "", "counter", "sockets that connected to a namespace", AT(connected) },
    { "disconnected_total", "", "counter", "sockets that disconnected", AT(disconnected) },
    { "events_received_total", "", "counter", "events from clients", AT(events) },
    { "packets_sent_total", "", "counter", "packets queued for clients", AT(packets) },
    { "broadcasts_total", "", "counter", "broadcasts, at each worker", AT(broadcasts) },
    { "acks_timed_out_total", "", "counter", "acknowledgements that did not come in time", AT(acks_timed_out) },
    { "volatile_dropped_total", "", "counter", "volatile messages not sent", AT(volatile_dropped) },
    { "mail_dropped_bytes_total", "", "counter", "broadcasts that a worker had no room for", AT(mail_dropped_bytes) },
    { "redis_published_total", "", "counter", "messages that Redis took", AT(redis_published) },
    { "redis_received_total", "", "counter", "messages that came from Redis", AT(redis_received) },
    { "redis_dropped_total", "", "counter", "messages that never left for Redis", AT(redis_dropped) },
    { "redis_bad_total", "", "counter", "messages from Redis that make no sense", AT(redis_bad) },
    { "redis_gaps_total", "", "counter", "times that a link to Redis broke", AT(redis_gaps) },
};
/* clang-format on */

static int print_row(eio_buffer **out, const row *one, const sio_figures *figures)
{
    char text[400];
    uint64_t value;
    int len = 0;

    memcpy(&value, (const char *)figures + one->at, sizeof(value));
    if (one->type != NULL)
        len = snprintf(text, sizeof(text), "# HELP socketio_%s %s\n# TYPE socketio_%s %s\n",
                       one->name, one->help, one->name, one->type);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "socketio_%s%s %llu\n", one->name,
                    one->labels, (unsigned long long)value);
    assert((size_t)len < sizeof(text));
    return eio_buffer_append(out, (eio_slice){ text, (size_t)len });
}

static void respond(eio_http_request *request, const sio_figures *figures)
{
    eio_buffer *text = eio_buffer_new(4096);
    int rc = text == NULL ? EIO_E_NOMEM : EIO_OK;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == EIO_OK; i++)
        rc = print_row(&text, &rows[i], figures);
    (void)eio_http_set_header(request, EIO_STR("Cache-Control"), EIO_STR("no-store"));
    if (rc == EIO_OK)
        (void)eio_http_respond_text(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                                    eio_buffer_slice(text));
    else
        (void)eio_http_respond(request, 503, NULL);
    eio_buffer_unref(text);
}

/* ---- from all workers ---- */

typedef struct collection {
    eio_http_request *request; /* its worker's; NULL: who asked is gone */
    sio_figures sum;
    atomic_uint left; /* answers, and the asking itself */
} collection;

/* A question, which becomes its answer. */
typedef struct part {
    collection *to;
    sio_workers *group;
    unsigned asker;
    sio_figures figures;
} part;

static void handle_abort(eio_http_request *request, void *data)
{
    collection *all = data;

    (void)request;
    all->request = NULL;
}

/* The last one ends it: on its loop, unless that has ended, and its requests with it. */
static void end_one(collection *all)
{
    if (atomic_fetch_sub(&all->left, 1) > 1)
        return;
    if (all->request != NULL) {
        eio_http_on_abort(all->request, NULL, NULL);
        respond(all->request, &all->sum);
    }
    free(all);
}

static void read_answer(sio_worker *worker, void *data)
{
    part *answer = data;

    if (worker != NULL)
        add_all(&answer->to->sum, &answer->figures);
    end_one(answer->to);
    free(answer);
}

static void read_question(sio_worker *worker, void *data)
{
    part *what = data;

    if (worker != NULL && worker->metrics != NULL)
        add_here(&what->figures, worker->metrics);
    (void)sio_workers_post(what->group, what->asker, read_answer, what);
}

static void ask(collection *all, sio_workers *group, unsigned asker, unsigned index)
{
    part *question = calloc(1, sizeof(*question));

    if (question == NULL)
        return;
    atomic_fetch_add(&all->left, 1);
    question->to = all;
    question->group = group;
    question->asker = asker;
    (void)sio_workers_post(group, index, read_question, question);
}

void sio_metrics_respond(const sio_metrics *metrics, eio_http_request *request)
{
    sio_worker *worker = metrics->sources.worker;
    unsigned count = worker == NULL ? 0 : sio_workers_count(sio_worker_group(worker));
    collection *all = calloc(1, sizeof(*all));

    if (all == NULL) {
        (void)eio_http_respond(request, 503, NULL);
        return;
    }
    all->request = request;
    atomic_init(&all->left, 1); /* the asking */
    eio_http_on_abort(request, handle_abort, all);
    add_here(&all->sum, metrics);
    for (unsigned i = 0; i < count; i++)
        if (i != worker->index)
            ask(all, worker->group, worker->index, i);
    end_one(all);
}
