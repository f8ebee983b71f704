/* Lists out of Redis: entries that anybody may have written are taken as they can be read, others passed over. Pure. */
#ifndef CHAT_ROOMS_REDIS_REPLY_H
#define CHAT_ROOMS_REDIS_REPLY_H

#include "chat/rooms/store.h"
#include "socketio/redis.h"

/*
 * `<user>::<text>` newest first (CHAT_LIST_CHATS: out oldest first), or `<room>::<user>` (CHAT_ADOPT_MEMBERS). The list
 * is new, to be freed, NULL when empty; its slices are the reply's. EIO_OK, EIO_E_PROTOCOL, EIO_E_NOMEM.
 */
int chat_redis_entries(chat_entry **out, size_t *count, const sio_redis_reply *reply,
                       chat_store_op op);

#endif
