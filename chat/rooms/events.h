/* The five events of the rooms profile, and the disconnection: what each checks, asks of the store, and tells. */
#ifndef CHAT_ROOMS_EVENTS_H
#define CHAT_ROOMS_EVENTS_H

#include "chat/rooms/connection.h"

/* The events; ended by one without a name. */
extern const chat_request_kind chat_events[];
extern const chat_request_kind chat_disconnection;

#endif
