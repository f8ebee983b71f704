/* Redis client on a libuv loop: pipelined commands, scripts, subscriptions, links that come back by themselves. */
#ifndef SOCKETIO_REDIS_H
#define SOCKETIO_REDIS_H

#include <stdint.h>
#include <uv.h>

#include "engineio/buffer.h"

/** One link to one Redis database, for commands. */
typedef struct sio_redis sio_redis;

/** What a reply, or a part of it, is. */
typedef enum sio_redis_type {
    SIO_REDIS_NIL,
    SIO_REDIS_STRING,
    SIO_REDIS_STATUS, /**< "OK", "PONG" */
    SIO_REDIS_ERROR,  /**< text starts with the code: "WRONGTYPE Operation …" */
    SIO_REDIS_INTEGER,
    SIO_REDIS_ARRAY,
} sio_redis_type;

/** One reply. Borrowed until the callback that is given it returns. */
typedef struct sio_redis_reply {
    sio_redis_type type;
    eio_slice text;                /**< of a string, status or error; not NUL-terminated */
    int64_t integer;               /**< of an integer */
    size_t count;                  /**< items of an array */
    struct sio_redis_reply *items; /**< of an array */
} sio_redis_reply;

/** The arguments of a command: SIO_REDIS_ARGUMENTS(EIO_STR("GET"), key) gives the two parameters that tell of them. */
#define SIO_REDIS_ARGUMENTS(...)                                                                   \
    (const eio_slice[]){ __VA_ARGS__ },                                                            \
        sizeof((const eio_slice[]){ __VA_ARGS__ }) / sizeof(eio_slice)

typedef struct sio_redis_options {
    size_t size; /**< set by sio_redis_options_init */
    /**
     * Where: `redis://[user][:password]@host[:port][/db]`, redis+unix://[user:password@]/path[?db=N] (also unix://,
     * redis-socket://, redis+socket:// or just the absolute path). Parts are percent-encoded. rediss:// is redis://
     * over TLS: the server's certificate has to be for the host, and signed by a CA that is trusted.
     *
     * `redis+sentinel://[user:password@]host[:port],host[:port]…/NAME[/db]`: the hosts are sentinels, at most 16, port
     * 26379; they are asked where the master NAME is on every connect, and only a server that says it is the master is
     * taken. User and password are the master's; `?sentinel_user=…&sentinel_password=…` the sentinels'.
     *
     * `redis+cluster://[user:password@]host[:port],host[:port]…`: some nodes of a Redis Cluster, at most 16; a link
     * goes to the first master that is there. A bus and a subscriber find the node of each shard channel and stream, a
     * client for commands does not: what another node has is refused with MOVED.
     *
     * Each with TLS as well: rediss+sentinel://, rediss+cluster://. Copied.
     */
    const char *url;
    const char *name;            /**< for CLIENT SETNAME; NULL: none; copied */
    uint64_t connect_timeout_ms; /**< 5000; name look-up included */
    uint64_t command_timeout_ms; /**< 5000: for each command, and for the handshake */
    uint64_t
        ping_interval_ms; /**< 3000 of silence: PING; silent for command_timeout_ms more: the link is dropped */
    size_t max_queued_bytes; /**< 8 MiB of commands that are not answered yet */
    size_t max_reply_bytes;  /**< 64 MiB, in one reply; a larger one drops the link */
    /** The link is up, authenticated and answering. May be NULL. */
    void (*on_connect)(sio_redis *redis, void *data);
    /** It was up and is not any more. @param why one line, borrowed. May be NULL */
    void (*on_disconnect)(sio_redis *redis, const char *why, void *data);
    /** A line for the log; `level` is 'd', 'i', 'w' or 'e'. Never holds a password. May be NULL. */
    void (*on_log)(sio_redis *redis, char level, const char *line, void *data);
    void *data; /**< handed to all of the above */
    /** of rediss://: trust the CAs in this PEM file and no others; NULL: the system's; copied */
    const char *tls_ca_file;
} sio_redis_options;

/** Fill with the defaults. */
EIO_API void sio_redis_options_init(sio_redis_options *options);

/**
 * Check a URL without connecting.
 *
 * @param url  borrowed
 * @param why  one line without the password; may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_NOMEM
 * @note Any thread.
 */
EIO_API int sio_redis_check_url(const char *url, eio_error *why);

/**
 * Make a client and begin to connect. It goes on trying for ever: pauses grow from 50 ms to 2 s, at random within.
 *
 * @param out      new; sio_redis_close it
 * @param loop     borrowed until closed
 * @param options  copied
 * @param why      may be NULL
 * @return EIO_OK; as sio_redis_check_url; as eio_tls_new for rediss://; EIO_E_NOMEM
 * @note Loop thread.
 */
EIO_API int sio_redis_new(sio_redis **out, uv_loop_t *loop, const sio_redis_options *options,
                          eio_error *why);

/**
 * Close. What is queued is still sent; commands that have no answer yet end with EIO_E_CLOSED.
 *
 * @param redis      taken; may be NULL. A second call does nothing
 * @param on_closed  called once from the loop, the last callback; may be NULL
 */
EIO_API void sio_redis_close(sio_redis *redis, void (*on_closed)(void *data), void *data);

/** @return whether commands are being sent at present */
EIO_API bool sio_redis_is_connected(const sio_redis *redis);

/** @return options.data */
EIO_API void *sio_redis_data(const sio_redis *redis);

/** @return where it connects to, as a URL without user and password: for logs. Borrowed until closed */
EIO_API const char *sio_redis_address(const sio_redis *redis);

/**
 * The outcome of one command.
 *
 * @param status  EIO_OK; EIO_E_REPLY: Redis refused it (reply is the error); EIO_E_TIMEOUT: no answer in time (it may
 *                still take effect); EIO_E_UNAVAILABLE: the link is down, or broke before the answer; EIO_E_BACKLOG:
 *                max_queued_bytes are waiting already, not sent; EIO_E_CLOSED
 * @param reply   borrowed until the callback returns; NULL unless status is EIO_OK or EIO_E_REPLY
 */
typedef void sio_redis_callback(sio_redis *redis, int status, const sio_redis_reply *reply,
                                void *data);

/**
 * Send one command. Commands leave in the order of the calls and are answered in that order; many may be under way.
 * While the link is down they fail, they are not kept.
 *
 * @param redis      borrowed, in any state
 * @param arguments  copied
 * @param count      of arguments, 1 to 1000000
 * @param callback   called exactly once if EIO_OK is returned, from the loop, never from within this call; NULL: none
 * @return EIO_OK, EIO_E_CLOSED, EIO_E_INVALID, EIO_E_NOMEM
 * @note Loop thread. Allowed inside every callback.
 */
EIO_API int sio_redis_command(sio_redis *redis, const eio_slice *arguments, size_t count,
                              sio_redis_callback *callback, void *data);

/** A Lua script. Make one for each text and keep it: its hash is computed once. */
typedef struct sio_redis_script sio_redis_script;

/**
 * Prepare a script.
 *
 * @param out   new; sio_redis_script_free it
 * @param text  borrowed until freed
 * @return EIO_OK or EIO_E_NOMEM
 */
EIO_API int sio_redis_script_new(sio_redis_script **out, eio_slice text);

/** @param script may be NULL; not before the last run with it has called back */
EIO_API void sio_redis_script_free(sio_redis_script *script);

/**
 * Run a script by its hash (EVALSHA); a server that does not have it yet is sent the text (EVAL).
 *
 * @param script     borrowed until the callback
 * @param keys       how many of the arguments are keys
 * @param arguments  keys first; copied
 * @param count      of arguments
 * @return as sio_redis_command
 */
EIO_API int sio_redis_script_run(sio_redis *redis, const sio_redis_script *script, size_t keys,
                                 const eio_slice *arguments, size_t count,
                                 sio_redis_callback *callback, void *data);

/* ---- listening ---- */

/** A link of its own that listens. What was asked for is asked for again on every new link. */
typedef struct sio_subscriber sio_subscriber;
/** One channel or pattern that is listened to. */
typedef struct sio_subscription sio_subscription;

typedef enum sio_subscription_kind {
    SIO_SUBSCRIBE,  /**< one channel */
    SIO_PSUBSCRIBE, /**< a pattern */
    SIO_SSUBSCRIBE, /**< one shard channel */
    SIO_N_SUBSCRIPTION_KINDS
} sio_subscription_kind;

/** One message. Both slices are borrowed until it returns; every call is allowed within. */
typedef void sio_subscription_cb(eio_slice channel, eio_slice bytes, void *data);

/** Static table, borrowed for ever; any may be NULL. Every call is allowed inside every callback. */
typedef struct sio_subscriber_handler {
    /** All that was asked for is confirmed: after a connect, and after each sio_subscriber_add. */
    void (*on_ready)(sio_subscriber *subscriber, void *data);
    /** It was up, and messages are lost from now on until it is ready again. `why` is borrowed. */
    void (*on_down)(sio_subscriber *subscriber, const char *why, void *data);
    /** Redis refuses a channel (NOPERM, MOVED, no such command): it stays unheard until the next link. */
    void (*on_refused)(sio_subscriber *subscriber, eio_slice channel, const char *why, void *data);
    /** A line for the log; `level` is 'd', 'i', 'w' or 'e'. Never holds a password. */
    void (*on_log)(sio_subscriber *subscriber, char level, const char *line, void *data);
} sio_subscriber_handler;

/**
 * Make one and begin to connect, as sio_redis_new.
 *
 * @param out      new; sio_subscriber_close it
 * @param options  copied; its callbacks are not used
 * @param handler  not called from within
 * @param why      may be NULL
 * @return as sio_redis_new
 * @note Loop thread.
 */
EIO_API int sio_subscriber_new(sio_subscriber **out, uv_loop_t *loop,
                               const sio_redis_options *options,
                               const sio_subscriber_handler *handler, void *data, eio_error *why);

/** Taken with all its subscriptions; no more callbacks but on_closed. NULL and a second call do nothing. */
EIO_API void sio_subscriber_close(sio_subscriber *subscriber, void (*on_closed)(void *data),
                                  void *data);

/**
 * Listen. Messages may come before the confirmation, and on_ready tells of that.
 *
 * @param out   new; sio_subscription_remove it, or close the subscriber
 * @param name  copied
 * @return EIO_OK; EIO_E_EXISTS: this kind and name is listened to already; EIO_E_NOMEM
 */
EIO_API int sio_subscriber_add(sio_subscription **out, sio_subscriber *subscriber,
                               sio_subscription_kind kind, eio_slice name,
                               sio_subscription_cb *callback, void *data);

/** No message comes any more. @param subscription taken; may be NULL */
EIO_API void sio_subscription_remove(sio_subscription *subscription);

/** @return whether Redis has confirmed it on the present link */
EIO_API bool sio_subscription_is_confirmed(const sio_subscription *subscription);

/** @return whether the link is up and all is confirmed or refused */
EIO_API bool sio_subscriber_is_ready(const sio_subscriber *subscriber);

/* ---- several servers ---- */

struct sio_adapter_type;

/**
 * What makes a server a member of a cluster: its links to Redis, one for commands and one that listens. One for each
 * sio_server, whose namespaces share it.
 *
 *     sio_redis_bus_options_init(&bus_options);
 *     bus_options.redis.url = "redis://localhost";
 *     sio_redis_bus_new(&bus, loop, &bus_options, &why);
 *     options.adapter = &sio_adapter_redis;
 *     options.adapter_data = bus;
 */
typedef struct sio_redis_bus sio_redis_bus;

/** What a bus has done since its start, for metrics. */
typedef struct sio_redis_bus_counters {
    uint64_t published; /**< messages that Redis took */
    uint64_t received;  /**< messages that came, own ones included */
    uint64_t
        dropped; /**< messages that never left: Redis was away for too long, too slow, or refused */
    uint64_t bad;  /**< messages that came and could not be understood */
    uint64_t lost; /**< times that a link broke */
} sio_redis_bus_counters;

/** Which rooms have a channel of their own: subscriptionMode, the same on all servers. */
typedef enum sio_sharded_mode {
    SIO_SHARDED_DYNAMIC,         /**< all but those that are named like a socket */
    SIO_SHARDED_STATIC,          /**< none */
    SIO_SHARDED_DYNAMIC_PRIVATE, /**< all */
} sio_sharded_mode;

/** The adapter of streams; zeros mean the defaults. All servers need the same names and count. */
typedef struct sio_redis_streams_options {
    const char *stream_name; /**< "socket.io"; copied */
    size_t stream_count;     /**< 1, at most 64: a namespace's stream is chosen by its name */
    size_t max_len;          /**< 10000 entries, about: older ones are trimmed */
    size_t read_count;       /**< 100, at once */
    uint64_t block_time_ms;  /**< 5000: how long one XREAD waits */
    bool use_sharded_pubsub; /**< questions and answers by SPUBLISH */
    bool only_plaintext;     /**< no event holds binary: it would be sent as plain JSON */
    const char *session_key_prefix; /**< "sio:session:"; with sio_options.recovery; copied */
} sio_redis_streams_options;

typedef struct sio_redis_bus_options {
    size_t size; /**< set by sio_redis_bus_options_init */
    /** Both links; of its callbacks none is called, and its data is not used. */
    sio_redis_options redis;
    const char *key; /**< what all names of channels begin with, "socket.io"; copied */
    /** How long others have for an answer where the call says nothing, 5000. */
    uint64_t requests_timeout_ms;
    /**
     * Classic: answer on the channel of who asked alone. Off as with Node; servers of Node's redis-adapter before
     * 7.0.1 do not listen there.
     */
    bool publish_on_specific_response_channel;
    /** 2000: what could not leave for longer is dropped, not sent late; entries of streams wait */
    uint64_t max_wait_ms;
    /** Ready or not, and why not. @param why one line, NULL when ready; borrowed. May be NULL */
    void (*on_health)(sio_redis_bus *bus, bool is_ready, const char *why, void *data);
    /** As sio_redis_options.on_log. May be NULL. */
    void (*on_log)(sio_redis_bus *bus, char level, const char *line, void *data);
    void *data;                    /**< handed to both */
    sio_sharded_mode sharded_mode; /**< sharded: SIO_SHARDED_DYNAMIC */
    /** For sio_adapter_redis_streams; NULL: no streams are read. Copied. */
    const sio_redis_streams_options *streams;
} sio_redis_bus_options;

/** Fill with the defaults. */
EIO_API void sio_redis_bus_options_init(sio_redis_bus_options *options);

/**
 * Make a bus and begin to connect. A server works before that and without Redis: then it is alone.
 *
 * @param out      new; sio_redis_bus_close it, after the server is closed
 * @param loop     that of the server; borrowed until closed
 * @param options  copied
 * @param why      may be NULL
 * @return as sio_redis_new
 */
EIO_API int sio_redis_bus_new(sio_redis_bus **out, uv_loop_t *loop,
                              const sio_redis_bus_options *options, eio_error *why);

/**
 * Close both links.
 *
 * @param bus        taken; may be NULL. A second call does nothing
 * @param on_closed  called once from the loop, the last callback; may be NULL
 */
EIO_API void sio_redis_bus_close(sio_redis_bus *bus, void (*on_closed)(void *data), void *data);

/** @return NULL when it sends and hears everything, else why not: one line, borrowed until the next call */
EIO_API const char *sio_redis_bus_trouble(const sio_redis_bus *bus);

/** @return the figures as they are now, by value */
EIO_API sio_redis_bus_counters sio_redis_bus_count(const sio_redis_bus *bus);

/** Classic pub/sub: one cluster with Node's redis-adapter and its emitter. adapter_data: a sio_redis_bus. */
EIO_API extern const struct sio_adapter_type sio_adapter_redis;

/**
 * Sharded pub/sub, with Redis 7.0 and later: one cluster with the sharded adapter of Node's
 * redis-adapter. adapter_data: a sio_redis_bus.
 */
EIO_API extern const struct sio_adapter_type sio_adapter_redis_sharded;

/**
 * Streams: one cluster with Node's @socket.io/redis-streams-adapter 0.3 and its emitter. What was
 * sent while a server's link was down reaches it later. With sio_options.recovery clients come back
 * to any server of the cluster; not with workers. adapter_data: a sio_redis_bus with streams.
 */
EIO_API extern const struct sio_adapter_type sio_adapter_redis_streams;

/* ---- requests that reach the wrong server ---- */

struct eio_server;

/**
 * Answers requests of sessions on other servers through those, over Redis, and theirs through this one: behind a
 * balancer without sticky sessions clients may poll, and upgrade. All servers on one Redis, key and path that have one
 * are in it; Node's are not. Nothing of a client's Cookie, Authorization and Proxy-Authorization headers crosses over:
 * hooks of the server that has the session see its requests without them.
 *
 *     sio_server_new(&io, http, &options, &why);
 *     sio_forwarder_new(&forwarder, sio_server_engine(io), bus, NULL);
 */
typedef struct sio_forwarder sio_forwarder;

/** Limits that are 0 mean the default. */
typedef struct sio_forwarder_options {
    size_t size;              /**< set by sio_forwarder_options_init */
    uint64_t find_timeout_ms; /**< 1000: nobody says so long that he has it: `Session ID unknown` */
    /** 4000: a server that says nothing for so long is gone, and with it what is under way with it */
    uint64_t silence_ms;
    size_t max_remembered; /**< 100000 sessions of others, and who has them */
} sio_forwarder_options;

/** Fill with the defaults. */
EIO_API void sio_forwarder_options_init(sio_forwarder_options *options);

/** Figures since the start, for metrics. */
typedef struct sio_forwarder_counters {
    uint64_t forwarded; /**< requests of clients here that others were to answer */
    uint64_t served;    /**< requests of others' clients that were answered here */
    uint64_t unknown;   /**< of the former: nobody has the session */
    uint64_t lost; /**< requests, at either end, that a lost link or a silent server has ended */
    uint64_t bad;  /**< messages that made no sense */
} sio_forwarder_counters;

/**
 * Begin to forward. On several workers each needs one of its own, with a bus of its own.
 *
 * @param out      new, borrowed: it goes with the server, before that calls back that it is closed
 * @param engine   before its first request; sio_server_engine
 * @param bus      of the same loop; borrowed until the server is closed
 * @param options  copied; NULL: the defaults
 * @return EIO_OK, EIO_E_EXISTS (it has one), EIO_E_INVALID, EIO_E_NOMEM, EIO_E_RANDOM
 * @note Loop thread.
 */
EIO_API int sio_forwarder_new(sio_forwarder **out, struct eio_server *engine, sio_redis_bus *bus,
                              const sio_forwarder_options *options);

/** @return the figures as they are now, by value */
EIO_API sio_forwarder_counters sio_forwarder_count(const sio_forwarder *forwarder);

#endif
