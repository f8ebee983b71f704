/* The pubsub profile as the common server sees it. */
#ifndef CHAT_PUBSUB_PROFILE_H
#define CHAT_PUBSUB_PROFILE_H

#include "chat/profile.h"

extern const chat_profile chat_pubsub_profile;

#endif
