#include "socketio/redis/encode.h"

#include <limits.h>
#include <stdlib.h>

#include <hiredis.h>

enum { FEW_ARGUMENTS = 16 }; /* nearly every command: no heap for their pointers */

/* hiredis wants bases and lengths in lists of their own. */
static int format(char **out, size_t *len, const char **bases, size_t *lengths,
                  const eio_slice *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bases[i] = arguments[i].base;
        lengths[i] = arguments[i].len;
    }
    long long formatted = redisFormatCommandArgv(out, (int)count, bases, lengths);
    if (formatted < 0)
        return EIO_E_NOMEM;
    *len = (size_t)formatted;
    return EIO_OK;
}

static int format_many(char **out, size_t *len, const eio_slice *arguments, size_t count)
{
    const char **bases = calloc(count, sizeof(*bases));
    size_t *lengths = calloc(count, sizeof(*lengths));
    int rc = EIO_E_NOMEM;

    if (bases != NULL && lengths != NULL)
        rc = format(out, len, bases, lengths, arguments, count);
    free(bases);
    free(lengths);
    return rc;
}

static int check(const eio_slice *arguments, size_t count, size_t max_bytes)
{
    size_t left =
        max_bytes < INT_MAX / 2 ? max_bytes : INT_MAX / 2; /* hiredis 0.14 counts in int */

    if (count == 0 || count > SIO_REDIS_MAX_ARGUMENTS)
        return EIO_E_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (arguments[i].len > left)
            return EIO_E_INVALID;
        left -= arguments[i].len;
    }
    return EIO_OK;
}

int sio_redis_encode(eio_buffer **out, const eio_slice *arguments, size_t count, size_t max_bytes)
{
    const char *bases[FEW_ARGUMENTS];
    size_t lengths[FEW_ARGUMENTS];
    char *text = NULL;
    size_t len = 0;

    int rc = check(arguments, count, max_bytes);
    if (rc != EIO_OK)
        return rc;
    if (count <= FEW_ARGUMENTS)
        rc = format(&text, &len, bases, lengths, arguments, count);
    else
        rc = format_many(&text, &len, arguments, count);
    if (rc != EIO_OK)
        return rc;
    *out = eio_buffer_copy((eio_slice){ text, len });
    redisFreeCommand(text);
    return *out == NULL ? EIO_E_NOMEM : EIO_OK;
}
