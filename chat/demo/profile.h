/* `chatd demo`: the Redis chat demo with its React front end. */
#ifndef CHAT_DEMO_PROFILE_H
#define CHAT_DEMO_PROFILE_H

#include "chat/profile.h"

extern const chat_profile chat_demo_profile;

#endif
