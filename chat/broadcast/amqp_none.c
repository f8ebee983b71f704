#include "chat/broadcast/link.h"

int broadcast_amqp_open(broadcast_link **out, uv_loop_t *loop, const char *url,
                        broadcast_link_cb *on_message, void *data, eio_error *why)
{
    (void)out;
    (void)loop;
    (void)url;
    (void)on_message;
    (void)data;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "this chatd was built without RabbitMQ");
}
