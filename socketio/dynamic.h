/*
 * Namespaces that are made when a client asks for them: parents with a pattern or a matcher, which
 * are tried in the order in which they were added, and the clients that wait for a matcher's
 * answer. A child begins with the handlers and middlewares that its parent has at that moment.
 */
#ifndef SOCKETIO_DYNAMIC_H
#define SOCKETIO_DYNAMIC_H

#include <sys/queue.h>

#include "socketio/client.h"
#include "socketio/socketio.h"

typedef TAILQ_HEAD(sio_matches, sio_match) sio_matches;

typedef struct sio_dynamic {
    sio_namespace **parents; /* own heap */
    size_t count;
    sio_matches waiting; /* for a matcher */
    sio_matches due;     /* answered outside of the loop */
} sio_dynamic;

void sio_dynamic_init(sio_dynamic *dynamic);
void sio_dynamic_fini(sio_dynamic *dynamic);

/* A client asks for a namespace that is not there. From the loop. */
void sio_dynamic_connect(sio_client *client, eio_slice name, eio_slice auth);
/* Go on with those whose matcher has answered. From the loop. */
void sio_dynamic_run_due(sio_server *server);
/* The parent whose pattern fits the name of a namespace; NULL: none. */
sio_namespace *sio_dynamic_find_parent(const sio_dynamic *dynamic, eio_slice name);

/* Whether a text fits a pattern of '*' and '?'. Pure; no recursion. */
bool sio_pattern_fits(eio_slice pattern, eio_slice text);

#endif
