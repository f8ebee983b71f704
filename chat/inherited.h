/* Sockets that the service manager passes: LISTEN_PID, LISTEN_FDS (sd_listen_fds(3)). */
#ifndef CHAT_INHERITED_H
#define CHAT_INHERITED_H

#include "engineio/error.h"

enum { CHAT_FIRST_INHERITED = 3 };

/*
 * How many there are, from descriptor CHAT_FIRST_INHERITED on; they are marked to be closed on exec. 0 when none are
 * meant for this process; EIO_E_INVALID when the variables make no sense.
 */
int chat_inherited_count(char *(*get_env)(const char *), eio_error *why);

#endif
