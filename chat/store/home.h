/* Where a profile keeps things, for all servers of the process: the place that options name, and its SQLite file. */
#ifndef CHAT_STORE_HOME_H
#define CHAT_STORE_HOME_H

#include "chat/store/database.h"
#include "chat/store/place.h"

typedef struct chat_home {
    chat_place place;
    chat_database *database; /* NULL: in Redis */
} chat_home;

/* How the profile opens its file; NULL: memory. As chat_database_open. */
typedef int chat_home_open(chat_database **out, const char *file, eio_error *why);

/* EIO_OK, or as chat_place_find and `open`. */
int chat_home_init(chat_home *out, const chat_options *options, chat_home_open *open,
                   eio_error *why);
void chat_home_fini(chat_home *home);

/* The same as all that a profile shares: new, for its `share`; and its `unshare`. */
int chat_home_new(void **out, const chat_options *options, chat_home_open *open, eio_error *why);
void chat_home_free(void *data);

#endif
