#include "chat/demo/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/demo/front.h"
#include "chat/demo/presence.h"
#include "chat/demo/routes.h"
#include "chat/demo/seed.h"
#include "chat/demo/sockets.h"
#include "chat/log.h"
#include "chat/socketio.h"
#include "chat/store/home.h"
#include "socketio/workers.h"

static const char default_secret[] = "keyboard cat";

/* What all servers of the process have in common. */
typedef struct demo_shared {
    chat_home home;
    chat_crew *passwords;
    chat_attempts attempts;
} demo_shared;

typedef struct demo_profile {
    chat_demo demo; /* first: what is asked of a profile is asked of this */
    const demo_shared *shared;
    unsigned parts; /* that have not ended yet */
    void (*on_stopped)(void *data);
    void *stopped_data;
} demo_profile;

/* ---- what the store tells ---- */

static void handle_ready(void *data)
{
    chat_demo *demo = data;

    if (chat_host_number(demo->host) == 1)
        printf("Redis connected\n");
    chat_demo_seed(demo);
    chat_presence_repeat(demo);
}

static void handle_adopted(const char *from, const eio_slice *users, size_t count, void *data)
{
    chat_presence_adopt(data, from, users, count);
}

static void handle_envelope(eio_slice type, eio_slice json, void *data)
{
    chat_demo_hear(data, type, json);
}

static void handle_session_end(eio_slice sid, void *data)
{
    chat_demo_end_session(data, sid);
}

/* ---- what is shared ---- */

static void free_shared(void *data)
{
    demo_shared *shared = data;

    chat_home_fini(&shared->home);
    chat_crew_free(shared->passwords);
    chat_attempts_fini(&shared->attempts);
    free(shared);
}

static int open_shared(demo_shared *shared, const chat_options *options, eio_error *why)
{
    int rc = chat_password_crew(&shared->passwords);

    if (rc != EIO_OK)
        return eio_error_set(why, rc, "demo: %s", eio_strerror(rc));
    return chat_home_init(&shared->home, options, chat_demo_sqlite_database, why);
}

static int make_shared(void **out, const chat_options *options, eio_error *why)
{
    const chat_demo_own *own = options->own;
    demo_shared *shared = calloc(1, sizeof(*shared));
    int rc = shared == NULL ? EIO_E_NOMEM
                            : chat_attempts_init(&shared->attempts, (uint32_t)own->login_failures);

    if (rc != EIO_OK) {
        free(shared);
        return eio_error_set(why, rc, "demo: %s", eio_strerror(rc));
    }
    rc = open_shared(shared, options, why);
    if (rc == EIO_OK)
        *out = shared;
    else
        free_shared(shared);
    return rc;
}

static void handle_refused(const char *why, void *data)
{
    const chat_demo *demo = data;

    demo->host->give_up(why);
}

/* ---- the parts ---- */

static int open_store(demo_profile *profile, eio_error *why)
{
    chat_demo *demo = &profile->demo;
    const chat_options *given = demo->host->options;
    const chat_demo_hearer hearer = { handle_ready,       handle_adopted, handle_envelope,
                                      handle_session_end, handle_refused, demo };
    const chat_demo_redis_options redis = {
        .url = given->redis_url,
        .ca_file = given->redis_ca,
        .prefix = given->key_prefix == NULL ? "" : given->key_prefix,
        .lease_ms = (uint64_t)given->lease_ms,
        .hearer = hearer,
    };

    if (given->store == CHAT_STORE_REDIS)
        return chat_demo_redis_open(&demo->store, demo->host->loop, &redis, why);
    return chat_demo_sqlite_open(&demo->store, demo->host->loop, profile->shared->home.database,
                                 chat_host_number(demo->host), &hearer, why);
}

static int open_socketio(demo_profile *profile, eio_error *why)
{
    chat_demo *demo = &profile->demo;
    sio_options options;

    chat_socketio_options(&options, demo->host);
    options.max_rooms = (size_t)demo->host->options->max_rooms + 4; /* and those of our own */
    options.worker = NULL; /* servers of the demo tell each other through the store */
    int rc = sio_server_new(&demo->io, demo->host->http, &options, why);
    if (rc == EIO_OK && demo->host->worker != NULL)
        rc = sio_worker_add_engine(demo->host->worker, sio_server_engine(demo->io));
    if (rc != EIO_OK)
        return rc;
    demo->host->figures->server = demo->io;
    demo->nsp = sio_server_of(demo->io, EIO_STR("/"));
    rc = chat_demo_sockets_open(demo);
    return rc == EIO_OK ? rc : eio_error_set(why, rc, "demo: %s", eio_strerror(rc));
}

static int open_calls(demo_profile *profile, eio_error *why)
{
    chat_demo *demo = &profile->demo;

    int rc = chat_password_desk(&demo->passwords, profile->shared->passwords, demo->host->loop);
    if (rc == EIO_OK)
        rc = chat_visit_routes(demo, chat_demo_routes);
    if (rc != EIO_OK)
        return eio_error_set(why, rc, "demo: %s", eio_strerror(rc));
    chat_demo_front_open(demo);
    return chat_demo_links_open(demo, why);
}

static int start(void **out, const chat_host *host, eio_error *why)
{
    static int (*const steps[])(demo_profile *, eio_error *) = { open_store, open_calls,
                                                                 open_socketio };
    demo_profile *profile = calloc(1, sizeof(*profile));
    int rc = EIO_OK;

    if (profile == NULL)
        return eio_error_set(why, EIO_E_NOMEM, "out of memory");
    *out = profile;
    profile->demo.host = host;
    profile->demo.own = host->options->own;
    profile->shared = host->shared;
    profile->demo.attempts = &((demo_shared *)host->shared)->attempts;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == EIO_OK; i++)
        rc = steps[i](profile, why);
    if (rc == EIO_OK && host->options->store != CHAT_STORE_REDIS)
        chat_demo_seed(&profile->demo);
    return rc;
}

/* The first line is the one that the original prints, word by word. */
static void announce(const void *running, int port)
{
    const demo_profile *profile = running;
    const chat_options *options = profile->demo.host->options;
    const char *store = chat_place_label(&profile->shared->home.place);

    printf("Listening on %d...\n", port);
    chat_place_announce(&profile->shared->home.place, options, "the chat", "REDIS_ENDPOINT_URL");
    if (strcmp(profile->demo.own->secret, default_secret) == 0)
        chat_log(CHAT_LOG_WARN, "secret",
                 "note=\"sessions are signed with the secret that everybody knows: set "
                 "SESSION_SECRET\"");
    chat_options_log(options, store);
}

static bool is_ready(const void *running)
{
    const chat_demo *demo = running;

    return demo->seeded && chat_demo_store_is_ready(demo->store);
}

static size_t count_clients(const void *running)
{
    const chat_demo *demo = running;

    return eio_server_clients_count(sio_server_engine(demo->io));
}

/* ---- the end: clients, what they asked for, passwords, the store ---- */

static void handle_store_closed(void *data)
{
    demo_profile *profile = data;
    void (*on_stopped)(void *) = profile->on_stopped;
    void *stopped_data = profile->stopped_data;

    free(profile->demo.links);
    free(profile->demo.routes);
    free(profile);
    on_stopped(stopped_data);
}

static void handle_passwords_closed(void *data)
{
    demo_profile *profile = data;

    chat_demo_store_close(profile->demo.store, handle_store_closed, profile);
}

/* Called once: on_idle is forgotten first. */
static void handle_idle(void *data)
{
    demo_profile *profile = data;

    profile->demo.on_idle = NULL;
    chat_desk_close(profile->demo.passwords, handle_passwords_closed, profile);
}

/* Sockets are gone, so all that they hold is being released. */
static void handle_clients_gone(void *data)
{
    demo_profile *profile = data;

    profile->demo.on_idle = handle_idle;
    profile->demo.idle_data = profile;
    if (profile->demo.asked == 0)
        handle_idle(profile);
}

static void stop(void *running, void (*on_stopped)(void *data), void *data)
{
    demo_profile *profile = running;

    profile->on_stopped = on_stopped;
    profile->stopped_data = data;
    profile->demo.stopping = true;
    profile->demo.nsp = NULL;
    if (profile->demo.host->worker != NULL)
        sio_worker_remove_engine(profile->demo.host->worker, sio_server_engine(profile->demo.io));
    sio_server_close(profile->demo.io, handle_clients_gone, profile);
}

/* ---- what it is ---- */

static int settle(chat_options *options, eio_error *why)
{
    const chat_demo_own *own = options->own;
    const char *endpoint =
        own->redis_endpoint != NULL ? own->redis_endpoint : own->redis_endpoint_uri;

    if (endpoint == NULL || endpoint[0] == '\0')
        return EIO_OK;
    return chat_options_name_redis(options, endpoint, 0, own->redis_password, why);
}

#define AT(field) offsetof(chat_demo_own, field)

/* clang-format off */
static const chat_option own_options[] = {
    { "static", "STATIC_DIR", "FOLDER", CHAT_OPTION_TEXT, 0, AT(static_dir), 0, 0,
      "the built front end that is served at / (default: a page of our own)", NULL },
    { "links", "LINKS_FILE", "FILE", CHAT_OPTION_TEXT, 0, AT(links_file), 0, 0,
      "what GET /links answers: a JSON object (default: an empty one)", NULL },
    { "public-url", "PUBLIC_URL", "ORIGIN", CHAT_OPTION_TEXT, 0, AT(public_url), 0, 0,
      "an origin besides its own whose pages may open sockets", NULL },
    { "login-failures", "LOGIN_FAILURES", "N", CHAT_OPTION_NUMBER, 0, AT(login_failures), 1, 100000,
      "of one name from one address in ten minutes; 20 times as many\nof all names from one address", "20" },
    { "secure-cookie", "SECURE_COOKIE", NULL, CHAT_OPTION_FLAG, 0, AT(secure_cookie), 0, 0,
      "browsers send the session's cookie over https only", NULL },
    { NULL, "SESSION_SECRET", NULL, CHAT_OPTION_SECRET, 0, AT(secret), 0, 0,
      "signs the cookies; the same on all servers", "keyboard cat" },
    { NULL, "REDIS_ENDPOINT_URL", NULL, CHAT_OPTION_SECRET, 0, AT(redis_endpoint), 0, 0,
      "host:port of Redis, or a whole URL", NULL },
    { NULL, "REDIS_ENDPOINT_URI", NULL, CHAT_OPTION_SECRET, 0, AT(redis_endpoint_uri), 0, 0,
      "the same, if REDIS_ENDPOINT_URL is not set", NULL },
    { NULL, "REDIS_PASSWORD", NULL, CHAT_OPTION_SECRET, 0, AT(redis_password), 0, 0,
      "of that Redis", NULL },
};
/* clang-format on */

static const chat_default defaults[] = { { "port", "4000" }, { NULL, NULL } };

static const char usage[] =
    "The Redis chat demo: users with passwords, a public room, private rooms, history. It serves\n"
    "a page at /, or the demo's own front end with --static, and /healthz, /readyz and /metrics.\n";

static const char examples[] =
    "  chatd demo                                on port 4000, in a file of one's own\n"
    "  chatd demo --static client/build          with the front end of the original\n"
    "  REDIS_ENDPOINT_URL=localhost:6379 chatd demo\n"
    "                                            beside servers of the original\n";

const chat_profile chat_demo_profile = {
    .name = "demo",
    .summary = "users, private rooms and history, for the Redis chat demo's page",
    .usage = usage,
    .examples = examples,
    .takes = CHAT_TAKES_STORE | CHAT_TAKES_REDIS | CHAT_TAKES_SOCKETIO | CHAT_TAKES_ROOMS |
             CHAT_TAKES_LEASE | CHAT_TAKES_PREFIX,
    .options = own_options,
    .option_count = sizeof(own_options) / sizeof(own_options[0]),
    .own_size = sizeof(chat_demo_own),
    .defaults = defaults,
    .settle = settle,
    .default_redis = "redis://127.0.0.1:6379",
    .share = make_shared,
    .unshare = free_shared,
    .start = start,
    .announce = announce,
    .is_ready = is_ready,
    .count_clients = count_clients,
    .stop = stop,
};
