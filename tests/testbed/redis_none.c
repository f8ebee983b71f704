/* Built without Redis. */
#include "tests/testbed/testbed.h"

int testbed_redis_open(testbed *bed, sio_options *options, eio_error *why)
{
    (void)options;
    if (bed->options.redis == NULL)
        return EIO_OK;
    return eio_error_set(why, EIO_E_UNSUPPORTED, "--redis: built without it");
}

int testbed_forward(testbed *bed, eio_error *why)
{
    (void)bed;
    (void)why;
    return EIO_OK; /* the option needs a URL, which was refused */
}

void testbed_redis_close(testbed *bed, void (*on_closed)(void *data), void *data)
{
    (void)bed;
    on_closed(data);
}

const char *testbed_redis_trouble(const testbed *bed)
{
    (void)bed;
    return NULL;
}
