/*
 * What is done to many sockets or asked of them at once, on all servers of a cluster, and what
 * servers tell each other. A part of socketio.h, which includes it.
 */
#ifndef SOCKETIO_MANY_H
#define SOCKETIO_MANY_H

#include "socketio/socketio.h"

/**
 * The answers to a broadcast, or the replies to a server-side event: called exactly once, from the
 * loop.
 *
 * @param status     EIO_OK; EIO_E_TIMEOUT: some did not answer in time; EIO_E_CLOSED: the server
 *                   was closed; EIO_E_NOMEM
 * @param responses  the first argument of each answer that came, in that order; its count is 0
 *                   where there was none; borrowed until the callback returns
 */
typedef void sio_responses_cb(sio_namespace *nsp, int status, const sio_args *responses,
                              size_t count, void *data);

/**
 * As sio_broadcast, and ask each receiver for an acknowledgement: io.to(…).timeout(ms).emit(…,
 * callback).
 *
 * @param timeout_ms  not 0, which is refused with EIO_E_INVALID
 * @param callback    called once if this returns EIO_OK, else never; with nobody there it is called
 *                    with no responses
 * @return as sio_broadcast, or EIO_E_INVALID
 */
EIO_API int sio_broadcast_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                                   sio_args args, uint64_t timeout_ms, sio_responses_cb *callback,
                                   void *data);
/** As sio_broadcast_with_ack, but never to this socket. */
EIO_API int sio_broadcast_from_with_ack(sio_socket *socket, const sio_target *target,
                                        eio_slice name, sio_args args, uint64_t timeout_ms,
                                        sio_responses_cb *callback, void *data);

/** Every socket that is meant, on all servers, joins these rooms. @param target as sio_broadcast's
 *  @return EIO_OK, EIO_E_NOMEM or the adapter's error */
EIO_API int sio_sockets_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
/** Every socket that is meant, on all servers, leaves these rooms. @return as sio_sockets_join */
EIO_API int sio_sockets_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
/** sio_disconnect for every socket that is meant, on all servers. @return as sio_sockets_join */
EIO_API int sio_disconnect_sockets(sio_namespace *nsp, const sio_target *target, bool close);

/**
 * A socket that was asked for, as it was then. To one of another server emit, join, leave and
 * disconnect with its id as the target's room.
 */
typedef struct sio_found_socket {
    eio_slice id;
    sio_rooms rooms;     /**< its id is among them */
    eio_slice handshake; /**< one JSON object, of a socket of another server; else {NULL, 0} */
    eio_slice data;      /**< one JSON text, of a socket of another server; else {NULL, 0} */
    sio_socket *socket;  /**< of this server; NULL: of another one */
} sio_found_socket;

/**
 * The sockets that were asked for: called exactly once, from the loop.
 *
 * @param status   EIO_OK; EIO_E_TIMEOUT: some server did not answer, these are the others';
 *                 EIO_E_CLOSED; EIO_E_NOMEM
 * @param sockets  borrowed until the callback returns
 */
typedef void sio_found_cb(sio_namespace *nsp, int status, const sio_found_socket *sockets,
                          size_t count, void *data);

/**
 * Find the sockets of all servers that are meant: fetchSockets().
 *
 * @param timeout_ms  for other servers to answer; 0: 5000
 * @param callback    called once if this returns EIO_OK, else never
 * @return EIO_OK, EIO_E_NOMEM or the adapter's error
 */
EIO_API int sio_fetch_sockets(sio_namespace *nsp, const sio_target *target, uint64_t timeout_ms,
                              sio_found_cb *callback, void *data);

/**
 * How many sockets are meant: called exactly once, from the loop.
 *
 * @param status  as of sio_found_cb; count is then what is known
 */
typedef void sio_count_cb(sio_namespace *nsp, int status, size_t count, void *data);

/**
 * Count the sockets of all servers that are meant, without fetching them: the others send a number. Over Redis a server
 * of Node's cannot, and sends its sockets; of these nothing is kept.
 *
 * @param target      as sio_broadcast's; NULL: the whole namespace. SIO_LOCAL: of this process
 * @param timeout_ms  for other servers to answer; 0: 5000
 * @param callback    called once if this returns EIO_OK, else never
 * @return EIO_OK, EIO_E_NOMEM or the adapter's error
 */
EIO_API int sio_count_sockets(sio_namespace *nsp, const sio_target *target, uint64_t timeout_ms,
                              sio_count_cb *callback, void *data);

/* ---- events between servers ---- */

/** What another server waits for. */
typedef struct sio_server_reply sio_server_reply;
/**
 * An event of another server.
 *
 * @param args   borrowed until the callback returns
 * @param reply  NULL: none is wanted; borrowed until the callback returns
 */
typedef void sio_server_event_cb(sio_namespace *nsp, sio_args args, sio_server_reply *reply,
                                 void *data);
/**
 * Hear of a server-side event.
 *
 * @return EIO_OK, EIO_E_NOMEM, or EIO_E_RESERVED for connect, connection and new_namespace
 */
EIO_API int sio_on_server_side(sio_namespace *nsp, eio_slice name, sio_server_event_cb *callback,
                               void *data);
/** Reply, once. @param reply may be NULL @return EIO_OK or EIO_E_STATE */
EIO_API int sio_server_reply_send(sio_server_reply *reply, sio_args args);
/**
 * Tell every other server of the cluster, never this one: serverSideEmit(). The memory adapter logs
 * that there is none.
 *
 * @return EIO_OK, EIO_E_RESERVED, or the adapter's error
 */
EIO_API int sio_server_side_emit(sio_namespace *nsp, eio_slice name, sio_args args);
/**
 * The same, and gather one reply of each within 5 seconds.
 * @param callback called once if this returns EIO_OK
 */
EIO_API int sio_server_side_emit_with_ack(sio_namespace *nsp, eio_slice name, sio_args args,
                                          sio_responses_cb *callback, void *data);

#endif
