#include "chat/rooms/redis_reply.h"

#include <stdlib.h>

/* At the first "::": neither a room nor a user name may hold one. */
static bool split(eio_slice text, eio_slice *before, eio_slice *after)
{
    const char *at = text.len == 0 ? NULL : memmem(text.base, text.len, "::", 2);

    if (at == NULL)
        return false;
    *before = (eio_slice){ text.base, (size_t)(at - text.base) };
    *after = (eio_slice){ at + 2, text.len - before->len - 2 };
    return true;
}

static bool read_entry(chat_entry *out, const sio_redis_reply *item, chat_store_op op)
{
    *out = (chat_entry){ 0 };
    if (item->type != SIO_REDIS_STRING)
        return false;
    return op == CHAT_LIST_CHATS ? split(item->text, &out->username, &out->text)
                                 : split(item->text, &out->room, &out->username);
}

int chat_redis_entries(chat_entry **out, size_t *count, const sio_redis_reply *reply,
                       chat_store_op op)
{
    size_t kept = 0;

    if (reply->type != SIO_REDIS_ARRAY)
        return EIO_E_PROTOCOL;
    *out = NULL;
    *count = 0;
    if (reply->count == 0)
        return EIO_OK;
    chat_entry *entries = calloc(reply->count, sizeof(*entries));
    if (entries == NULL)
        return EIO_E_NOMEM;
    for (size_t i = reply->count; i-- > 0;)
        if (read_entry(&entries[kept], &reply->items[i], op))
            kept++;
    *out = entries;
    *count = kept;
    return EIO_OK;
}
