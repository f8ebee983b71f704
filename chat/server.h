/* The parts of chatd put together: store, HTTP, Socket.IO, rooms, page; and their end, in order. */
#ifndef CHAT_SERVER_H
#define CHAT_SERVER_H

#include "chat/options.h"

/* Serve until a signal. Returns the status to exit with; `why` is filled if it could not start. */
int chat_server_run(const chat_options *options, eio_error *why);

#endif
