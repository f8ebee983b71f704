/*
 * Taking handlers of events back, and putting them first: off, offAny, prependAny and their like.
 * A handler that runs may take itself back, which is once.
 */
#ifndef SOCKETIO_LISTENERS_H
#define SOCKETIO_LISTENERS_H

#include "socketio/socketio.h"

/**
 * Take back what sio_on was given: it is not called from now on, not even for the event that is
 * being handled. Nothing happens if there is none; of several that are the same the latest goes.
 */
EIO_API void sio_off(sio_namespace *nsp, eio_slice name, sio_event_cb *callback, void *data);
/** The same for sio_socket_on. */
EIO_API void sio_socket_off(sio_socket *socket, eio_slice name, sio_event_cb *callback, void *data);
/** The same for sio_on_any and sio_prepend_any. */
EIO_API void sio_off_any(sio_namespace *nsp, sio_event_cb *callback, void *data);
/** The same for sio_on_any_outgoing and sio_prepend_any_outgoing. */
EIO_API void sio_off_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data);

/** As sio_on_any, before those that are there. */
EIO_API int sio_prepend_any(sio_namespace *nsp, sio_event_cb *callback, void *data);
/** As sio_on_any_outgoing, before those that are there. */
EIO_API int sio_prepend_any_outgoing(sio_namespace *nsp, sio_outgoing_cb *callback, void *data);

#endif
