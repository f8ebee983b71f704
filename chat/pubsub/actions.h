/* What clients may send: auth, join, leave, message, typing; and what follows when one is gone. */
#ifndef CHAT_PUBSUB_ACTIONS_H
#define CHAT_PUBSUB_ACTIONS_H

#include "chat/pubsub/pubsub.h"

/* Process one message. It is complete when connection->waiting is 0. */
void pubsub_act(pubsub_connection *connection, eio_slice text, bool too_fast);
/* Leave all rooms and go offline; complete as above. */
void pubsub_depart(pubsub_connection *connection);
/* Tell the store again of all that this connection is. */
void pubsub_register_again(pubsub_connection *connection);

#endif
