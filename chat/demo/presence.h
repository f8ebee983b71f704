/*
 * Who is online: a user is held by each server where he has a socket, and told of when the first one takes him or the
 * last one lets him go. Holding is repeated whenever the store may have lost it; it does no harm.
 */
#ifndef CHAT_DEMO_PRESENCE_H
#define CHAT_DEMO_PRESENCE_H

#include "chat/demo/sockets.h"

/* He has one more socket here, or one less (which has left its rooms). */
void chat_presence_come(chat_talker *talker);
void chat_presence_go(chat_talker *talker);

/* The store can be reached again, or has forgotten us. */
void chat_presence_repeat(chat_demo *demo);

/* What a dead server held. */
void chat_presence_adopt(chat_demo *demo, const char *from, const eio_slice *users, size_t count);

/* Another server says that he has gone: if he has a socket here, say that he has not. */
bool chat_presence_contradict(chat_demo *demo, uint64_t user);

#endif
