#include "chat/broadcast/broadcast.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/broadcast/link.h"
#include "chat/json.h"
#include "chat/log.h"
#include "chat/websocket.h"
#include "socketio/workers.h"

enum { LOOK_MS = 1000 }; /* at the link, for the other workers */

typedef struct broadcast_options {
    const char *amqp_url;
} broadcast_options;

typedef struct broadcast {
    const chat_host *host;
    chat_clients clients;
    broadcast_link *link; /* NULL: this server is alone, or another worker has it */
    uv_timer_t look;      /* where the link is */
    bool closing;
    void (*on_stopped)(void *data);
    void *stopped_data;
} broadcast;

/* What the workers have in common. */
typedef struct broadcast_shared {
    broadcast *owners[SIO_WORKERS_MAX]; /* each its own worker's to use; NULL: it is gone */
    atomic_bool link_is_ready;
} broadcast_shared;

typedef struct broadcast_client {
    chat_client client; /* first */
    broadcast *owner;
} broadcast_client;

/* ---- messages ---- */

/* One frame for all of them. */
static void tell_all(broadcast *owner, eio_slice payload, bool binary)
{
    eio_buffer *frame = eio_buffer_copy(payload);
    chat_client *client;

    if (frame == NULL)
        return;
    TAILQ_FOREACH(client, &owner->clients.list, link)
        (void)eio_websocket_send(client->ws, frame, binary);
    eio_buffer_unref(frame);
}

static void tell_link(broadcast *owner, eio_slice payload, bool binary)
{
    if (owner->link != NULL && !owner->closing)
        owner->link->type->send(owner->link, payload, binary);
}

/* A message on its way to another worker. */
typedef struct parcel {
    const broadcast_shared *shared;
    bool is_ours; /* of a client of this process: the link has to carry it */
    bool binary;
    size_t len;
    char bytes[];
} parcel;

static void open_parcel(sio_worker *worker, void *data)
{
    parcel *what = data;
    broadcast *owner = worker == NULL ? NULL : what->shared->owners[sio_worker_index(worker)];
    eio_slice payload = { what->bytes, what->len };

    if (owner != NULL) {
        tell_all(owner, payload, what->binary);
        if (what->is_ours)
            tell_link(owner, payload, what->binary);
    }
    free(what);
}

/* A worker that reads nothing any more misses it. */
static void send_parcel(const broadcast *owner, unsigned to, eio_slice payload, bool binary,
                        bool is_ours)
{
    parcel *what = malloc(sizeof(*what) + payload.len);

    if (what == NULL)
        return;
    *what = (parcel){ owner->host->shared, is_ours, binary, payload.len };
    if (payload.len > 0)
        memcpy(what->bytes, payload.base, payload.len);
    (void)sio_workers_post_bytes(sio_worker_group(owner->host->worker), to,
                                 sizeof(*what) + payload.len, open_parcel, what);
}

static void tell_workers(const broadcast *owner, eio_slice payload, bool binary, bool is_ours)
{
    sio_worker *worker = owner->host->worker;
    unsigned count = worker == NULL ? 0 : sio_workers_count(sio_worker_group(worker));

    for (unsigned i = 0; i < count; i++)
        if (i != sio_worker_index(worker))
            send_parcel(owner, i, payload, binary, is_ours);
}

/* Others may reach the exchange or channel, too: a text that is none would end the connection of everybody here. */
static void handle_remote(eio_slice payload, bool binary, void *data)
{
    if (!binary && !chat_json_is_utf8(payload))
        return;
    tell_all(data, payload, binary);
    tell_workers(data, payload, binary, false);
}

static void handle_message(eio_websocket *ws, eio_slice payload, bool binary, void *data)
{
    broadcast *owner = ((broadcast_client *)data)->owner;

    (void)ws;
    tell_all(owner, payload, binary);
    tell_workers(owner, payload, binary, true);
    tell_link(owner, payload, binary);
}

static void handle_close(eio_websocket *ws, int code, eio_slice reason, bool failed, void *data)
{
    broadcast_client *client = data;

    (void)ws;
    (void)code;
    (void)reason;
    (void)failed;
    chat_log(CHAT_LOG_INFO, "Client disconnected", "code=%d", code);
    chat_clients_remove(&client->owner->clients, &client->client);
    free(client);
}

/* Any path may be upgraded. */
static bool handle_upgrade(eio_http_request *request, void *data)
{
    static const eio_websocket_handler handler = { .on_message = handle_message,
                                                   .on_close = handle_close };
    broadcast *owner = data;
    broadcast_client *client = calloc(1, sizeof(*client));
    char peer[64];

    if (client == NULL) {
        eio_http_destroy(request);
        return true;
    }
    client->owner = owner;
    eio_http_remote_address(request, peer, sizeof(peer));
    if (chat_clients_accept(&owner->clients, &client->client, request, &handler))
        chat_log(CHAT_LOG_INFO, "Client connected", "peer=%s", peer);
    else
        free(client);
    return true;
}

/* ---- start and end ---- */

static int make_shared(void **out, const chat_options *options, eio_error *why)
{
    (void)options;
    *out = calloc(1, sizeof(broadcast_shared));
    return *out != NULL ? EIO_OK : eio_error_set(why, EIO_E_NOMEM, "out of memory");
}

static bool has_link(const chat_options *options)
{
    const broadcast_options *own = options->own;

    return own->amqp_url != NULL || options->redis_url != NULL;
}

static void handle_look(uv_timer_t *timer)
{
    const broadcast *owner = timer->data;
    broadcast_shared *shared = owner->host->shared;

    atomic_store(&shared->link_is_ready, owner->link->type->is_ready(owner->link));
}

/* One for the process: the first worker's. */
static int open_link(broadcast *owner, eio_error *why)
{
    const chat_options *options = owner->host->options;
    const broadcast_options *own = options->own;

    if (!has_link(options) || chat_host_number(owner->host) > 1)
        return EIO_OK;
    (void)uv_timer_init(owner->host->loop, &owner->look);
    owner->look.data = owner;
    if (owner->host->worker != NULL)
        (void)uv_timer_start(&owner->look, handle_look, LOOK_MS, LOOK_MS);
    return own->amqp_url != NULL ? broadcast_amqp_open(&owner->link, owner->host->loop,
                                                       own->amqp_url, handle_remote, owner, why)
                                 : broadcast_redis_open(&owner->link, owner->host->loop, options,
                                                        handle_remote, owner, why);
}

static int start(void **out, const chat_host *host, eio_error *why)
{
    broadcast *owner = calloc(1, sizeof(*owner));
    broadcast_shared *shared = host->shared;

    if (owner == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    *out = owner;
    owner->host = host;
    shared->owners[chat_host_number(host) - 1] = owner;
    chat_clients_init(&owner->clients, host->options);
    host->site->on_upgrade = handle_upgrade;
    host->site->upgrade_data = owner;
    int rc = open_link(owner, why);
    if (rc == EIO_OK && host->options->web_dir != NULL)
        rc = chat_site_serve_page(host->site, host->http, host->options->web_dir, why);
    return rc;
}

static void announce(const void *running, int port)
{
    const broadcast *owner = running;
    const chat_options *options = owner->host->options;
    const broadcast_options *own = options->own;

    printf("Server started on port %d\n", port);
    chat_options_log(options, !has_link(options)      ? NULL
                              : own->amqp_url != NULL ? "RabbitMQ"
                                                      : "Redis");
}

/* Local clients are served whether or not the link is there; the balancer should prefer servers that hear all. */
static bool is_ready(const void *running)
{
    const broadcast *owner = running;
    broadcast_shared *shared = owner->host->shared;

    if (owner->link != NULL)
        return owner->link->type->is_ready(owner->link);
    return !has_link(owner->host->options) || atomic_load(&shared->link_is_ready);
}

static size_t count_clients(const void *running)
{
    return ((const broadcast *)running)->clients.count;
}

static void finish(broadcast *owner)
{
    broadcast_shared *shared = owner->host->shared;
    void (*on_stopped)(void *) = owner->on_stopped;
    void *stopped_data = owner->stopped_data;

    shared->owners[chat_host_number(owner->host) - 1] = NULL;
    free(owner);
    on_stopped(stopped_data);
}

static void handle_look_closed(uv_handle_t *handle)
{
    finish(handle->data);
}

static void handle_link_closed(void *data)
{
    broadcast *owner = data;

    uv_close((uv_handle_t *)&owner->look, handle_look_closed);
}

static void handle_empty(void *data)
{
    broadcast *owner = data;

    owner->host->site->on_upgrade = NULL;
    owner->closing = true;
    if (owner->link == NULL) {
        finish(owner);
        return;
    }
    (void)uv_timer_stop(&owner->look);
    owner->link->type->close(owner->link, handle_link_closed, owner);
}

static void stop(void *running, void (*on_stopped)(void *data), void *data)
{
    broadcast *owner = running;

    owner->on_stopped = on_stopped;
    owner->stopped_data = data;
    chat_clients_stop(&owner->clients, handle_empty, owner);
}

/* ---- what it is ---- */

static int settle(chat_options *options, eio_error *why)
{
    const broadcast_options *own = options->own;

    if (own->amqp_url != NULL && options->redis_url != NULL)
        return eio_error_set(why, EIO_E_INVALID,
                             "AMQP_URL and REDIS_URL are both set: one link is enough");
    return EIO_OK;
}

static const chat_option own_options[] = {
    { "amqp", "AMQP_URL", "URL", CHAT_OPTION_SECRET, 0, offsetof(broadcast_options, amqp_url), 0, 0,
      "amqp://[user:password@]host[:port][/vhost]: other servers are\n"
      "reached through the exchange chat.fanout of this RabbitMQ",
      NULL },
};

static const chat_default defaults[] = {
    { "port", "8080" },
    { "max-payload", "1048576" },
    { "ping-interval", "30000" },
    { NULL, NULL },
};

static const char usage[] =
    "One room over plain WebSocket: every message goes to everybody. Several servers are one room\n"
    "through RabbitMQ or Redis.\n";

static const char examples[] =
    "  chatd broadcast                                   alone, on port 8080\n"
    "  AMQP_URL=amqp://localhost chatd broadcast         several servers, through RabbitMQ\n"
    "  REDIS_URL=redis://localhost chatd broadcast       through Redis\n";

const chat_profile chat_broadcast_profile = {
    .name = "broadcast",
    .summary = "every message to everybody, over plain WebSocket",
    .usage = usage,
    .examples = examples,
    .takes = CHAT_TAKES_REDIS | CHAT_TAKES_PAGE | CHAT_TAKES_PINGS,
    .options = own_options,
    .option_count = sizeof(own_options) / sizeof(own_options[0]),
    .own_size = sizeof(broadcast_options),
    .defaults = defaults,
    .settle = settle,
    .share = make_shared,
    .unshare = free,
    .start = start,
    .announce = announce,
    .is_ready = is_ready,
    .count_clients = count_clients,
    .stop = stop,
};
