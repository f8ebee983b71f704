/* The broadcast profile: every message of a plain WebSocket goes to everybody, here and at the other servers. */
#ifndef CHAT_BROADCAST_BROADCAST_H
#define CHAT_BROADCAST_BROADCAST_H

#include "chat/profile.h"

extern const chat_profile chat_broadcast_profile;

#endif
