#include "chat/pubsub/pubsub.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/json.h"
#include "chat/log.h"
#include "chat/pubsub/actions.h"
#include "chat/pubsub/profile.h"
#include "chat/pubsub/told.h"
#include "chat/store/home.h"

/* ---- what the store tells by itself ---- */

static void handle_connect(void *data)
{
    if (chat_host_number(((const pubsub *)data)->host) == 1)
        printf("Redis connected\n");
    pubsub_retry_failed(data);
}

/* What others say of a room: ours were told when it was said, and rubbish nobody is told. */
static void handle_told(eio_slice name, eio_slice json, void *data)
{
    pubsub *owner = data;
    pubsub_room *room = pubsub_rooms_find(&owner->rooms, name);
    eio_slice server;
    const chat_json_field fields[] = { { "serverId", &server } };
    const char *own = owner->store->server_id;

    if (room == NULL || !pubsub_is_object(json) || !chat_json_fields(json, fields, 1))
        return;
    if (server.len == strlen(own) + 2 && memcmp(server.base + 1, own, strlen(own)) == 0)
        return;
    pubsub_room_pass_on(room, json);
}

typedef struct catch_up {
    pubsub *owner;
    size_t len;
    char room[];
} catch_up;

static void finish_catch_up(const pubsub_answer *answer, void *data)
{
    catch_up *missed = data;
    const eio_slice name = { missed->room, missed->len };
    pubsub_room *room = pubsub_rooms_find(&missed->owner->rooms, name);

    for (size_t i = 0; i < answer->count && room != NULL; i++)
        if (pubsub_is_object(answer->texts[i]))
            pubsub_room_pass_on(room, answer->texts[i]);
    free(missed);
}

static void handle_missed(void *data)
{
    pubsub *owner = data;
    pubsub_room *room;

    LIST_FOREACH(room, &owner->rooms.list, link) {
        catch_up *missed = malloc(sizeof(*missed) + room->name.len);
        const pubsub_query query = { .op = PUBSUB_SINCE,
                                     .room = room->name,
                                     .score = pubsub_room_since(room) };
        if (missed == NULL)
            return;
        missed->owner = owner;
        missed->len = room->name.len;
        memcpy(missed->room, room->name.base, room->name.len);
        if (pubsub_store_ask(owner->store, &query, finish_catch_up, missed) != EIO_OK)
            free(missed);
    }
}

static void handle_adopted(eio_slice connection, eio_slice user, eio_slice room,
                           eio_slice from_held, void *data)
{
    pubsub *owner = data;
    eio_buffer *json = pubsub_told_departure(room, user, owner->store->server_id);
    const pubsub_query query = { .connection = connection,
                                 .user = user,
                                 .room = room,
                                 .json = json == NULL ? (eio_slice){ 0 } : eio_buffer_slice(json),
                                 .from_held = from_held };

    pubsub_let_go(owner, NULL, room.len > 0 ? PUBSUB_LEAVE : PUBSUB_OFFLINE, &query);
    eio_buffer_unref(json);
}

static void handle_lost(void *data)
{
    pubsub *owner = data;
    chat_client *client;

    chat_log(CHAT_LOG_WARN, "lease", "note=\"it was lost: registering all again\"");
    TAILQ_FOREACH(client, &owner->clients.list, link)
        pubsub_register_again((pubsub_connection *)client);
}

static void handle_refused(const char *why, void *data)
{
    pubsub *owner = data;

    owner->host->give_up(why);
}

/* ---- the start ---- */

static int make_shared(void **out, const chat_options *options, eio_error *why)
{
    return chat_home_new(out, options, pubsub_sqlite_database, why);
}

static int open_store(pubsub *owner, eio_error *why)
{
    static const pubsub_store_events events = {
        .on_connect = handle_connect,
        .on_told = handle_told,
        .on_missed = handle_missed,
        .on_adopted = handle_adopted,
        .on_lost = handle_lost,
        .on_refused = handle_refused,
    };
    const chat_host *host = owner->host;
    const chat_home *shared = host->shared;

    return host->options->store == CHAT_STORE_REDIS
               ? pubsub_redis_open(&owner->store, host->loop, host->options, &events, owner, why)
               : pubsub_sqlite_open(&owner->store, host->loop, shared->database, &events, owner,
                                    why);
}

static int start(void **out, const chat_host *host, eio_error *why)
{
    pubsub *owner = calloc(1, sizeof(*owner));

    if (owner == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    *out = owner;
    owner->host = host;
    LIST_INIT(&owner->rooms.list);
    STAILQ_INIT(&owner->failed);
    chat_clients_init(&owner->clients, host->options);
    int rc = open_store(owner, why);
    if (rc != EIO_OK)
        return rc;
    rc = pubsub_mount_rest(owner);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "HTTP: %s", eio_strerror(rc));
}

static void announce(const void *running, int port)
{
    const pubsub *owner = running;
    const chat_home *shared = owner->host->shared;
    const char *place = chat_place_label(&shared->place);

    chat_place_announce(&shared->place, owner->host->options, "messages", "REDIS_HOST");
    printf("Server running on port %d\n", port);
    printf("Server ID: %s\n", owner->store->server_id);
    chat_options_log(owner->host->options, place);
}

static bool is_ready(const void *running)
{
    const pubsub *owner = running;

    return owner->store->type->is_ready(owner->store);
}

static size_t count_clients(const void *running)
{
    return ((const pubsub *)running)->clients.count;
}

/* ---- the end ---- */

static void handle_store_closed(void *data)
{
    pubsub *owner = data;
    void (*on_stopped)(void *) = owner->on_stopped;
    void *stopped_data = owner->stopped_data;

    pubsub_forget_failed(owner);
    free(owner);
    on_stopped(stopped_data);
}

void pubsub_check_stopped(pubsub *owner)
{
    if (!owner->stopping || owner->connections > 0 || owner->clients.count > 0 ||
        owner->asked > 0 || owner->closing)
        return;
    owner->closing = true;
    owner->store->type->close(owner->store, handle_store_closed, owner);
}

static void handle_empty(void *data)
{
    pubsub_check_stopped(data);
}

static void stop(void *running, void (*on_stopped)(void *data), void *data)
{
    pubsub *owner = running;

    owner->stopping = true;
    owner->on_stopped = on_stopped;
    owner->stopped_data = data;
    chat_clients_stop(&owner->clients, handle_empty, owner);
}

/* ---- what it is ---- */

typedef struct pubsub_options {
    const char *redis_host, *redis_password;
    long redis_port;
} pubsub_options;

#define AT(field) offsetof(pubsub_options, field)

/* clang-format off */
static const chat_option own_options[] = {
    { "redis-host", "REDIS_HOST", "HOST", CHAT_OPTION_TEXT, 0, AT(redis_host), 0, 0,
      "a Redis, in place of --redis", NULL },
    { "redis-port", "REDIS_PORT", "N", CHAT_OPTION_NUMBER, 0, AT(redis_port), 1, 65535,
      "its port", "6379" },
    { NULL, "REDIS_PASSWORD", NULL, CHAT_OPTION_SECRET, 0, AT(redis_password), 0, 0,
      "its password", NULL },
};
/* clang-format on */

/* The tutorial's three variables; any of its port and password alone means its localhost. */
static int settle(chat_options *options, eio_error *why)
{
    const pubsub_options *own = options->own;

    if (own->redis_host == NULL)
        return EIO_OK;
    return chat_options_name_redis(options, own->redis_host, own->redis_port, own->redis_password,
                                   why);
}

static const chat_default defaults[] = {
    { "port", "3000" },
    { "max-payload", "1048576" },
    { "ping-interval", "30000" },
    { NULL, NULL },
};

static const char usage[] =
    "Rooms over plain WebSocket: JSON texts of type auth, join, leave, message and typing, on any\n"
    "path. GET /health, /api/online-users and /api/rooms/ROOM/members tell who is there.\n";

static const char examples[] =
    "  chatd pubsub                              on port 3000, messages in a file of one's own\n"
    "  REDIS_HOST=localhost chatd pubsub         several servers, and the tutorial's, on one "
    "Redis\n";

const chat_profile chat_pubsub_profile = {
    .name = "pubsub",
    .summary = "rooms over plain WebSocket and JSON, with presence and history",
    .usage = usage,
    .examples = examples,
    .takes = CHAT_TAKES_STORE | CHAT_TAKES_REDIS | CHAT_TAKES_ROOMS | CHAT_TAKES_NAMES |
             CHAT_TAKES_LEASE | CHAT_TAKES_PREFIX | CHAT_TAKES_PINGS,
    .options = own_options,
    .option_count = sizeof(own_options) / sizeof(own_options[0]),
    .own_size = sizeof(pubsub_options),
    .defaults = defaults,
    .settle = settle,
    .default_redis = "redis://localhost:6379",
    .share = make_shared,
    .unshare = chat_home_free,
    .start = start,
    .announce = announce,
    .is_ready = is_ready,
    .count_clients = count_clients,
    .stop = stop,
};
