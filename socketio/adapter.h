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
};

/** One event on its way out: what it says, and its packet, encoded once for all receivers. */
typedef struct sio_message {
    eio_slice name;
    sio_args args;
    eio_buffer *packet;             /**< the text packet; shared */
    eio_buffer *const *attachments; /**< the binary packets behind it; shared */
    size_t attachment_count;
} sio_message;

/** What happens to rooms of this server, for adapters that subscribe per room. */
typedef enum sio_room_change {
    SIO_ROOM_CREATED, /**< before the first socket joins */
    SIO_ROOM_JOINED,
    SIO_ROOM_LEFT,
    SIO_ROOM_DELETED, /**< after the last socket has left */
} sio_room_change;

/** A kind of adapter. Static: borrowed for ever. */
struct sio_adapter_type {
    const char *name;
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
     * Called from within joins and leaves: no call that joins or leaves. May be NULL.
     *
     * @param id  the socket's, {NULL, 0} for CREATED and DELETED
     */
    void (*on_room)(sio_adapter *adapter, sio_room_change change, eio_slice room, eio_slice id);
};

/** The adapter of one server alone: local delivery and nothing else. The default. */
EIO_API extern const sio_adapter_type sio_adapter_memory;

/** @return the adapter of a namespace, borrowed */
EIO_API sio_adapter *sio_namespace_adapter(const sio_namespace *nsp);

/** Deliver an encoded event to the sockets of this server that are meant. @return EIO_OK */
EIO_API int sio_local_broadcast(sio_namespace *nsp, const sio_message *message,
                                const sio_target *target);

/** Encode an event that came from another server, and deliver it here. @return as sio_broadcast */
EIO_API int sio_local_emit(sio_namespace *nsp, const sio_target *target, eio_slice name,
                           sio_args args);

#endif
