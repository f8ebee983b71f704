#include "chat/broadcast/link.h"

#include <stdio.h>

int broadcast_link_init(broadcast_link *link, const broadcast_link_type *type,
                        broadcast_link_cb *on_message, void *data)
{
    unsigned char bytes[(BROADCAST_ID_BYTES - 1) / 2];

    if (uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL) != 0)
        return EIO_E_RANDOM;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(link->id + 2 * i, 3, "%02x", bytes[i]);
    link->type = type;
    link->on_message = on_message;
    link->data = data;
    return EIO_OK;
}
