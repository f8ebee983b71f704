#include "chat/rooms/redis.h"

int chat_redis_open(chat_store **out, uv_loop_t *loop, const chat_redis_options *options,
                    eio_error *why)
{
    (void)out;
    (void)loop;
    (void)options;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "this chatd was built without Redis");
}
