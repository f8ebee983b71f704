#include "chat/profile.h"

#include "chat/rooms/profile.h"

const chat_profile *const chat_profiles[] = { &chat_rooms_profile, NULL };
