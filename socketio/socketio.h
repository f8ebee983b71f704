/*
 * Socket.IO server (protocol 5): namespaces, sockets, events, acknowledgements, rooms and
 * broadcasts.
 *
 * Everything runs on the loop of the HTTP server: call from that thread only. Every call is allowed
 * inside every callback, and no call but sio_each_socket calls back before it returns: callbacks
 * come from the loop. After a callback the world may have changed; a socket that you keep beyond a
 * callback needs a reference (sio_socket_ref) or on_disconnect as its end.
 *
 *     static void on_echo(sio_socket *socket, sio_event *event, void *data)
 *     {
 *         (void)data;
 *         sio_emit(socket, SIO_STR("echo"), sio_event_args(event));
 *     }
 *
 *     sio_server_new(&io, http, NULL, NULL);
 *     sio_on(sio_server_of(io, SIO_STR("/")), SIO_STR("echo"), on_echo, NULL);
 */
#ifndef SOCKETIO_SOCKETIO_H
#define SOCKETIO_SOCKETIO_H

#include "engineio/engineio.h"
#include "socketio/args.h"

typedef struct sio_server sio_server;
/**
 * Lives as long as its server; a dynamic one with cleanup_empty_child_namespaces as long as it has
 * sockets.
 */
typedef struct sio_namespace sio_namespace;
/** One client in one namespace. Counted: a reference keeps the memory, not the connection. */
typedef struct sio_socket sio_socket;
/** One event from a client, and its acknowledgement. */
typedef struct sio_event sio_event;
/** An acknowledgement that a client waits for, to be given later. */
typedef struct sio_ack sio_ack;

struct sio_adapter_type;

/* ---- names, rooms and arguments as literals ---- */

/** The slice of a string literal: names of events, rooms and namespaces. */
#define SIO_STR(literal) EIO_STR(literal)
/**
 * One argument from a literal JSON text: SIO_JSON("{\"ok\":true}"), SIO_JSON("1"),
 * SIO_JSON("\"text\"").
 */
#define SIO_JSON(literal) EIO_STR(literal)
/**
 * Arguments from JSON slices: SIO_ARGS(SIO_JSON("1"), eio_buffer_slice(json)). Lives in its block.
 */
#define SIO_ARGS(...)                                                                              \
    ((sio_args){ (const eio_slice[]){ __VA_ARGS__ },                                               \
                 sizeof((const eio_slice[]){ __VA_ARGS__ }) / sizeof(eio_slice), NULL, 0 })

/**
 * Append a text to JSON under construction, as JSON.stringify prints it, with its quotes.
 *
 * @param json  in and out: it may move
 * @param text  UTF-8
 * @return EIO_OK or EIO_E_NOMEM (the buffer stays as it was)
 */
EIO_API int sio_json_append_string(eio_buffer **json, eio_slice text);

/**
 * Whether a text is JSON, as JSON.parse has it: RFC 8259, numbers of any size, repeated keys, at most 128 arrays and
 * objects within each other.
 *
 * @param text  UTF-8, which is not checked
 * @note Any thread.
 */
EIO_API bool sio_json_is_valid(eio_slice text);

/**
 * The value of an argument that is a JSON string.
 *
 * @param json  one JSON text that was checked: an argument of an event
 * @param out   where it is decoded to if it has escapes
 * @param size  of out; a longer value counts as absent
 * @return the value, inside json or out; {NULL, 0} if json is no string. An empty one has a base
 */
EIO_API eio_slice sio_json_string(eio_slice json, char *out, size_t size);

/* ---- server ---- */

/** A callback for log lines; `level` is 'd', 'i', 'w' or 'e'. */
typedef void sio_log_cb(sio_server *server, char level, const char *line, void *data);

/** Connection state recovery, with Node's defaults. All zeros are the defaults. */
typedef struct sio_recovery_options {
    uint64_t max_disconnection_ms; /**< 120000: how long a client may be away */
    bool run_middlewares;          /**< skipMiddlewares: false; sio_socket_is_recovered tells */
    size_t max_events;   /**< kept of one namespace, 100000; older ones cannot be recovered */
    size_t max_bytes;    /**< of them, 64 MiB */
    size_t max_sessions; /**< of one namespace, 100000; not where the adapter keeps them */
} sio_recovery_options;

/** How packets look on the wire: a server and its clients must agree. */
typedef enum sio_parser_kind {
    SIO_PARSER_JSON,    /**< JSON text with binary attachments: what every client speaks */
    SIO_PARSER_MSGPACK, /**< msgpack, as of the package socket.io-msgpack-parser */
} sio_parser_kind;

/** Node's options, with Node's defaults; limits that are 0 mean the default. */
typedef struct sio_options {
    size_t size;                 /**< set by sio_options_init */
    uint64_t connect_timeout_ms; /**< 45000: for a client to join its first namespace */
    bool no_serve_client;        /**< serveClient: false */
    /** Folder with the 8 client files (client-dist); NULL: they are not served; copied. */
    const char *client_dir;
    size_t max_attachments; /**< of one packet from a client: 10, which is also the most */
    size_t max_joining; /**< clients without a namespace yet, 100000: then the oldest is closed */
    size_t max_namespaces;   /**< of one client, 64 */
    size_t max_rooms;        /**< of one socket, 10000: sio_join returns EIO_E_LIMIT */
    size_t max_pending_acks; /**< of one client, 10000: then its oldest ends with EIO_E_LIMIT */
    size_t max_held_events;  /**< of one socket, in its middlewares, 1000: more are refused */
    const struct sio_adapter_type *adapter; /**< see adapter.h; NULL: memory; borrowed for ever */
    void *adapter_data; /**< what the adapter needs: a sio_redis_bus; borrowed until closed */
    /** Dynamic namespaces go when their last socket has left, and with it what pointed to them. */
    bool cleanup_empty_child_namespaces;
    const sio_recovery_options *recovery; /**< connectionStateRecovery; NULL: off; copied */
    sio_parser_kind parser;
    struct sio_worker *worker; /**< see workers.h; NULL: this server stands alone; borrowed */
    sio_log_cb *on_log; /**< may be NULL; also hears the engine, unless engine.on_log is set */
    void *data;         /**< sio_server_data; handed to on_log */
    /**
     * Engine.IO below: time-outs, limits, transports, cookie, CORS, hooks; its path is
     * "/socket.io". on_session is called for each new session, whose handler must be left alone.
     */
    eio_options engine;
} sio_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void sio_options_init(sio_options *options);

/**
 * Make a server and mount it on an HTTP server: any number of them, on different paths.
 *
 * @param out      new; sio_server_close it, before the HTTP server
 * @param http     borrowed until closed
 * @param options  copied; NULL: the defaults
 * @param why      may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_EXISTS (the path is taken), EIO_E_NOMEM, EIO_E_RANDOM
 */
EIO_API int sio_server_new(sio_server **out, eio_http_server *http, const sio_options *options,
                           eio_error *why);

/**
 * io.close() without the listener, which is the HTTP server's: every socket disconnects with
 * "server shutting down" (no packet says so: clients come back by themselves), then all sessions
 * close.
 *
 * @param server     taken; may be NULL; a second call does nothing
 * @param on_closed  called once from the loop, the last callback; may be NULL
 */
EIO_API void sio_server_close(sio_server *server, void (*on_closed)(void *data), void *data);

/**
 * Get a namespace, made on the first call: io.of(). A leading '/' is added if missing.
 *
 * @param name  at most 256 bytes, without ','; copied
 * @return borrowed until the server is closed; NULL for a name that cannot be, or out of memory;
 *         never for "/"
 */
EIO_API sio_namespace *sio_server_of(sio_server *server, eio_slice name);

EIO_API void *sio_server_data(const sio_server *server);         /**< options.data */
EIO_API eio_server *sio_server_engine(const sio_server *server); /**< the Engine.IO server below */

/** A client that asks for a namespace that is not there yet. */
typedef struct sio_match sio_match;
/**
 * Decide whether a namespace is made: ends in one call of sio_match_allow or sio_match_refuse, now
 * or later, even if the client has left or the server is closed.
 */
typedef void sio_matcher_cb(sio_match *match, void *data);
/** @return the name that was asked for; borrowed until it is answered */
EIO_API eio_slice sio_match_name(const sio_match *match);
/** @return what the client gives as auth, one JSON object; borrowed until it is answered */
EIO_API eio_slice sio_match_auth(const sio_match *match);
/** @return whose client asks; borrowed; NULL once it is closed */
EIO_API eio_session *sio_match_session(const sio_match *match);
EIO_API void sio_match_allow(sio_match *match); /**< @param match taken */
EIO_API void
sio_match_refuse(sio_match *match); /**< The next parent is asked. @param match taken */

/**
 * Dynamic namespaces: io.of(function). What is registered on the parent at the moment a child is
 * made holds for the child as well. sio_broadcast to the parent reaches all of its children; what
 * asks for answers is EIO_E_UNSUPPORTED there. Parents are tried in the order of these calls.
 *
 * @return the parent, borrowed until the server is closed; NULL when out of memory
 */
EIO_API sio_namespace *sio_server_of_matching(sio_server *server, sio_matcher_cb *matcher,
                                              void *data);
/**
 * The same for all names that fit a pattern, in which '*' is any text and '?' any byte:
 * io.of(/regex/). A namespace that sio_server_of makes gets such a parent, too, if its name fits.
 *
 * @param pattern  copied; begins with '/'
 */
EIO_API sio_namespace *sio_server_of_pattern(sio_server *server, eio_slice pattern);

/** A namespace was made; called from the loop, before any socket is in it. */
typedef void sio_namespace_cb(sio_namespace *nsp, void *data);
/** Hear of new namespaces, dynamic ones included. @return EIO_OK or EIO_E_NOMEM */
EIO_API int sio_server_on_new_namespace(sio_server *server, sio_namespace_cb *callback, void *data);

/** Figures since the start, for metrics. */
typedef struct sio_counters {
    uint64_t connected;    /**< sockets that connected */
    uint64_t disconnected; /**< sockets that disconnected */
    uint64_t refused;      /**< CONNECTs that were answered with CONNECT_ERROR */
    uint64_t events_in;    /**< events from clients */
    uint64_t packets_out;  /**< packets queued for clients: each receiver of a broadcast counts */
    uint64_t broadcasts;   /**< broadcasts delivered here */
    uint64_t parse_errors; /**< clients closed for a packet that cannot be decoded */
    uint64_t violations;   /**< clients closed for a packet that is not allowed in their state */
    /** clients closed because they joined no namespace in time, or before too many others came */
    uint64_t connect_timeouts;
    uint64_t acks_timed_out; /**< acknowledgements that did not come in time */
} sio_counters;
/** @return the figures as they are now, by value */
EIO_API sio_counters sio_server_counters(const sio_server *server);

/* ---- namespace: what is registered here holds for all its sockets, at no cost per socket ---- */

/** @return "/", "/chat" …, as long as the namespace */
EIO_API eio_slice sio_namespace_name(const sio_namespace *nsp);
/** @return the server it belongs to; borrowed */
EIO_API sio_server *sio_namespace_server(const sio_namespace *nsp);
EIO_API size_t sio_namespace_count(const sio_namespace *nsp); /**< connected sockets */
/** Find a connected socket by its id. Borrowed; NULL if there is none. */
EIO_API sio_socket *sio_namespace_find(const sio_namespace *nsp, eio_slice id);

/** A new socket: its CONNECT has been answered, what is emitted here comes right behind. */
typedef void sio_connection_cb(sio_socket *socket, void *data);
/**
 * A socket leaves or has left.
 *
 * @param reason   one of Node's texts: "transport close", "client namespace disconnect" …
 * @param details  what happened, more exactly; NULL if there is no more to say; borrowed
 */
typedef void sio_disconnect_cb(sio_socket *socket, const char *reason, const char *details,
                               void *data);
/** An event. @param event borrowed until the callback returns: sio_event_ref keeps it */
typedef void sio_event_cb(sio_socket *socket, sio_event *event, void *data);
/**
 * The client sent what cannot be decoded, and disconnects with "forced close" next; or a middleware
 * refused an event.
 *
 * @param text  what was wrong
 */
typedef void sio_error_cb(sio_socket *socket, const char *text, void *data);
/**
 * A middleware: ends in one call of sio_next for this socket, now or later. The socket is not
 * connected yet; it may be emitted to and may join rooms. To answer later, keep a reference.
 */
typedef void sio_middleware_cb(sio_socket *socket, void *data);

/**
 * Add a handler. Several are called in the order in which they were added; those of events can be
 * taken back, see listeners.h.
 *
 * @return EIO_OK or EIO_E_NOMEM
 */
EIO_API int sio_on_connection(sio_namespace *nsp, sio_connection_cb *callback, void *data);
/** Before a socket has left its rooms. @return as sio_on_connection */
EIO_API int sio_on_disconnecting(sio_namespace *nsp, sio_disconnect_cb *callback, void *data);
/** When it has left them: the last callback of a socket. @return as sio_on_connection */
EIO_API int sio_on_disconnect(sio_namespace *nsp, sio_disconnect_cb *callback, void *data);
/** @return as sio_on_connection */
EIO_API int sio_on_error(sio_namespace *nsp, sio_error_cb *callback, void *data);
/** Every event, before the handlers of its name: onAny. @return as sio_on_connection */
EIO_API int sio_on_any(sio_namespace *nsp, sio_event_cb *callback, void *data);
/**
 * Events of a name, from every socket of the namespace.
 *
 * @param name  copied; a number as a name matches its digits
 * @return EIO_OK, EIO_E_NOMEM, or EIO_E_RESERVED for connect, connect_error, disconnect,
 *         disconnecting, newListener and removeListener
 */
EIO_API int sio_on(sio_namespace *nsp, eio_slice name, sio_event_cb *callback, void *data);
/** Run on every CONNECT, in the order in which they were added. @return as sio_on_connection */
EIO_API int sio_use(sio_namespace *nsp, sio_middleware_cb *callback, void *data);

/**
 * A middleware for events: socket.use(). Runs behind sio_on_any, before the handlers of the event's
 * name, and ends in one call of sio_event_next for this event, now or later, even if the socket has
 * left: until then the event stays. Events do not wait for each other, as in Node.
 */
typedef void sio_event_middleware_cb(sio_socket *socket, sio_event *event, void *data);
/** Run on every event, in the order in which they were added. @return as sio_on_connection */
EIO_API int sio_use_event(sio_namespace *nsp, sio_event_middleware_cb *callback, void *data);
/** As sio_use_event, for this socket alone, behind the namespace's: it costs memory per socket. */
EIO_API int sio_socket_use_event(sio_socket *socket, sio_event_middleware_cb *callback, void *data);
/**
 * Answer a middleware for events: go on to the next one and to the handlers, or drop the event.
 *
 * @param event    taken, when its callback has returned: what is called next comes from the loop
 * @param refusal  NULL: go on; else sio_on_error hears it, the client hears nothing; copied
 * @return EIO_OK; EIO_E_STATE if no middleware waits for it (answered already), or the socket has
 *         left; EIO_E_NOMEM if there was no memory to keep it: it is dropped
 */
EIO_API int sio_event_next(sio_event *event, const char *refusal);
/**
 * Change the arguments, for what comes behind this middleware.
 *
 * @param args  copied; each one JSON text. What sio_event_args gave before is gone
 * @return EIO_OK; EIO_E_STATE outside of middlewares; EIO_E_NOMEM
 */
EIO_API int sio_event_set_args(sio_event *event, sio_args args);

/**
 * An event goes out to this socket.
 * @param args without what recovery adds; borrowed until the callback returns
 */
typedef void sio_outgoing_cb(sio_socket *socket, eio_slice name, sio_args args, void *data);
/**
 * Every event that is queued for a socket, broadcasts once for each receiver: onAnyOutgoing. Called
 * from within the call that emits, so it may look, but not emit, join, leave or disconnect.
 *
 * @return as sio_on_connection
 */
EIO_API int sio_on_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data);

/** Why a middleware refuses: what the client gets as connect_error. */
typedef struct sio_refusal {
    eio_slice message; /**< err.message, UTF-8 */
    eio_slice data;    /**< err.data, one JSON text; {NULL, 0}: none */
} sio_refusal;

/**
 * Answer a middleware: go on to the next one, or refuse the socket.
 *
 * @param error  borrowed; NULL: go on
 * @return EIO_OK; EIO_E_STATE if no middleware waits for this socket (answered already, or the
 *         client is gone)
 */
EIO_API int sio_next(sio_socket *socket, const sio_refusal *error);

/* ---- socket ---- */

/** Keep the memory of a socket. @return the socket */
EIO_API sio_socket *sio_socket_ref(sio_socket *socket);
EIO_API void sio_socket_unref(sio_socket *socket); /**< @param socket may be NULL */

/** @return 20 characters, as long as a reference is held */
EIO_API eio_slice sio_socket_id(const sio_socket *socket);
/** @return the namespace it is in; borrowed */
EIO_API sio_namespace *sio_socket_namespace(const sio_socket *socket);
/** @return whether it is connected: true from on_connection up to the begin of its disconnection */
EIO_API bool sio_socket_is_connected(const sio_socket *socket);
/** @return whether it came back with its id, rooms and data after its connection was lost */
EIO_API bool sio_socket_is_recovered(const sio_socket *socket);
/**
 * The session below, shared with the client's other namespaces: transport, headers. NULL once it is
 * closed.
 */
EIO_API eio_session *sio_socket_session(const sio_socket *socket);

/**
 * Hang application data on a socket: socket.data. With recovery it goes over to the socket that the
 * client comes back with, unless that is one of another worker, whose thread must not have it, or the
 * adapter keeps the sessions (that of streams): then it goes with the old one. After on_disconnect
 * the old one has none.
 *
 * @param data     taken if destroy is given
 * @param destroy  called with data when it is replaced or the socket's memory goes; may be NULL
 */
EIO_API void sio_socket_set_data(sio_socket *socket, void *data, void (*destroy)(void *data));
/** @return what sio_socket_set_data was given last, or NULL */
EIO_API void *sio_socket_data(const sio_socket *socket);

/*
 * The handshake: of the session's first request, but for auth. Slices live as long as a reference
 * is held.
 */
/** @return JSON object, "{}" if the client sent none */
EIO_API eio_slice sio_socket_auth(const sio_socket *socket);
EIO_API eio_slice sio_socket_address(const sio_socket *socket); /**< of the peer */
EIO_API bool sio_socket_is_secure(const sio_socket *socket);    /**< whether it came over TLS */
EIO_API eio_slice sio_socket_url(const sio_socket *socket);     /**< request target */
EIO_API eio_slice sio_socket_query(const sio_socket *socket); /**< encoded: eio_query_get decodes */
EIO_API uint64_t sio_socket_issued_ms(const sio_socket *socket); /**< when, in ms since 1970 */
/** @return whether there was an Origin header */
EIO_API bool sio_socket_is_xdomain(const sio_socket *socket);
/** A header. @param name in lower case @return {NULL, 0} if absent */
EIO_API eio_slice sio_socket_header(const sio_socket *socket, const char *name);
/** Headers in order, names in lower case. @return false past the last */
EIO_API bool sio_socket_header_at(const sio_socket *socket, size_t index, eio_slice *name,
                                  eio_slice *value);

/**
 * As sio_on, for this socket alone: an exception, since it costs memory per socket. Called after
 * the namespace's.
 */
EIO_API int sio_socket_on(sio_socket *socket, eio_slice name, sio_event_cb *callback, void *data);

/** How an event is sent. */
enum {
    SIO_VOLATILE = 1,    /**< drop it for receivers that cannot take it at once */
    SIO_NO_COMPRESS = 2, /**< compress(false) */
    SIO_LOCAL = 4,       /**< broadcasts: this server only */
};

/**
 * Emit an event. Events to one client leave in the order of the calls.
 *
 * @param name  UTF-8 without quotes around; not reserved
 * @param args  lent; SIO_NO_ARGS, SIO_ARGS(…), or those of an event
 * @return EIO_OK; EIO_E_RESERVED; EIO_E_CLOSED; EIO_E_BACKLOG (the client does not read and is
 *         closed); EIO_E_NOMEM; EIO_E_LIMIT for more than 10 attachments; EIO_E_INVALID for args or
 *         a name that cannot be encoded
 */
EIO_API int sio_emit(sio_socket *socket, eio_slice name, sio_args args);
/** As sio_emit. @param flags SIO_VOLATILE, SIO_NO_COMPRESS */
EIO_API int sio_emit_with(sio_socket *socket, eio_slice name, sio_args args, unsigned flags);

/**
 * The answer to an emit: called exactly once, from the loop.
 *
 * @param status  EIO_OK; EIO_E_TIMEOUT; EIO_E_CLOSED when the socket left before; EIO_E_LIMIT when
 *                too many were pending
 * @param args    what the client answered, none unless EIO_OK; borrowed until the callback returns
 */
typedef void sio_ack_cb(sio_socket *socket, int status, sio_args args, void *data);

/**
 * Emit an event and ask for an acknowledgement.
 *
 * @param timeout_ms  0: wait as long as the socket is connected
 * @param callback    called once if this returns EIO_OK, else never
 * @return as sio_emit
 */
EIO_API int sio_emit_with_ack(sio_socket *socket, eio_slice name, sio_args args,
                              uint64_t timeout_ms, sio_ack_cb *callback, void *data);

/**
 * Disconnect: on_disconnecting and on_disconnect follow from the loop, with "server namespace
 * disconnect".
 *
 * @param close  false: this namespace only; true: every namespace of the client, then the
 *               connection
 */
EIO_API void sio_disconnect(sio_socket *socket, bool close);

/* ---- rooms ---- */

/**
 * Join a room; a room exists while somebody is in it. A connected socket is in the room that bears
 * its id.
 *
 * @param room  any bytes; copied
 * @return EIO_OK (also if it is in there already, or has disconnected: then nothing happens);
 *         EIO_E_LIMIT; EIO_E_NOMEM
 */
EIO_API int sio_join(sio_socket *socket, eio_slice room);
/** Leave a room; nothing happens if it is not in there. */
EIO_API void sio_leave(sio_socket *socket, eio_slice room);
/** @return whether the socket is in that room */
EIO_API bool sio_socket_is_in(const sio_socket *socket, eio_slice room);
/**
 * Walk a socket's rooms, its own id included, in no particular order.
 *
 * @param index  0, 1, …; valid until the next join or leave
 * @param out    borrowed until then
 * @return false past the last
 */
EIO_API bool sio_socket_room_at(const sio_socket *socket, size_t index, eio_slice *out);

/** What happens to a room on this server. */
typedef enum sio_room_change {
    SIO_ROOM_CREATED, /**< before the first socket joins */
    SIO_ROOM_JOINED,
    SIO_ROOM_LEFT,
    SIO_ROOM_DELETED, /**< after the last socket has left */
} sio_room_change;

/**
 * A room was created or deleted, or a socket has joined or left it. The rooms that bear a socket's
 * id are told of, too.
 *
 * @param id  the socket's, {NULL, 0} for SIO_ROOM_CREATED and SIO_ROOM_DELETED
 */
typedef void sio_room_cb(sio_namespace *nsp, sio_room_change change, eio_slice room, eio_slice id,
                         void *data);
/**
 * The adapter's events create-room, join-room, leave-room and delete-room. Called from the loop, in
 * the order of the changes, so every call is allowed inside, and a room may have changed again
 * since. A socket's joins come before sio_on_connection, its leaves before sio_on_disconnect.
 *
 * @return as sio_on_connection
 */
EIO_API int sio_on_room(sio_namespace *nsp, sio_room_cb *callback, void *data);

/** Names of rooms. */
typedef struct sio_rooms {
    const eio_slice *names;
    size_t count;
} sio_rooms;

/**
 * Rooms for a sio_target, from slices: SIO_ROOMS(SIO_STR("lobby"), sio_socket_id(socket)). Lives in
 * its block.
 */
#define SIO_ROOMS(...)                                                                             \
    ((sio_rooms){ (const eio_slice[]){ __VA_ARGS__ },                                              \
                  sizeof((const eio_slice[]){ __VA_ARGS__ }) / sizeof(eio_slice) })

/**
 * Who gets a broadcast: everybody in one of the rooms (none: everybody) who is in none of the
 * excepted ones.
 */
typedef struct sio_target {
    sio_rooms rooms;  /**< io.to(…) */
    sio_rooms except; /**< io.except(…) */
    unsigned flags;   /**< SIO_VOLATILE, SIO_NO_COMPRESS, SIO_LOCAL */
} sio_target;

/**
 * Emit an event to many sockets, to each once: io.to(…).except(…).emit().
 *
 * @param target  borrowed; NULL: every socket of the namespace
 * @return EIO_OK, also when nobody is there; EIO_E_RESERVED, EIO_E_LIMIT, EIO_E_INVALID,
 *         EIO_E_NOMEM as sio_emit
 */
EIO_API int sio_broadcast(sio_namespace *nsp, const sio_target *target, eio_slice name,
                          sio_args args);

/**
 * As sio_broadcast, but never to this socket: socket.to(…).emit(), and with NULL
 * socket.broadcast.emit().
 */
EIO_API int sio_broadcast_from(sio_socket *socket, const sio_target *target, eio_slice name,
                               sio_args args);

/** Visits one socket. @return false to stop the walk */
typedef bool sio_visit_cb(sio_socket *socket, void *data);

/**
 * Walk the connected sockets of this server that a broadcast would reach. They are collected
 * before: the callback may join, leave and disconnect; who disconnects meanwhile is left out.
 *
 * @return EIO_OK or EIO_E_NOMEM
 */
EIO_API int sio_each_socket(sio_namespace *nsp, const sio_target *target, sio_visit_cb *visit,
                            void *data);

/* ---- event ---- */

/** @return its name, decoded; as long as the event */
EIO_API eio_slice sio_event_name(const sio_event *event);
/** @return its arguments, without name and acknowledgement; as long as the event */
EIO_API sio_args sio_event_args(const sio_event *event);
/** @return whether an acknowledgement can still be given */
EIO_API bool sio_event_has_ack(const sio_event *event);

/**
 * Acknowledge an event, once: later calls return EIO_E_STATE and send nothing, as do those that
 * nobody waits for.
 *
 * @param args  lent
 * @return as sio_emit, or EIO_E_STATE
 */
EIO_API int sio_event_ack(sio_event *event, sio_args args);

/**
 * Take the acknowledgement out of an event, to give it later.
 *
 * @return new: sio_ack_send or sio_ack_drop it; NULL if nobody waits for one, or out of memory
 */
EIO_API sio_ack *sio_event_take_ack(sio_event *event);
/** Give it. @param ack taken @param args lent @return as sio_emit */
EIO_API int sio_ack_send(sio_ack *ack, sio_args args);
/** Never give it. @param ack taken, may be NULL */
EIO_API void sio_ack_drop(sio_ack *ack);
/** @return whose event it was; borrowed as long as the ack */
EIO_API sio_socket *sio_ack_socket(const sio_ack *ack);

/**
 * Keep an event beyond its callback: name and args, not the acknowledgement (take that on its own).
 *
 * @return the event itself if it is a kept one, else a copy of it; sio_event_unref it; NULL when
 *         out of memory
 */
EIO_API sio_event *sio_event_ref(sio_event *event);
/** @param event from sio_event_ref, or NULL */
EIO_API void sio_event_unref(sio_event *event);

#include "socketio/listeners.h"
#include "socketio/many.h"

#endif
