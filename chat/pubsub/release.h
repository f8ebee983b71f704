/*
 * What must be let go in the store, however long that takes: what fails is asked again when the store is back. Expected
 * load: once for each room and connection that ends.
 */
#ifndef CHAT_PUBSUB_RELEASE_H
#define CHAT_PUBSUB_RELEASE_H

#include <sys/queue.h>

#include "chat/pubsub/store.h"

struct pubsub;
struct pubsub_connection;

STAILQ_HEAD(pubsub_release_list, pubsub_release);

/*
 * Ask the store to let go of it (PUBSUB_LEAVE, PUBSUB_OFFLINE), now or as soon as it can; who remains is told.
 * `connection` waits for it; may be NULL.
 */
void pubsub_let_go(struct pubsub *owner, struct pubsub_connection *connection, pubsub_op op,
                   const pubsub_query *query);
/* The store is back. */
void pubsub_retry_failed(struct pubsub *owner);
/* It never will be. */
void pubsub_forget_failed(struct pubsub *owner);

#endif
