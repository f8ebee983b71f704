/*
 * The Socket.IO side: who a socket is, the rooms it is in, what it says and what it is told. Expected load: one socket
 * a page, thousands of messages a second.
 */
#ifndef CHAT_DEMO_SOCKETS_H
#define CHAT_DEMO_SOCKETS_H

#include <sys/queue.h>

#include "chat/demo/demo.h"
#include "chat/demo/session.h"
#include "chat/rate.h"

/* One event that waits for its turn. */
typedef struct chat_said {
    STAILQ_ENTRY(chat_said) link;
    bool joins;     /* `room.join`, else `message` */
    eio_slice room; /* behind it */
    eio_slice text;
    char bytes[];
} chat_said;

/* A socket of somebody who is logged in. Who is not has none, and no rights. */
typedef struct chat_talker {
    chat_demo *demo;
    sio_socket *socket; /* whose data this is: a question that is under way holds a reference */
    chat_user user;
    char id[CHAT_ID_BYTES];
    STAILQ_HEAD(, chat_said) queue; /* each is done before the next one begins */
    size_t queued, queued_bytes;
    chat_rate rate;
    bool busy;
    char *message; /* JSON of what is under way, own */
} chat_talker;

/* Register all on demo->nsp. EIO_OK or EIO_E_NOMEM. */
int chat_demo_sockets_open(chat_demo *demo);

/* Both users' sockets here join their room. */
void chat_demo_join_pair(chat_demo *demo, const chat_room_id *room);

/* Sockets of a session that is no more. */
void chat_demo_end_session(chat_demo *demo, eio_slice sid);

/* Another server's news: messages, rooms, who comes and goes; anything else is passed over. */
void chat_demo_hear(chat_demo *demo, eio_slice type, eio_slice json);

#endif
