/*
 * What a session holds, in the JSON of express-session: `cookie`, `user` once somebody has logged in, and whatever
 * else a server has put there, which is kept. Pure.
 */
#ifndef CHAT_DEMO_SESSION_H
#define CHAT_DEMO_SESSION_H

#include <jansson.h>

#include "chat/demo/ids.h"

/* Who is logged in; empty: nobody. */
typedef struct chat_user {
    uint64_t id;      /* 0: nobody */
    json_t *shown;    /* {"id","username"} as the session has it, a reference; NULL: nobody */
    const char *name; /* inside of shown */
    size_t name_bytes;
} chat_user;

/* Of a session without a user; for ever. */
extern const char chat_session_empty[];

/* False if the text is no session. `out` may be NULL; chat_user_fini it. */
bool chat_session_read(chat_user *out, eio_slice json);

/* The same session with another user; new, to be freed, NULL when out of memory. `user` is borrowed. */
char *chat_session_with(eio_slice json, json_t *user);

void chat_user_fini(chat_user *user);

#endif
