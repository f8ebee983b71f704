#include "chat/pubsub/store.h"

int pubsub_redis_open(pubsub_store **out, uv_loop_t *loop, const chat_options *options,
                      const pubsub_store_events *events, void *data, eio_error *why)
{
    (void)out;
    (void)loop;
    (void)options;
    (void)events;
    (void)data;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "this chatd was built without Redis");
}
