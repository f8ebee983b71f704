/* Where a profile that keeps things has been told to keep them. */
#ifndef CHAT_STORE_PLACE_H
#define CHAT_STORE_PLACE_H

#include "chat/options.h"

typedef struct chat_place {
    chat_store_kind kind;
    char file[4096]; /* of SQLite */
} chat_place;

/* Find it; the folder of the default file is made. EIO_OK, or as chat_paths_database. */
int chat_place_find(chat_place *out, const chat_options *options, eio_error *why);

/* For SQLite: the file, borrowed; NULL: in memory. */
const char *chat_place_file(const chat_place *place);

/* For people: the file, "memory" or "Redis". Borrowed. */
const char *chat_place_label(const chat_place *place);

/* A start line that says where `what` is kept, if not in Redis; `variable` would have named one. */
void chat_place_announce(const chat_place *place, const chat_options *options, const char *what,
                         const char *variable);

/* The number of Redis' database, as its URL ends in it, else "0". Borrowed. */
const char *chat_place_database(const chat_options *options);

#endif
