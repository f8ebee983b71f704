/* What the WebSocket layer offers to Engine.IO, above what is public. */
#ifndef ENGINEIO_WEBSOCKET_WEBSOCKET_H
#define ENGINEIO_WEBSOCKET_WEBSOCKET_H

#include "engineio/websocket.h"

/*
 * Send one message from a buffer that eio_frame_seal has made a frame. buffer: shared. Nothing is copied, and no memory
 * is taken for a receiver. As eio_websocket_send, but for EIO_E_BACKLOG, after which the caller is expected to close.
 */
int eio_websocket_send_sealed(eio_websocket *ws, eio_buffer *buffer);

#endif
