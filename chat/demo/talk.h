/* What a socket says: `room.join` and `message`, strictly in the order in which they came. */
#ifndef CHAT_DEMO_TALK_H
#define CHAT_DEMO_TALK_H

#include "chat/demo/sockets.h"

/* An event came; what is not as it should be is passed over. */
void chat_talker_add(chat_talker *talker, bool joins, const sio_event *event);

/* New; the socket is borrowed. NULL when out of memory. */
chat_talker *chat_talker_new(chat_demo *demo, sio_socket *socket);

/* When the socket's memory goes. */
void chat_talker_free(void *talker);

#endif
