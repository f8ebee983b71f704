#include "socketio/redis/handshake.h"

#include <limits.h>
#include <stdio.h>

#include "socketio/redis/encode.h"

static int ask(sio_redis_handshake *handshake, sio_redis_handshake_step step, eio_buffer **all,
               const eio_slice *arguments, size_t count)
{
    eio_buffer *command = NULL;

    int rc = sio_redis_encode(&command, arguments, count, INT_MAX);
    if (rc == EIO_OK)
        rc = eio_buffer_append(all, eio_buffer_slice(command));
    eio_buffer_unref(command);
    handshake->asked[handshake->count++] = step;
    return rc;
}

/* A password alone is for servers before Redis 6, and for the user "default". */
static int ask_auth(sio_redis_handshake *handshake, eio_buffer **all, const sio_redis_url *url)
{
    if (url->user != NULL)
        return ask(handshake, SIO_REDIS_STEP_AUTH, all,
                   SIO_REDIS_ARGUMENTS(EIO_STR("AUTH"), eio_slice_of(url->user),
                                       eio_slice_of(url->password)));
    return ask(handshake, SIO_REDIS_STEP_AUTH, all,
               SIO_REDIS_ARGUMENTS(EIO_STR("AUTH"), eio_slice_of(url->password)));
}

static int ask_all(sio_redis_handshake *handshake, eio_buffer **all, const sio_redis_url *url,
                   const char *name)
{
    char database[16];
    int rc = EIO_OK;

    if (url->password != NULL)
        rc = ask_auth(handshake, all, url);
    if (rc == EIO_OK && url->database != 0) {
        snprintf(database, sizeof(database), "%u", url->database);
        rc = ask(handshake, SIO_REDIS_STEP_SELECT, all,
                 SIO_REDIS_ARGUMENTS(EIO_STR("SELECT"), eio_slice_of(database)));
    }
    if (rc == EIO_OK && name != NULL)
        rc = ask(handshake, SIO_REDIS_STEP_NAME, all,
                 SIO_REDIS_ARGUMENTS(EIO_STR("CLIENT"), EIO_STR("SETNAME"), eio_slice_of(name)));
    if (rc == EIO_OK)
        rc = ask(handshake, SIO_REDIS_STEP_PING, all, SIO_REDIS_ARGUMENTS(EIO_STR("PING")));
    return rc;
}

int sio_redis_handshake_begin(sio_redis_handshake *handshake, eio_buffer **out,
                              const sio_redis_url *url, const char *name)
{
    eio_buffer *all = eio_buffer_new(256);

    if (all == NULL)
        return EIO_E_NOMEM;
    *handshake = (sio_redis_handshake){ 0 };
    int rc = ask_all(handshake, &all, url, name);
    if (rc != EIO_OK) {
        eio_buffer_unref(all);
        return rc;
    }
    *out = all;
    return EIO_OK;
}

bool sio_redis_error_is(const sio_redis_reply *reply, const char *code)
{
    size_t len = strlen(code);

    return reply->type == SIO_REDIS_ERROR && reply->text.len >= len &&
           memcmp(reply->text.base, code, len) == 0 &&
           (reply->text.len == len || reply->text.base[len] == ' ');
}

/* Whether the step's answer lets us go on. A name is a courtesy; a user may lack the right to PING. */
static bool is_accepted(sio_redis_handshake_step step, const sio_redis_reply *reply)
{
    if (reply->type == SIO_REDIS_STATUS)
        return true;
    if (reply->type != SIO_REDIS_ERROR)
        return false;
    if (step == SIO_REDIS_STEP_NAME)
        return !sio_redis_error_is(reply, "NOAUTH");
    return step == SIO_REDIS_STEP_PING && sio_redis_error_is(reply, "NOPERM");
}

static const char *explain(sio_redis_handshake_step step, const sio_redis_reply *reply)
{
    if (sio_redis_error_is(reply, "NOAUTH"))
        return "the server wants a password";
    if (sio_redis_error_is(reply, "LOADING"))
        return "the server is still loading its data";
    if (step == SIO_REDIS_STEP_AUTH)
        return "authentication refused";
    return step == SIO_REDIS_STEP_SELECT ? "the database cannot be selected"
                                         : "not a Redis server's answer";
}

/* Server texts are shown as they are, but for bytes that would break a line of the log. */
static void quote(char *out, size_t size, const char *what, eio_slice text)
{
    int len = snprintf(out, size, "%s", what);

    if (text.len == 0 || len < 0 || (size_t)len + 4 >= size)
        return;
    size_t at = (size_t)len;
    out[at++] = ' ';
    out[at++] = '(';
    for (size_t i = 0; i < text.len && at + 2 < size; i++)
        out[at++] = text.base[i];
    for (size_t i = (size_t)len; i < at; i++)
        if ((unsigned char)out[i] < ' ' || (unsigned char)out[i] == 0x7f)
            out[i] = '?';
    out[at++] = ')';
    out[at] = '\0';
}

sio_redis_verdict sio_redis_handshake_take(sio_redis_handshake *handshake,
                                           const sio_redis_reply *reply, char *why, size_t size)
{
    sio_redis_handshake_step step = handshake->asked[handshake->answered++];

    if (!is_accepted(step, reply)) {
        quote(why, size, explain(step, reply), reply->text);
        return SIO_REDIS_HANDSHAKE_REFUSED;
    }
    return handshake->answered == handshake->count ? SIO_REDIS_HANDSHAKE_DONE
                                                   : SIO_REDIS_HANDSHAKE_GOES_ON;
}
