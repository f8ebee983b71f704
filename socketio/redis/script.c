#include <stdio.h>
#include <stdlib.h>

#include "engineio/net/crypto.h"
#include "socketio/redis.h"
#include "socketio/redis/handshake.h"

struct sio_redis_script {
    eio_slice text; /* borrowed */
    char hash[2 * EIO_SHA1_BYTES + 1];
};

enum { OWN_ARGUMENTS = 3 }; /* EVALSHA, hash or text, number of keys */

/* One run under way. It keeps the arguments, for the case that the server does not know the script. */
typedef struct script_run {
    const sio_redis_script *script;
    sio_redis_callback *callback;
    void *data;
    char keys[24];
    size_t count;          /* of the arguments, our own included */
    eio_slice arguments[]; /* into own memory behind them, but for our own three */
} script_run;

int sio_redis_script_new(sio_redis_script **out, eio_slice text)
{
    unsigned char digest[EIO_SHA1_BYTES];
    sio_redis_script *script = calloc(1, sizeof(*script));

    if (script == NULL)
        return EIO_E_NOMEM;
    int rc = eio_sha1(digest, text);
    if (rc != EIO_OK) {
        free(script);
        return rc;
    }
    script->text = text;
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(script->hash + 2 * i, 3, "%02x", digest[i]);
    *out = script;
    return EIO_OK;
}

void sio_redis_script_free(sio_redis_script *script)
{
    free(script);
}

static script_run *run_new(const eio_slice *arguments, size_t count)
{
    size_t bytes = 0;

    if (count > 1000000)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (arguments[i].len > SIZE_MAX / 4 - bytes)
            return NULL;
        bytes += arguments[i].len;
    }
    size_t slices = (count + OWN_ARGUMENTS) * sizeof(eio_slice);
    script_run *run = calloc(1, sizeof(*run) + slices + bytes);
    if (run == NULL)
        return NULL;
    char *to = (char *)run + sizeof(*run) + slices;
    run->count = count + OWN_ARGUMENTS;
    for (size_t i = 0; i < count; i++) {
        if (arguments[i].len > 0)
            memcpy(to, arguments[i].base, arguments[i].len);
        run->arguments[i + OWN_ARGUMENTS] = (eio_slice){ to, arguments[i].len };
        to += arguments[i].len;
    }
    return run;
}

static void end_run(sio_redis *redis, script_run *run, int status, const sio_redis_reply *reply)
{
    sio_redis_callback *callback = run->callback;
    void *data = run->data;

    free(run);
    if (callback != NULL)
        callback(redis, status, reply, data);
}

static void handle_eval(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    end_run(redis, data, status, reply);
}

static void handle_evalsha(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    script_run *run = data;

    if (status == EIO_E_REPLY && sio_redis_error_is(reply, "NOSCRIPT")) {
        run->arguments[0] = EIO_STR("EVAL");
        run->arguments[1] = run->script->text;
        int rc = sio_redis_command(redis, run->arguments, run->count, handle_eval, run);
        if (rc == EIO_OK)
            return;
        end_run(redis, run, rc, NULL);
        return;
    }
    end_run(redis, run, status, reply);
}

/* NOLINTNEXTLINE(readability-function-size): a command, and its script */
int sio_redis_script_run(sio_redis *redis, const sio_redis_script *script, size_t keys,
                         const eio_slice *arguments, size_t count, sio_redis_callback *callback,
                         void *data)
{
    if (keys > count)
        return EIO_E_INVALID;
    script_run *run = run_new(arguments, count);
    if (run == NULL)
        return EIO_E_NOMEM;
    run->script = script;
    run->callback = callback;
    run->data = data;
    (void)snprintf(run->keys, sizeof(run->keys), "%zu", keys);
    run->arguments[0] = EIO_STR("EVALSHA");
    run->arguments[1] = eio_slice_of(script->hash);
    run->arguments[2] = eio_slice_of(run->keys);
    int rc = sio_redis_command(redis, run->arguments, run->count, handle_evalsha, run);
    if (rc != EIO_OK)
        free(run);
    return rc;
}
