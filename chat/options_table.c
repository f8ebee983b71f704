#include "chat/options_table.h"

#include <string.h>

#include "chat/limits.h"
#include "chat/paths.h"
#include "chat/profile.h"

#define AT(field) offsetof(chat_options, field)

/* clang-format off */
static const chat_option common[] = {
    { "port", "PORT", "N", CHAT_OPTION_NUMBER, 0, AT(port), 0, 65535,
      "port to listen on; 0: any free one", NULL },
    { "host", "HOST", "ADDRESS", CHAT_OPTION_TEXT, 0, AT(host), 0, 0,
      "address to listen on (default: all, IPv6 and IPv4)", NULL },
    { "workers", "WORKERS", "N", CHAT_OPTION_WORKERS, 0, AT(workers), 0, 64,
      "threads that serve, each with a loop of its own; auto: one for\n"
      "each processor", "1" },
    { "store", "STORE", "KIND", CHAT_OPTION_STORE, CHAT_TAKES_STORE, 0, 0, 0,
      "where things are kept: sqlite, sqlite:FILE, memory, or redis\n"
      "(default: redis if a URL is named, else sqlite)", NULL },
    { "redis", "REDIS_URL", "URL", CHAT_OPTION_REDIS, CHAT_TAKES_REDIS, 0, 0, 0,
      "redis://[user:password@]host[:port][/db], rediss:// with TLS, or\n"
      "redis+unix:///path?db=N, or redis+sentinel://host:port,…/NAME;\n"
      "implies --store redis", NULL },
    { "redis-ca", "REDIS_CA", "FILE", CHAT_OPTION_TEXT, CHAT_TAKES_REDIS, AT(redis_ca), 0, 0,
      "of rediss://: trust the CAs in this file, not the system's", NULL },
    { "key-prefix", "KEY_PREFIX", "TEXT", CHAT_OPTION_TEXT, CHAT_TAKES_PREFIX, AT(key_prefix), 0, 0,
      "of all keys and channels in Redis: chats that share a database", "" },
    { "lease", "LEASE", "MS", CHAT_OPTION_NUMBER, CHAT_TAKES_LEASE, AT(lease_ms), 200, 600000,
      "after which a server that died on another machine is cleaned up\n"
      "after by the others", "15000" },
    { "forward", "FORWARD", NULL, CHAT_OPTION_FLAG, CHAT_TAKES_FORWARD, AT(forward), 0, 0,
      "answer requests that reach the wrong server through the right\n"
      "one, over Redis: the balancer needs no sticky sessions", NULL },
    { "tls-cert", "TLS_CERT", "FILE", CHAT_OPTION_TEXT, 0, AT(tls_cert), 0, 0,
      "serve https: and wss: with this certificate, and those between\n"
      "it and its CA, in PEM; SIGHUP loads it again", NULL },
    { "tls-key", "TLS_KEY", "FILE", CHAT_OPTION_TEXT, 0, AT(tls_key), 0, 0,
      "the key of the certificate, in PEM", NULL },
    { "cors-origin", "CORS_ORIGIN", "ORIGIN", CHAT_OPTION_ORIGINS, 0, 0, 0, 0,
      "an origin whose pages may connect with credentials; may be given\n"
      "again, or as a list with commas", NULL },
    { "web", "WEB_DIR", "FOLDER", CHAT_OPTION_TEXT, CHAT_TAKES_PAGE, AT(web_dir), 0, 0,
      "the page that is served at /", NULL },
    { "client", "CLIENT_DIR", "FOLDER", CHAT_OPTION_TEXT, CHAT_TAKES_SOCKETIO, AT(client_dir), 0, 0,
      "the browser client that is served at /socket.io/socket.io.js\n(default: " CHAT_CLIENT_DIR ")", NULL },
    { "compress", "COMPRESS", NULL, CHAT_OPTION_FLAG, CHAT_TAKES_SOCKETIO, AT(compress), 0, 0,
      "compress WebSocket messages of 1 KiB and more (permessage-deflate)", NULL },
    { "max-payload", "MAX_PAYLOAD", "BYTES", CHAT_OPTION_NUMBER, 0,
      AT(max_payload_bytes), 1000, 100L * 1024 * 1024,
      "of one message or polling request from a client", "1000000" },
    { "max-buffered", "MAX_BUFFERED", "BYTES", CHAT_OPTION_NUMBER, 0,
      AT(max_buffered_bytes), 64L * 1024, 1024L * 1024 * 1024,
      "waiting for one client; one that reads too slowly is closed", "8388608" },
    { "max-name", "MAX_NAME", "BYTES", CHAT_OPTION_NUMBER, CHAT_TAKES_NAMES,
      AT(max_name_bytes), 1, CHAT_MOST_NAME_BYTES,
      "in a room id or user name", "256" },
    { "max-rooms", "MAX_ROOMS", "N", CHAT_OPTION_NUMBER, CHAT_TAKES_ROOMS, AT(max_rooms), 1, 100000,
      "that one connection may be in", "1000" },
    { "max-connections", "MAX_CONNECTIONS", "N", CHAT_OPTION_NUMBER, 0, AT(max_connections), 0, 10000000,
      "in all; 0: as many as there are descriptors", "0" },
    { "trusted-proxies", "TRUSTED_PROXIES", "LIST", CHAT_OPTION_TEXT, 0, AT(trusted_proxies), 0, 0,
      "addresses and networks (10.0.0.0/8), with commas, whose\n"
      "X-Forwarded-For and -Proto are believed; unix: who comes over a\n"
      "unix socket", NULL },
    { "rate", "RATE", "N", CHAT_OPTION_NUMBER, CHAT_TAKES_ROOMS, AT(events_per_second), 1, 1000000,
      "events a second from one connection in the long run", "100" },
    { "burst", "BURST", "N", CHAT_OPTION_NUMBER, CHAT_TAKES_ROOMS, AT(events_at_once), 1, 5000,
      "events at once from one connection", "3000" },
    { "stop-grace", "STOP_GRACE", "MS", CHAT_OPTION_NUMBER, 0, AT(stop_grace_ms), 100, 60000,
      "how long stopping may take", "7500" },
    { "ping-interval", "PING_INTERVAL", "MS", CHAT_OPTION_NUMBER, CHAT_TAKES_SOCKETIO | CHAT_TAKES_PINGS,
      AT(ping_interval_ms), 100, 3600000,
      "between two heartbeats", "25000" },
    { "ping-timeout", "PING_TIMEOUT", "MS", CHAT_OPTION_NUMBER, CHAT_TAKES_SOCKETIO,
      AT(ping_timeout_ms), 100, 3600000,
      "for the answer to one", "20000" },
    { "log-level", "LOG_LEVEL", "LEVEL", CHAT_OPTION_LEVEL, 0, 0, 0, 0,
      "debug, info, warn or error", "info" },
    { "help", NULL, NULL, CHAT_OPTION_HELP, 0, 0, 0, 0, "show this and end", NULL },
    { "version", NULL, NULL, CHAT_OPTION_VERSION, 0, 0, 0, 0, "show the version and end", NULL },
};
/* clang-format on */

enum { N_COMMON = sizeof(common) / sizeof(common[0]) };

static const char *fallback_of(const chat_profile *profile, const chat_option *option)
{
    for (const chat_default *at = profile->defaults; at->option != NULL; at++)
        if (option->name != NULL && strcmp(at->option, option->name) == 0)
            return at->value;
    return option->fallback;
}

static bool takes(const chat_profile *profile, const chat_option *option)
{
    return option->taken_with == 0 || (option->taken_with & profile->takes) != 0;
}

bool chat_options_at(const chat_options *options, size_t index, chat_option_place *out)
{
    const chat_profile *profile = options->profile;

    for (size_t i = 0; i < N_COMMON; i++) {
        if (!takes(profile, &common[i]) || index-- > 0)
            continue;
        *out = (chat_option_place){ &common[i], (char *)(uintptr_t)options + common[i].at,
                                    fallback_of(profile, &common[i]) };
        return true;
    }
    if (index >= profile->option_count)
        return false;
    const chat_option *own = &profile->options[index];
    *out = (chat_option_place){ own, (char *)options->own + own->at, own->fallback };
    return true;
}
