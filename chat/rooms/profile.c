#include "chat/rooms/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/cluster.h"
#include "chat/paths.h"
#include "chat/rooms/redis.h"
#include "chat/rooms/rooms.h"
#include "chat/rooms/sqlite.h"
#include "chat/socketio.h"
#include "chat/store/home.h"

typedef struct rooms_options {
    long max_message_bytes, name_grace_ms;
} rooms_options;

typedef struct rooms_profile {
    const chat_host *host;
    const chat_home *shared;
    chat_store *store;
    struct sio_redis_bus *bus; /* NULL without Redis, and where another worker has it */
    sio_server *io;
    chat_rooms *rooms; /* NULL once it is going */
    unsigned stopping; /* parts that have not ended yet; 0: it serves */
    void (*on_stopped)(void *data);
    void *stopped_data;
} rooms_profile;

/* ---- what is shared ---- */

static int make_shared(void **out, const chat_options *options, eio_error *why)
{
    return chat_home_new(out, options, chat_sqlite_database, why);
}

/* ---- the store ---- */

static void log_redis(char level, const char *line, void *data)
{
    (void)data;
    chat_log(chat_log_level_of(level), "redis", "note=\"%s\"", line);
}

static void handle_refused(const char *why, void *data)
{
    const rooms_profile *profile = data;

    profile->host->give_up(why);
}

static void handle_redis_connect(void *data)
{
    rooms_profile *profile = data;

    if (chat_host_number(profile->host) == 1)
        printf("Redis connected\n");
    if (profile->rooms != NULL)
        chat_rooms_store_connected(profile->rooms);
}

static int open_store(rooms_profile *profile, eio_error *why)
{
    const chat_options *given = profile->host->options;
    const chat_redis_options options = {
        .url = given->redis_url,
        .ca_file = given->redis_ca,
        .on_connect = handle_redis_connect,
        .on_log = log_redis,
        .on_refused = handle_refused,
        .data = profile,
        .lease_ms = given->lease_ms,
    };

    if (given->store == CHAT_STORE_REDIS)
        return chat_redis_open(&profile->store, profile->host->loop, &options, why);
    return chat_sqlite_open(&profile->store, profile->host->loop, profile->shared->database,
                            chat_host_number(profile->host), why);
}

/* ---- the parts ---- */

static int open_socketio(rooms_profile *profile, eio_error *why)
{
    const chat_options *given = profile->host->options;
    sio_options options;
    int rc = EIO_OK;

    chat_socketio_options(&options, profile->host);
    if (given->forward && given->store != CHAT_STORE_REDIS)
        return eio_error_set(why, EIO_E_INVALID, "--forward: only with --redis");
    if (given->store == CHAT_STORE_REDIS)
        rc = chat_cluster_join(&profile->bus, &options, profile->host, "chat:rooms", why);
    if (rc == EIO_OK)
        rc = sio_server_new(&profile->io, profile->host->http, &options, why);
    profile->host->figures->server = profile->io;
    profile->host->figures->bus = profile->bus;
    return rc == EIO_OK && given->forward ? chat_cluster_forward(profile->bus, profile->io, why)
                                          : rc;
}

static int open_rooms(rooms_profile *profile, eio_error *why)
{
    const chat_options *given = profile->host->options;
    const rooms_options *own = given->own;
    const chat_rooms_options options = {
        .limits = { (size_t)given->max_name_bytes, (size_t)own->max_message_bytes },
        .max_rooms = (size_t)given->max_rooms,
        .events_per_second = (uint64_t)given->events_per_second,
        .events_at_once = (uint64_t)given->events_at_once,
        .grace_ms = (uint64_t)own->name_grace_ms,
        .lease_ms = (uint64_t)given->lease_ms,
        .clustered = given->store == CHAT_STORE_REDIS || profile->host->worker != NULL,
    };

    int rc =
        chat_rooms_new(&profile->rooms, profile->host->loop, profile->io, profile->store, &options);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "rooms: %s", eio_strerror(rc));
}

static int open_page(rooms_profile *profile, eio_error *why)
{
    const char *folder = profile->host->options->web_dir;

    return chat_site_serve_page(
        profile->host->site, profile->host->http,
        folder != NULL ? folder : chat_paths_choose(CHAT_WEB_DIR, CHAT_WEB_SOURCE), why);
}

static int start(void **out, const chat_host *host, eio_error *why)
{
    static int (*const steps[])(rooms_profile *, eio_error *) = { open_store, open_socketio,
                                                                  open_rooms, open_page };
    rooms_profile *profile = calloc(1, sizeof(*profile));
    int rc = EIO_OK;

    if (profile == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    *out = profile;
    profile->host = host;
    profile->shared = host->shared;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == EIO_OK; i++)
        rc = steps[i](profile, why);
    return rc;
}

/* The first two lines are those that the tutorial's server prints, word by word. */
static void announce(const void *running, int port)
{
    const rooms_profile *profile = running;
    const chat_options *options = profile->host->options;
    const char *store = chat_place_label(&profile->shared->place);

    chat_place_announce(&profile->shared->place, options, "rooms", "REDIS_URL");
    printf("Server running on port %d\n", port);
    chat_options_log(options, store);
}

static bool is_ready(const void *running)
{
    const rooms_profile *profile = running;

    return chat_store_is_ready(profile->store) && chat_rooms_is_ready(profile->rooms);
}

static size_t count_clients(const void *running)
{
    const rooms_profile *profile = running;

    return eio_server_clients_count(sio_server_engine(profile->io));
}

/* ---- the end, in order ---- */

static void handle_bus_closed(void *data)
{
    rooms_profile *profile = data;
    void (*on_stopped)(void *) = profile->on_stopped;
    void *stopped_data = profile->stopped_data;

    free(profile);
    on_stopped(stopped_data);
}

static void handle_store_closed(void *data)
{
    rooms_profile *profile = data;

    chat_cluster_leave(profile->bus, handle_bus_closed, profile);
}

static void handle_rooms_freed(void *data)
{
    rooms_profile *profile = data;

    chat_store_close(profile->store, handle_store_closed, profile);
}

/* Clients are gone, and so are their names: whichever comes last. */
static void handle_part_stopped(void *data)
{
    rooms_profile *profile = data;
    chat_rooms *rooms = profile->rooms;

    if (--profile->stopping > 0)
        return;
    profile->rooms = NULL; /* the store may still come up before it is closed */
    chat_rooms_free(rooms, handle_rooms_freed, profile);
}

static void stop(void *running, void (*on_stopped)(void *data), void *data)
{
    rooms_profile *profile = running;

    profile->stopping = 2;
    profile->on_stopped = on_stopped;
    profile->stopped_data = data;
    chat_rooms_stop(profile->rooms, handle_part_stopped, profile);
    sio_server_close(profile->io, handle_part_stopped, profile);
}

/* ---- what it is ---- */

#define AT(field) offsetof(rooms_options, field)

/* clang-format off */
static const chat_option own_options[] = {
    { "max-message", "MAX_MESSAGE", "BYTES", CHAT_OPTION_NUMBER, 0, AT(max_message_bytes), 1, 1024L * 1024,
      "in the text of a chat message", "65536" },
    { "name-grace", "NAME_GRACE", "MS", CHAT_OPTION_NUMBER, 0, AT(name_grace_ms), 0, 10000,
      "how long a name stays after its connection has ended", "5000" },
};
/* clang-format on */

static const chat_default defaults[] = { { "port", "3000" }, { NULL, NULL } };

static const char usage[] =
    "Rooms, members and messages, for Socket.IO clients. It serves its own page at /, the browser\n"
    "client at /socket.io/socket.io.js, /healthz and /readyz for whoever\nwatches it, and "
    "/metrics.\n";

static const char examples[] =
    "  chatd                                     on port 3000, rooms in a file of one's own\n"
    "  chatd rooms --port 8080 --store memory    nothing is kept after the end\n"
    "  REDIS_URL=redis://localhost:6379 chatd    rooms in Redis, where other programs find them\n"
    "  chatd --cors-origin https://example.org   for the pages of one site\n";

const chat_profile chat_rooms_profile = {
    .name = "rooms",
    .summary = "rooms, members and messages over Socket.IO",
    .usage = usage,
    .examples = examples,
    .takes = CHAT_TAKES_STORE | CHAT_TAKES_REDIS | CHAT_TAKES_PAGE | CHAT_TAKES_SOCKETIO |
             CHAT_TAKES_ROOMS | CHAT_TAKES_NAMES | CHAT_TAKES_LEASE | CHAT_TAKES_FORWARD,
    .options = own_options,
    .option_count = sizeof(own_options) / sizeof(own_options[0]),
    .own_size = sizeof(rooms_options),
    .defaults = defaults,
    .open_to_all = true,
    .share = make_shared,
    .unshare = chat_home_free,
    .start = start,
    .announce = announce,
    .is_ready = is_ready,
    .count_clients = count_clients,
    .stop = stop,
};
