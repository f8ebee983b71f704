#include "socketio/forward/forwarder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engineio/family.h"
#include "socketio/forward/owners.h"

enum { LOG_LINE_BYTES = 200 };

static eio_slice exchange_id(const void *item)
{
    const sio_exchange *exchange = item;

    return (eio_slice){ exchange->id, sizeof(exchange->id) };
}

static eio_slice peer_name(const void *item)
{
    const sio_peer *peer = item;

    return (eio_slice){ peer->name, sizeof(peer->name) };
}

/* ---- names and channels ---- */

static void hear_inbox(eio_slice channel, eio_slice bytes, void *data);

/* A new name, and ears for it. Without it nothing is forwarded until the next try. */
static int take_name(sio_forwarder *forwarder)
{
    char *behind = forwarder->channel + forwarder->channel_len;
    int rc = eio_random_id(forwarder->name);

    sio_subscription_remove(forwarder->inbox);
    forwarder->inbox = NULL;
    if (rc != EIO_OK)
        return rc;
    memcpy(behind, forwarder->name, sizeof(forwarder->name));
    return sio_subscriber_add(
        &forwarder->inbox, sio_redis_bus_subscriber(forwarder->bus), SIO_SUBSCRIBE,
        (eio_slice){ forwarder->channel, forwarder->channel_len + sizeof(forwarder->name) },
        hear_inbox, forwarder);
}

/* KEY-forward#PATH#, and a name behind it for one server's inbox. */
static int make_channel(sio_forwarder *forwarder)
{
    const char *key = sio_redis_bus_settings(forwarder->bus)->key;
    const char *path = eio_server_path(forwarder->engine);
    size_t size = strlen(key) + strlen(path) + sizeof("-forward##") + SIO_FORWARD_NAME_LEN;

    forwarder->channel = malloc(size);
    if (forwarder->channel == NULL)
        return EIO_E_NOMEM;
    forwarder->channel_len =
        (size_t)snprintf(forwarder->channel, size, "%s-forward#%s#", key, path);
    return EIO_OK;
}

/* ---- all that is under way ends ---- */

static sio_exchange *any_exchange(const sio_forwarder *forwarder)
{
    size_t at = 0;

    return eio_table_next(&forwarder->exchanges, &at);
}

static void refuse_waiting(sio_forwarder *forwarder)
{
    sio_owner *owner;
    sio_exchange *exchange;
    size_t at = 0;

    while ((owner = eio_table_next(&forwarder->owners, &at)) != NULL)
        while ((exchange = LIST_FIRST(&owner->waiting)) != NULL) {
            forwarder->counters.lost++;
            sio_near_refuse(exchange);
        }
}

static void free_peers(sio_forwarder *forwarder)
{
    sio_peer *peer;
    size_t at = 0;

    while ((peer = eio_table_next(&forwarder->peers, &at)) != NULL) {
        eio_table_remove(&forwarder->peers, peer);
        free(peer);
        at = 0;
    }
}

/* Whoever spoke with us until now is to take us for dead: what we have missed, we cannot know. */
static void end_all(sio_forwarder *forwarder, const char *why)
{
    char line[LOG_LINE_BYTES];
    const uint64_t before = forwarder->counters.lost;
    sio_exchange *exchange;

    forwarder->trouble = NULL;
    refuse_waiting(forwarder);
    while ((exchange = any_exchange(forwarder)) != NULL)
        sio_exchange_fail(exchange);
    sio_owners_clear(forwarder);
    free_peers(forwarder);
    sio_outbox_clear(forwarder);
    (void)snprintf(line, sizeof(line), "forwarding: %s; %" PRIu64 " requests end", why,
                   forwarder->counters.lost - before);
    eio_server_log_line(forwarder->engine, 'w', line);
    if (take_name(forwarder) != EIO_OK)
        eio_server_log_line(forwarder->engine, 'e', "forwarding: no name: it rests");
}

bool sio_forwarder_look(sio_forwarder *forwarder)
{
    const uint64_t lost = sio_redis_bus_count(forwarder->bus).lost;

    if (lost == forwarder->links_lost)
        return false;
    forwarder->links_lost = lost;
    end_all(forwarder, "a link to Redis was lost");
    return true;
}

void sio_forwarder_give_up(sio_forwarder *forwarder, const char *why)
{
    if (why != NULL)
        forwarder->trouble = why;
    eio_late_add(forwarder->loop, &forwarder->late);
}

bool sio_forwarder_is_ready(sio_forwarder *forwarder)
{
    bool is_ready = !forwarder->is_closing && sio_redis_bus_trouble(forwarder->bus) == NULL &&
                    forwarder->inbox != NULL && sio_subscription_is_confirmed(forwarder->inbox) &&
                    sio_subscription_is_confirmed(forwarder->all);

    if (!is_ready && !forwarder->has_complained && !forwarder->is_closing)
        eio_server_log_line(forwarder->engine, 'w',
                            "forwarding: Redis cannot be reached: requests of sessions on other "
                            "servers are refused");
    forwarder->has_complained = !is_ready;
    return is_ready;
}

/* ---- peers ---- */

sio_peer *sio_forwarder_need_peer(sio_forwarder *forwarder, eio_slice name)
{
    sio_peer *peer = eio_table_find(&forwarder->peers, name);

    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    memcpy(peer->name, name.base, sizeof(peer->name));
    peer->heard_ms = uv_now(forwarder->loop->uv);
    if (eio_table_add(&forwarder->peers, peer) != EIO_OK) {
        free(peer);
        return NULL;
    }
    if (!eio_deadline_is_waiting(&forwarder->tick))
        eio_deadline_start(&forwarder->ticks, &forwarder->tick);
    return peer;
}

/* Its exchanges end if it is silent for too long. False: there is nothing in common any more. */
static bool keep_peer(const sio_forwarder *forwarder, const sio_peer *peer)
{
    sio_exchange *exchange;

    if (uv_now(forwarder->loop->uv) - peer->heard_ms >= forwarder->silence_ms)
        while ((exchange = LIST_FIRST(&peer->exchanges)) != NULL)
            sio_exchange_fail(exchange);
    return !LIST_EMPTY(&peer->exchanges);
}

static void handle_tick(eio_deadline *deadline)
{
    sio_forwarder *forwarder = (sio_forwarder *)((char *)deadline - offsetof(sio_forwarder, tick));
    sio_peer *peer;
    size_t at = 0;

    if (sio_forwarder_look(forwarder))
        return;
    while ((peer = eio_table_next(&forwarder->peers, &at)) != NULL) {
        if (keep_peer(forwarder, peer))
            continue;
        eio_table_remove(&forwarder->peers, peer);
        free(peer);
        at = 0;
    }
    at = 0;
    while ((peer = eio_table_next(&forwarder->peers, &at)) != NULL)
        sio_forwarder_post(forwarder, peer_name(peer),
                           (sio_forward_message){ .kind = SIO_FORWARD_PING });
    if (forwarder->peers.count > 0)
        eio_deadline_start(&forwarder->ticks, &forwarder->tick);
}

/* ---- what comes ---- */

static bool open_exchange(sio_forwarder *forwarder, const sio_forward_message *message)
{
    sio_peer *peer =
        forwarder->is_closing ? NULL : sio_forwarder_need_peer(forwarder, message->from);

    return peer == NULL || sio_far_open(forwarder, peer, message);
}

static bool answer_find(sio_forwarder *forwarder, const sio_forward_message *message)
{
    if (!forwarder->is_closing && eio_server_knows(forwarder->engine, message->bytes))
        sio_forwarder_post(
            forwarder, message->from,
            (sio_forward_message){ .kind = SIO_FORWARD_HERE, .bytes = message->bytes });
    return true;
}

/* What each kind asks of the exchange that it is for. */
static bool fits(const sio_exchange *exchange, sio_forward_kind kind)
{
    switch (kind) {
    case SIO_FORWARD_BODY: return exchange->state == SIO_EXCHANGE_SERVED;
    case SIO_FORWARD_ANSWER:
    case SIO_FORWARD_UPGRADE: return exchange->state == SIO_EXCHANGE_ASKED;
    case SIO_FORWARD_BYTES:
    case SIO_FORWARD_TAKEN: return exchange->state == SIO_EXCHANGE_TUNNEL;
    case SIO_FORWARD_END: return true;
    case SIO_FORWARD_FIND:
    case SIO_FORWARD_HERE:
    case SIO_FORWARD_PING:
    case SIO_FORWARD_OPEN:
    case SIO_FORWARD_N_KINDS: break;
    }
    return false;
}

/* One that is over already is no fault: both ends may end it. */
static bool go_on(sio_forwarder *forwarder, const sio_forward_message *message)
{
    sio_exchange *exchange = eio_table_find(&forwarder->exchanges, message->exchange);

    if (exchange == NULL)
        return true;
    if (!eio_slice_equal(peer_name(exchange->peer), message->from) ||
        !fits(exchange, message->kind))
        return false;
    switch (message->kind) {
    case SIO_FORWARD_BODY: sio_far_body(exchange, message); break;
    case SIO_FORWARD_ANSWER: sio_near_answer(exchange, message); break;
    case SIO_FORWARD_UPGRADE: sio_near_upgrade(exchange); break;
    case SIO_FORWARD_BYTES: sio_tunnel_feed(exchange, message->bytes); break;
    case SIO_FORWARD_TAKEN: sio_tunnel_taken(exchange, message->number); break;
    case SIO_FORWARD_END: sio_exchange_handle_end(exchange); break;
    case SIO_FORWARD_FIND:
    case SIO_FORWARD_HERE:
    case SIO_FORWARD_PING:
    case SIO_FORWARD_OPEN:
    case SIO_FORWARD_N_KINDS: break;
    }
    return true;
}

static bool dispatch(sio_forwarder *forwarder, const sio_forward_message *message)
{
    switch (message->kind) {
    case SIO_FORWARD_FIND: return answer_find(forwarder, message);
    case SIO_FORWARD_HERE: sio_owners_hear(forwarder, message->bytes, message->from); return true;
    case SIO_FORWARD_PING: return true;
    case SIO_FORWARD_OPEN: return open_exchange(forwarder, message);
    case SIO_FORWARD_BODY:
    case SIO_FORWARD_ANSWER:
    case SIO_FORWARD_UPGRADE:
    case SIO_FORWARD_BYTES:
    case SIO_FORWARD_TAKEN:
    case SIO_FORWARD_END: return go_on(forwarder, message);
    case SIO_FORWARD_N_KINDS: break;
    }
    return false;
}

static void hear(sio_forwarder *forwarder, eio_slice channel, eio_slice bytes)
{
    const eio_slice own = { forwarder->name, sizeof(forwarder->name) };
    sio_forward_message message;
    int rc = sio_forward_decode(&message, bytes);

    sio_redis_bus_count_received(forwarder->bus);
    if (rc == EIO_OK && eio_slice_equal(message.from, own))
        return;
    if (rc == EIO_OK) {
        sio_peer *peer = eio_table_find(&forwarder->peers, message.from);
        if (peer != NULL)
            peer->heard_ms = uv_now(forwarder->loop->uv);
        if (dispatch(forwarder, &message))
            return;
        rc = EIO_E_STATE;
    }
    forwarder->counters.bad++;
    sio_redis_bus_count_bad(forwarder->bus, channel, rc);
}

/* Questions to all. Everything else that stands there is forged, and does no harm. */
static void hear_all(eio_slice channel, eio_slice bytes, void *data)
{
    (void)sio_forwarder_look(data);
    hear(data, channel, bytes);
}

/* What came under a name that is not ours any more is not for us. */
static void hear_inbox(eio_slice channel, eio_slice bytes, void *data)
{
    if (!sio_forwarder_look(data))
        hear(data, channel, bytes);
}

/* ---- the end ---- */

void sio_forwarder_free_if_unused(sio_forwarder *forwarder)
{
    if (forwarder->engine != NULL || forwarder->in_flight > 0)
        return;
    free(forwarder->channel);
    free(forwarder);
}

/* All but the memory, which messages in flight may still need. */
static void shut(sio_forwarder *forwarder)
{
    eio_loop *loop = forwarder->loop;

    sio_subscription_remove(forwarder->inbox);
    sio_subscription_remove(forwarder->all);
    sio_owners_clear(forwarder);
    free_peers(forwarder);
    sio_outbox_clear(forwarder);
    eio_deadline_stop(&forwarder->ticks, &forwarder->tick);
    eio_deadline_stop(&forwarder->closings, &forwarder->closing);
    eio_late_cancel(loop, &forwarder->late);
    eio_deadline_queue_fini(&forwarder->finds);
    eio_deadline_queue_fini(&forwarder->known);
    eio_deadline_queue_fini(&forwarder->ticks);
    eio_deadline_queue_fini(&forwarder->closings);
    eio_table_fini(&forwarder->exchanges);
    eio_table_fini(&forwarder->peers);
    eio_table_fini(&forwarder->owners);
    eio_loop_release(loop);
}

static void finish(sio_forwarder *forwarder)
{
    eio_server *engine = forwarder->engine;

    shut(forwarder);
    forwarder->engine = NULL;
    sio_forwarder_free_if_unused(forwarder);
    eio_server_elsewhere_closed(engine);
}

static void handle_closing_due(eio_deadline *deadline)
{
    sio_forwarder *forwarder =
        (sio_forwarder *)((char *)deadline - offsetof(sio_forwarder, closing));
    sio_exchange *exchange;

    while ((exchange = any_exchange(forwarder)) != NULL)
        sio_exchange_fail(exchange);
}

static void run_late(eio_late *late)
{
    sio_forwarder *forwarder = (sio_forwarder *)((char *)late - offsetof(sio_forwarder, late));

    if (!sio_forwarder_look(forwarder) && forwarder->trouble != NULL)
        end_all(forwarder, forwarder->trouble);
    if (forwarder->is_closing && forwarder->exchanges.count == 0)
        finish(forwarder);
}

/* Our clients' requests end with their connections; of the others the upgraded ones have a close frame to send. */
static void handle_closing(eio_server *engine, void *data)
{
    sio_forwarder *forwarder = data;
    sio_exchange *exchange;
    sio_owner *owner;
    size_t at = 0;

    (void)engine;
    forwarder->is_closing = true;
    while ((owner = eio_table_next(&forwarder->owners, &at)) != NULL)
        while ((exchange = LIST_FIRST(&owner->waiting)) != NULL)
            sio_near_drop(exchange);
    at = 0;
    while ((exchange = eio_table_next(&forwarder->exchanges, &at)) != NULL) {
        if (exchange->is_near) {
            sio_near_drop(exchange);
            at = 0;
        }
    }
    eio_deadline_start(&forwarder->closings, &forwarder->closing);
    eio_late_add(forwarder->loop, &forwarder->late);
}

/* ---- the handle ---- */

void sio_forwarder_options_init(sio_forwarder_options *options)
{
    *options = (sio_forwarder_options){
        .size = sizeof(*options),
        .find_timeout_ms = 1000,
        .silence_ms = 4000,
        .max_remembered = 100000,
    };
}

static void apply_options(sio_forwarder *forwarder, const sio_forwarder_options *given)
{
    sio_forwarder_options defaults;

    sio_forwarder_options_init(&defaults);
    if (given == NULL)
        given = &defaults;
    forwarder->find_timeout_ms =
        given->find_timeout_ms == 0 ? defaults.find_timeout_ms : given->find_timeout_ms;
    forwarder->silence_ms = given->silence_ms == 0 ? defaults.silence_ms : given->silence_ms;
    forwarder->max_remembered =
        given->max_remembered == 0 ? defaults.max_remembered : given->max_remembered;
}

static void init(sio_forwarder *forwarder)
{
    eio_table_init(&forwarder->exchanges, exchange_id);
    eio_table_init(&forwarder->peers, peer_name);
    STAILQ_INIT(&forwarder->outbox);
    sio_owners_init(forwarder);
    eio_deadline_queue_init(&forwarder->ticks, forwarder->loop, SIO_FORWARD_TICK_MS, handle_tick);
    eio_deadline_queue_init(&forwarder->closings, forwarder->loop, SIO_FORWARD_CLOSE_MS,
                            handle_closing_due);
    forwarder->late.run = run_late;
    forwarder->links_lost = sio_redis_bus_count(forwarder->bus).lost;
}

int sio_forwarder_new(sio_forwarder **out, eio_server *engine, sio_redis_bus *bus,
                      const sio_forwarder_options *options)
{
    static const eio_elsewhere hooks = { .stray = sio_near_take, .closing = handle_closing };

    if (options != NULL && options->size != sizeof(*options))
        return EIO_E_INVALID;
    if (eio_server_has_elsewhere(engine))
        return EIO_E_EXISTS;
    sio_forwarder *forwarder = calloc(1, sizeof(*forwarder));
    if (forwarder == NULL)
        return EIO_E_NOMEM;
    forwarder->engine = engine;
    forwarder->bus = bus;
    forwarder->loop = eio_loop_acquire(eio_http_server_loop(eio_server_http(engine)));
    if (forwarder->loop == NULL) {
        free(forwarder);
        return EIO_E_NOMEM;
    }
    apply_options(forwarder, options);
    init(forwarder);
    int rc = make_channel(forwarder);
    if (rc == EIO_OK)
        rc = sio_subscriber_add(&forwarder->all, sio_redis_bus_subscriber(bus), SIO_SUBSCRIBE,
                                (eio_slice){ forwarder->channel, forwarder->channel_len }, hear_all,
                                forwarder);
    if (rc == EIO_OK)
        rc = take_name(forwarder);
    if (rc != EIO_OK) {
        shut(forwarder);
        forwarder->engine = NULL;
        sio_forwarder_free_if_unused(forwarder);
        return rc;
    }
    eio_server_set_elsewhere(engine, &hooks, forwarder);
    *out = forwarder;
    return EIO_OK;
}

sio_forwarder_counters sio_forwarder_count(const sio_forwarder *forwarder)
{
    return forwarder->counters;
}
