/* The options of Socket.IO that follow from those of chatd: for the profiles that speak it. */
#ifndef CHAT_SOCKETIO_H
#define CHAT_SOCKETIO_H

#include "chat/profile.h"
#include "socketio/socketio.h"

/* Fill them: limits, heartbeats, CORS, the browser client, logs. A profile may change them before it makes a server. */
void chat_socketio_options(sio_options *out, const chat_host *host);

#endif
