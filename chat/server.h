/* The server that all profiles share: HTTP, TLS, health pages, signals, and the end of it all, in order. */
#ifndef CHAT_SERVER_H
#define CHAT_SERVER_H

#include "chat/options.h"

/* Serve until a signal. Returns the status to exit with; `why` is filled if it could not start. */
int chat_server_run(const chat_options *options, eio_error *why);

#endif
