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
static int ask_auth(sio_redis_handshake *handshake, eio_buffer **all, const char *user,
                    const char *password)
{
    if (user != NULL)
        return ask(
            handshake, SIO_REDIS_STEP_AUTH, all,
            SIO_REDIS_ARGUMENTS(EIO_STR("AUTH"), eio_slice_of(user), eio_slice_of(password)));
    return ask(handshake, SIO_REDIS_STEP_AUTH, all,
               SIO_REDIS_ARGUMENTS(EIO_STR("AUTH"), eio_slice_of(password)));
}

static int ask_server(sio_redis_handshake *handshake, eio_buffer **all, const sio_redis_url *url,
                      const char *name, bool master)
{
    char database[16];
    int rc = EIO_OK;

    if (url->password != NULL)
        rc = ask_auth(handshake, all, url->user, url->password);
    if (rc == EIO_OK && url->database != 0) {
        (void)snprintf(database, sizeof(database), "%u", url->database);
        rc = ask(handshake, SIO_REDIS_STEP_SELECT, all,
                 SIO_REDIS_ARGUMENTS(EIO_STR("SELECT"), eio_slice_of(database)));
    }
    if (rc == EIO_OK && name != NULL)
        rc = ask(handshake, SIO_REDIS_STEP_NAME, all,
                 SIO_REDIS_ARGUMENTS(EIO_STR("CLIENT"), EIO_STR("SETNAME"), eio_slice_of(name)));
    if (rc == EIO_OK && master)
        rc = ask(handshake, SIO_REDIS_STEP_ROLE, all, SIO_REDIS_ARGUMENTS(EIO_STR("ROLE")));
    if (rc == EIO_OK)
        rc = ask(handshake, SIO_REDIS_STEP_PING, all, SIO_REDIS_ARGUMENTS(EIO_STR("PING")));
    return rc;
}

static int ask_sentinel(sio_redis_handshake *handshake, eio_buffer **all, const sio_redis_url *url)
{
    int rc = EIO_OK;

    if (url->sentinel_password != NULL)
        rc = ask_auth(handshake, all, url->sentinel_user, url->sentinel_password);
    if (rc == EIO_OK)
        rc = ask(handshake, SIO_REDIS_STEP_MASTER, all,
                 SIO_REDIS_ARGUMENTS(EIO_STR("SENTINEL"), EIO_STR("get-master-addr-by-name"),
                                     eio_slice_of(url->master)));
    return rc;
}

static int finish(eio_buffer **out, eio_buffer *all, int rc)
{
    if (rc == EIO_OK)
        *out = all;
    else
        eio_buffer_unref(all);
    return rc;
}

int sio_redis_handshake_begin(sio_redis_handshake *handshake, eio_buffer **out,
                              const sio_redis_url *url, const char *name, bool master)
{
    eio_buffer *all = eio_buffer_new(256);

    if (all == NULL)
        return EIO_E_NOMEM;
    *handshake = (sio_redis_handshake){ 0 };
    int rc = ask_server(handshake, &all, url, name, master);
    return finish(out, all, rc);
}

int sio_redis_handshake_begin_sentinel(sio_redis_handshake *handshake, eio_buffer **out,
                                       const sio_redis_url *url)
{
    eio_buffer *all = eio_buffer_new(256);

    if (all == NULL)
        return EIO_E_NOMEM;
    *handshake = (sio_redis_handshake){ 0 };
    int rc = ask_sentinel(handshake, &all, url);
    return finish(out, all, rc);
}

bool sio_redis_error_is(const sio_redis_reply *reply, const char *code)
{
    size_t len = strlen(code);

    return reply->type == SIO_REDIS_ERROR && reply->text.len >= len &&
           memcmp(reply->text.base, code, len) == 0 &&
           (reply->text.len == len || reply->text.base[len] == ' ');
}

/*
 * A PUBLISH to a replica reaches its own subscribers alone, and nobody says so. Who listens to a shard channel on the
 * replica of a cluster's node is not counted.
 */
static bool is_master(const sio_redis_reply *role)
{
    return role->type == SIO_REDIS_ARRAY && role->count > 0 &&
           eio_slice_equal(role->items[0].text, EIO_STR("master"));
}

static bool take_port(int *out, eio_slice text)
{
    int port = 0;

    for (size_t i = 0; i < text.len && port <= 65535; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return false;
        port = port * 10 + (text.base[i] - '0');
    }
    *out = port;
    return port > 0 && port <= 65535;
}

/* [host, port] */
static bool take_master(sio_redis_handshake *handshake, const sio_redis_reply *reply)
{
    if (reply->type != SIO_REDIS_ARRAY || reply->count != 2 ||
        reply->items[0].text.len >= sizeof(handshake->host) ||
        !take_port(&handshake->port, reply->items[1].text))
        return false;
    (void)snprintf(handshake->host, sizeof(handshake->host), "%.*s", (int)reply->items[0].text.len,
                   reply->items[0].text.base);
    return sio_redis_is_host(handshake->host);
}

/* Whether the step's answer lets us go on. A name is a courtesy; a user may lack the right to ROLE and PING. */
static bool is_accepted(sio_redis_handshake *handshake, sio_redis_handshake_step step,
                        const sio_redis_reply *reply)
{
    if (step == SIO_REDIS_STEP_MASTER)
        return take_master(handshake, reply);
    if (step == SIO_REDIS_STEP_ROLE)
        return is_master(reply) || sio_redis_error_is(reply, "NOPERM");
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
    if (step == SIO_REDIS_STEP_MASTER)
        return reply->type == SIO_REDIS_NIL ? "the sentinel knows no master of that name"
                                            : "not a sentinel's answer";
    if (step == SIO_REDIS_STEP_ROLE && reply->type == SIO_REDIS_ARRAY)
        return "the server is not the master";
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

    if (!is_accepted(handshake, step, reply)) {
        quote(why, size, explain(step, reply), reply->text);
        return SIO_REDIS_HANDSHAKE_REFUSED;
    }
    return handshake->answered == handshake->count ? SIO_REDIS_HANDSHAKE_DONE
                                                   : SIO_REDIS_HANDSHAKE_GOES_ON;
}
