/*
 * Write your own adapter: what carries broadcasts beyond this server. Rooms and the delivery to
 * sockets of this server are the library's; an adapter decides who else must hear, and hears from
 * the others. One adapter serves one namespace.
 *
 *     struct my_adapter { sio_adapter base; ... };   base first: the library knows nothing of the
 *     rest
 *
 * A message from another server is turned into local delivery with sio_local_emit. Loop thread
 * only.
 */
#ifndef SOCKETIO_ADAPTER_H
#define SOCKETIO_ADAPTER_H

#include "socketio/socketio.h"

typedef struct sio_adapter sio_adapter;
typedef struct sio_adapter_type sio_adapter_type;

/** What every adapter begins with; filled by the library before `open`'s adapter is used. */
struct sio_adapter {
    const sio_adapter_type *type;
    sio_namespace *nsp;
    /** Set by `open`: how long others have for an answer where the call says nothing; 0: 5000. */
    uint64_t request_timeout_ms;
};

/** One event on its way out: what it says, and its packet, encoded once for all receivers. */
typedef struct sio_message {
    eio_slice name;
    sio_args args;
    eio_buffer *packet;             /**< as the parser has it; shared */
    eio_buffer *const *attachments; /**< the binary packets behind it; shared */
    size_t attachment_count;
} sio_message;

/**
 * Answers that are gathered for the application, from here and from other servers. It ends by
 * itself: when nobody holds it and as many answers as expected came, or when its time is over; all
 * calls are allowed after that, and do nothing. The application is called back from the loop.
 */
typedef struct sio_gather sio_gather;

/** What waits for the reply to a server-side event of another server. */
struct sio_server_reply {
    /**
     * Send it; called at most once, by the application's sio_server_reply_send.
     * @param args borrowed
     */
    void (*send)(sio_server_reply *reply, sio_args args);
    bool is_sent; /**< the library's */
};

/** What a socket leaves behind when its connection is lost. */
typedef struct sio_session {
    eio_slice id;    /**< the socket's: 20 bytes */
    eio_slice pid;   /**< by which it is found, known to its client alone: 20 bytes */
    sio_rooms rooms; /**< the id first if it was in that one */
} sio_session;

/** A client that is back and waits for its session; sio_restore_end ends it, once. */
typedef struct sio_restore sio_restore;

/** A kind of adapter. Static: borrowed for ever. */
struct sio_adapter_type {
    const char *name;
    /**
     * Events of other servers pass by the log of those that a client missed: sio_options.recovery
     * is refused. Not so where there is restore_session.
     */
    bool lacks_recovery;
    /**
     * `broadcast` delivers here only after it has returned. With workers the adapter of the first one speaks for all;
     * unless this is set, what a worker sends is delivered there before it comes to the adapter, whose sio_local_…
     * calls then leave that worker out.
     */
    bool delivers_late;
    /**
     * Make the adapter of a namespace.
     *
     * @param out  new; its base is filled in by the library
     * @return EIO_OK or an error, which fails sio_server_of
     */
    int (*open)(sio_adapter **out, sio_namespace *nsp);
    /** The namespace goes: free it. No call comes after this one. */
    void (*close)(sio_adapter *adapter);
    /**
     * Deliver an event to all who are meant, here (sio_local_broadcast) and, unless SIO_LOCAL,
     * elsewhere.
     *
     * @param message  borrowed
     * @param target   borrowed, not NULL
     * @return EIO_OK or what sio_broadcast is to return
     */
    int (*broadcast)(sio_adapter *adapter, const sio_message *message, const sio_target *target);
    /**
     * A room of this server changes. The rooms that bear a connected socket's id are told of as
     * JOINED and LEFT do, too.
     * Of another worker's rooms it is told by CREATED and DELETED alone, for each worker that has one.
     * Called from within joins and leaves: no call that joins or leaves. May be NULL.
     *
     * @param id  the socket's, {NULL, 0} for CREATED and DELETED
     */
    void (*on_room)(sio_adapter *adapter, sio_room_change change, eio_slice room, eio_slice id);

    /*
     * What other servers have a part in. Each may be NULL: then it is done on this server alone.
     * None is called with SIO_LOCAL. This server's part is done by the function that is named. All
     * return EIO_OK or an error that the application's call is to return; then nothing is called
     * back.
     */

    /** sio_sockets_join: sio_local_join. */
    int (*join)(sio_adapter *adapter, const sio_target *target, sio_rooms rooms);
    /** sio_sockets_leave: sio_local_leave. */
    int (*leave)(sio_adapter *adapter, const sio_target *target, sio_rooms rooms);
    /** sio_disconnect_sockets: sio_local_disconnect. */
    int (*disconnect)(sio_adapter *adapter, const sio_target *target, bool close);
    /** sio_fetch_sockets: sio_local_fetch. @param gather keep it with sio_gather_ref */
    int (*fetch)(sio_adapter *adapter, const sio_target *target, sio_gather *gather);
    /**
     * sio_broadcast_with_ack: sio_local_emit_with_ack.
     * @param gather keep it with sio_gather_ref
     */
    int (*emit_with_ack)(sio_adapter *adapter, const sio_target *target, eio_slice name,
                         sio_args args, uint64_t timeout_ms, sio_gather *gather);
    /**
     * sio_server_side_emit, for the other servers only.
     * @param gather NULL: no replies are wanted
     */
    int (*server_side)(sio_adapter *adapter, eio_slice name, sio_args args, sio_gather *gather);
    /**
     * sio_count_sockets: sio_local_count. NULL where there is `fetch`: that is called, and what it
     * adds is counted.
     * @param gather keep it with sio_gather_ref
     */
    int (*count)(sio_adapter *adapter, const sio_target *target, sio_gather *gather);

    /*
     * Connection state recovery in the whole cluster. Both NULL: the library keeps sessions and
     * events itself, in the memory of this process. Otherwise every event to a socket is a
     * broadcast to the room of its id, and what may be missed is delivered with
     * sio_local_emit_with_offset. Not with workers.
     */

    /** A socket has lost its connection: keep its session so long. @param session borrowed */
    void (*save_session)(sio_adapter *adapter, const sio_session *session, uint64_t keep_ms);
    /**
     * A client is back, here: find what it left anywhere, and take it, so that it is found once.
     * Then sio_restore_add_session, sio_restore_add_event for each event that it missed, in their
     * order, and at last sio_restore_end, which may all be in this call or later.
     *
     * @param pid      borrowed, as the session's
     * @param offset   borrowed: what the last event it has heard was delivered with; a client's word
     * @param restore  the adapter's until sio_restore_end, unless this fails
     * @return EIO_OK; or an error: there is none, and `restore` is not ended
     */
    int (*restore_session)(sio_adapter *adapter, eio_slice pid, eio_slice offset,
                           sio_restore *restore);
};

/** The adapter of one server alone: local delivery and nothing else. The default. */
EIO_API extern const sio_adapter_type sio_adapter_memory;

/** @return the adapter of a namespace, borrowed */
EIO_API sio_adapter *sio_namespace_adapter(const sio_namespace *nsp);
/** @return sio_options.adapter_data of its server */
EIO_API void *sio_namespace_adapter_data(const sio_namespace *nsp);
/** @return whether a socket of this process is, or may be, in the room */
EIO_API bool sio_local_has_room(const sio_namespace *nsp, eio_slice room);

/** Deliver an encoded event to the sockets of this server that are meant. @return EIO_OK */
EIO_API int sio_local_broadcast(sio_namespace *nsp, const sio_message *message,
                                const sio_target *target);

/** Encode an event that came from another server, and deliver it here. @return as sio_broadcast */
EIO_API int sio_local_emit(sio_namespace *nsp, const sio_target *target, eio_slice name,
                           sio_args args);

/**
 * The same with an offset as one more argument, by which a client says what it has heard.
 *
 * @param offset  borrowed: printable ASCII without quotes; {NULL, 0}: none, as sio_local_emit
 */
EIO_API int sio_local_emit_with_offset(sio_namespace *nsp, const sio_target *target, eio_slice name,
                                       sio_args args, eio_slice offset);

/** @return whether sio_options.recovery is on, and the adapter is to keep the sessions */
EIO_API bool sio_namespace_restores(const sio_namespace *nsp);
/** @return whether the client still waits; else sio_restore_end is all that is left to do */
EIO_API bool sio_restore_is_awaited(const sio_restore *restore);
/**
 * Its session was found.
 *
 * @param session  copied
 * @return EIO_OK; EIO_E_INVALID: not of this form; EIO_E_NOMEM
 */
EIO_API int sio_restore_add_session(sio_restore *restore, const sio_session *session);
/**
 * One event that it has missed.
 *
 * @param args    borrowed, without the offset
 * @param offset  borrowed, as sio_local_emit_with_offset
 * @return EIO_OK; EIO_E_STATE: nobody waits any more, or there is no session; EIO_E_LIMIT: it is
 *         more than sio_recovery_options allow; or as sio_broadcast. Then end it, not whole
 */
EIO_API int sio_restore_add_event(sio_restore *restore, eio_slice name, sio_args args,
                                  eio_slice offset);
/** That was all. @param is_whole false: something is not there, so the client is a new one */
EIO_API void sio_restore_end(sio_restore *restore, bool is_whole);

/** Join the sockets of this server that are meant. @return EIO_OK or EIO_E_NOMEM */
EIO_API int sio_local_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
/** Let them leave. @return as sio_local_join */
EIO_API int sio_local_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
/** Disconnect them. @return as sio_local_join */
EIO_API int sio_local_disconnect(sio_namespace *nsp, const sio_target *target, bool close);
/** Add them to what is gathered. @return as sio_local_join */
EIO_API int sio_local_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather);
/** Add how many they are to what is gathered. @return as sio_local_join */
EIO_API int sio_local_count(sio_namespace *nsp, const sio_target *target, sio_gather *gather);
/** Emit to them, expect an answer from each, and add it when it comes. @return as sio_broadcast */
EIO_API int sio_local_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                                    sio_args args, sio_gather *gather);
/**
 * Hand a server-side event of another server to the application.
 *
 * @param reply  NULL: none is wanted; else as long as the call, unless the adapter frees it later
 */
EIO_API void sio_local_server_side(sio_namespace *nsp, eio_slice name, sio_args args,
                                   sio_server_reply *reply);

/** Keep the memory of a gathering. @return gather */
EIO_API sio_gather *sio_gather_ref(sio_gather *gather);
/** Give a reference back. @param gather may be NULL */
EIO_API void sio_gather_unref(sio_gather *gather);
/** One more server has to report: it does not end before sio_gather_release. */
EIO_API void sio_gather_hold(sio_gather *gather);
/** A server has reported, or is gone. Once for each sio_gather_hold. */
EIO_API void sio_gather_release(sio_gather *gather);
/** So many more answers will come. */
EIO_API void sio_gather_expect(sio_gather *gather, size_t count);
/** An answer came: of an acknowledgement or reply the first argument counts. @param args copied */
EIO_API void sio_gather_add_response(sio_gather *gather, sio_args args);
/** A socket of another server was found. @param socket copied, its `socket` NULL */
EIO_API void sio_gather_add_socket(sio_gather *gather, const sio_found_socket *socket);
/** So many sockets of another server were found. */
EIO_API void sio_gather_add_count(sio_gather *gather, size_t number);

#endif
