/* The rooms profile as the common server sees it. */
#ifndef CHAT_ROOMS_PROFILE_H
#define CHAT_ROOMS_PROFILE_H

#include "chat/profile.h"

extern const chat_profile chat_rooms_profile;

#endif
