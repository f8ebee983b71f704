/* Where things are: what the build has set, and where rooms are kept. */
#ifndef CHAT_PATHS_H
#define CHAT_PATHS_H

#include <stddef.h>

#include "chat/build.h"
#include "engineio/error.h"

/*
 * PROFILE.db in $STATE_DIRECTORY, else in ${XDG_STATE_HOME:-~/.local/state}/chatd. Its folder is made. EIO_OK;
 * EIO_E_INVALID when none of the variables is set; libuv's codes.
 */
int chat_paths_database(char *out, size_t size, const char *profile, char *(*get_env)(const char *),
                        eio_error *why);

/* `installed` if that folder is there, else `source`: a program that is run from its build folder. */
const char *chat_paths_choose(const char *installed, const char *source);

#endif
