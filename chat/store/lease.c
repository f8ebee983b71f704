#include "chat/store/lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "chat/profile.h"
#include "chat/store/process.h"

enum {
    ID_BYTES = 8,
    BASE_BYTES = 300,
    KEY_BYTES = 512,
    RENEWALS_A_LIFE = 4,
};

/*
 * KEYS list, own lease; ARGV prefix and profile, own id, own identity, life, then the other profiles. Answers whether
 * the lease was there, which other profile is in the way (0: none), and each other server with the text of its lease.
 */
static const char renew_text[] =
    "local there = redis.call('EXISTS', KEYS[2])\n"
    "for i = 5, #ARGV do\n"
    "  for _, id in ipairs(redis.call('SMEMBERS', ARGV[i] .. 'servers')) do\n"
    "    if redis.call('EXISTS', ARGV[i] .. 'server:' .. id) == 1 then return { 0, i - 4 } end\n"
    "  end\n"
    "end\n"
    "redis.call('SADD', KEYS[1], ARGV[2])\n"
    "redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])\n"
    "local out = { there, 0 }\n"
    "for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do\n"
    "  if id ~= ARGV[2] then\n"
    "    out[#out + 1] = id\n"
    "    out[#out + 1] = redis.call('GET', ARGV[1] .. 'server:' .. id) or ''\n"
    "  end\n"
    "end\n"
    "return out";

/* KEYS list, own held, lease and held of the dead one; ARGV its id, what stood in its lease when it was found dead. */
static const char adopt_text[] =
    "if (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return {} end\n"
    "local items = redis.call('SMEMBERS', KEYS[4])\n"
    "if #items > 0 then redis.call('SUNIONSTORE', KEYS[2], KEYS[2], KEYS[4]) end\n"
    "redis.call('DEL', KEYS[3], KEYS[4])\n"
    "redis.call('SREM', KEYS[1], ARGV[1])\n"
    "return items";

/* KEYS list, own lease, own held; ARGV own id. */
static const char leave_text[] =
    "redis.call('DEL', KEYS[2])\n"
    "if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[1], ARGV[1]) end\n"
    "return 0";

struct chat_lease {
    sio_redis *redis;
    chat_lease_options options;
    char id[2 * ID_BYTES + 1], identity[CHAT_PROCESS_BYTES];
    char base[BASE_BYTES]; /* `chat:PROFILE:`, behind the prefix */
    char list[KEY_BYTES], own[KEY_BYTES], held[KEY_BYTES];
    char others[CHAT_MOST_RIVALS][BASE_BYTES]; /* bases of the other profiles */
    const char *other_names[CHAT_MOST_RIVALS];
    size_t other_count;
    sio_redis_script *renew, *adopt;
    uv_timer_t timer;
    bool registered, complete;
    bool renewing;
    size_t asked; /* of Redis, and not answered yet */
    bool closing, leaving;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* ---- other profiles ---- */

size_t chat_lease_rivals(const char *out[CHAT_MOST_RIVALS], const char *profile)
{
    size_t count = 0;

    for (size_t i = 0; chat_profiles[i] != NULL && count < CHAT_MOST_RIVALS; i++)
        if (strcmp(chat_profiles[i]->name, profile) != 0)
            out[count++] = chat_profiles[i]->name;
    return count;
}

void chat_lease_explain(char out[CHAT_CLASH_BYTES], const char *other)
{
    (void)snprintf(
        out, CHAT_CLASH_BYTES,
        "servers of chatd %s use this database of Redis: name another one, or a --key-prefix "
        "where there is one",
        other);
}

/* ---- keys ---- */

static int make_keys(chat_lease *lease, const chat_lease_options *options)
{
    if (strlen(options->prefix) + strlen(options->profile) + 10 > BASE_BYTES)
        return EIO_E_INVALID;
    (void)snprintf(lease->base, BASE_BYTES, "%schat:%s:", options->prefix, options->profile);
    (void)snprintf(lease->list, KEY_BYTES, "%sservers", lease->base);
    (void)snprintf(lease->own, KEY_BYTES, "%sserver:%s", lease->base, lease->id);
    (void)snprintf(lease->held, KEY_BYTES, "%sserver:%s:held", lease->base, lease->id);
    lease->other_count = chat_lease_rivals(lease->other_names, options->profile);
    for (size_t i = 0; i < lease->other_count; i++)
        (void)snprintf(lease->others[i], BASE_BYTES, "%schat:%s:", options->prefix,
                       lease->other_names[i]);
    return EIO_OK;
}

static int choose_id(chat_lease *lease)
{
    unsigned char bytes[ID_BYTES];

    if (uv_random(NULL, NULL, bytes, sizeof(bytes), 0, NULL) != 0)
        return EIO_E_RANDOM;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(lease->id + 2 * i, 3, "%02x", bytes[i]);
    chat_process_identify(lease->identity);
    return EIO_OK;
}

/* ---- the end ---- */

static void lease_free(chat_lease *lease)
{
    sio_redis_script_free(lease->renew);
    sio_redis_script_free(lease->adopt);
    free(lease);
}

static void handle_uv_closed(uv_handle_t *handle)
{
    chat_lease *lease = handle->data;
    void (*on_closed)(void *) = lease->on_closed;
    void *data = lease->closed_data;

    lease_free(lease);
    if (on_closed != NULL)
        on_closed(data);
}

static void handle_left(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    chat_lease *lease = data;

    (void)redis;
    (void)status;
    (void)reply;
    uv_close((uv_handle_t *)&lease->timer, handle_uv_closed);
}

static void leave(chat_lease *lease)
{
    lease->leaving = true;
    if (sio_redis_command(lease->redis,
                          SIO_REDIS_ARGUMENTS(EIO_STR("EVAL"), eio_slice_of(leave_text),
                                              EIO_STR("3"), eio_slice_of(lease->list),
                                              eio_slice_of(lease->own), eio_slice_of(lease->held),
                                              eio_slice_of(lease->id)),
                          handle_left, lease) != EIO_OK)
        handle_left(NULL, EIO_E_UNAVAILABLE, NULL, lease);
}

static void end_question(chat_lease *lease)
{
    if (--lease->asked == 0 && lease->closing && !lease->leaving)
        leave(lease);
}

void chat_lease_close(chat_lease *lease, void (*on_closed)(void *data), void *data)
{
    lease->closing = true;
    lease->on_closed = on_closed;
    lease->closed_data = data;
    uv_timer_stop(&lease->timer);
    if (lease->asked == 0)
        leave(lease);
}

/* ---- adoption ---- */

typedef struct adoption {
    chat_lease *lease;
    char held[KEY_BYTES]; /* of the dead one */
} adoption;

static void hand_over(chat_lease *lease, const char *from_held, const sio_redis_reply *reply)
{
    eio_slice *items = calloc(reply->count, sizeof(*items));

    for (size_t i = 0; items != NULL && i < reply->count; i++)
        items[i] = reply->items[i].text;
    if (items != NULL)
        lease->options.on_adopted(lease, from_held, items, reply->count, lease->options.data);
    free(items);
}

static void handle_adopted(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    adoption *dead = data;
    chat_lease *lease = dead->lease;

    (void)redis;
    if (status == EIO_OK && reply->type == SIO_REDIS_ARRAY && reply->count > 0 && !lease->closing)
        hand_over(lease, dead->held, reply);
    free(dead);
    end_question(lease);
}

static void adopt(chat_lease *lease, eio_slice id, eio_slice found)
{
    char key[KEY_BYTES];
    adoption *dead = calloc(1, sizeof(*dead));

    if (dead == NULL || id.len > 64) { /* no id of ours is that long */
        free(dead);
        return;
    }
    dead->lease = lease;
    (void)snprintf(key, sizeof(key), "%sserver:%.*s", lease->base, (int)id.len, id.base);
    (void)snprintf(dead->held, sizeof(dead->held), "%.*s:held", KEY_BYTES - 10, key);
    if (sio_redis_script_run(lease->redis, lease->adopt, 4,
                             SIO_REDIS_ARGUMENTS(eio_slice_of(lease->list),
                                                 eio_slice_of(lease->held), eio_slice_of(key),
                                                 eio_slice_of(dead->held), id, found),
                             handle_adopted, dead) == EIO_OK)
        lease->asked++;
    else
        free(dead);
}

/* ---- renewal ---- */

static void take_round(chat_lease *lease, const sio_redis_reply *reply)
{
    bool lost = lease->registered && reply->items[0].integer == 0;

    lease->registered = true;
    if (lost)
        lease->options.on_lost(lease, lease->options.data);
    for (size_t i = 2; i + 1 < reply->count; i += 2) {
        eio_slice found = reply->items[i + 1].text;
        if (found.len == 0 || chat_process_is_dead(lease->identity, found))
            adopt(lease, reply->items[i].text, found);
    }
    /* What was found dead just now is adopted before anything that is asked after this. */
    lease->complete = true;
}

static void handle_renewed(sio_redis *redis, int status, const sio_redis_reply *reply, void *data)
{
    chat_lease *lease = data;

    (void)redis;
    lease->renewing = false;
    if (status == EIO_OK && !lease->closing && reply->type == SIO_REDIS_ARRAY &&
        reply->count >= 2) {
        int64_t clash = reply->items[1].integer;
        if (clash > 0 && (size_t)clash <= lease->other_count)
            lease->options.on_clash(lease, lease->other_names[clash - 1], lease->options.data);
        else
            take_round(lease, reply);
    }
    end_question(lease);
}

void chat_lease_renew(chat_lease *lease)
{
    eio_slice arguments[6 + CHAT_MOST_RIVALS];
    size_t count = 0;
    char life[24];

    if (lease->closing || lease->renewing)
        return;
    (void)snprintf(life, sizeof(life), "%llu", (unsigned long long)lease->options.life_ms);
    arguments[count++] = eio_slice_of(lease->list);
    arguments[count++] = eio_slice_of(lease->own);
    arguments[count++] = eio_slice_of(lease->base);
    arguments[count++] = eio_slice_of(lease->id);
    arguments[count++] = eio_slice_of(lease->identity);
    arguments[count++] = eio_slice_of(life);
    for (size_t i = 0; i < lease->other_count && !lease->registered; i++)
        arguments[count++] = eio_slice_of(lease->others[i]);
    if (sio_redis_script_run(lease->redis, lease->renew, 2, arguments, count, handle_renewed,
                             lease) != EIO_OK)
        return;
    lease->renewing = true;
    lease->asked++;
}

static void handle_timer(uv_timer_t *timer)
{
    chat_lease_renew(timer->data);
}

/* ---- the handle ---- */

int chat_lease_new(chat_lease **out, uv_loop_t *loop, sio_redis *redis,
                   const chat_lease_options *options)
{
    chat_lease *lease = calloc(1, sizeof(*lease));

    if (lease == NULL)
        return EIO_E_NOMEM;
    lease->redis = redis;
    lease->options = *options;
    int rc = choose_id(lease);
    if (rc == EIO_OK)
        rc = make_keys(lease, options);
    if (rc == EIO_OK)
        rc = sio_redis_script_new(&lease->renew, eio_slice_of(renew_text));
    if (rc == EIO_OK)
        rc = sio_redis_script_new(&lease->adopt, eio_slice_of(adopt_text));
    if (rc != EIO_OK) {
        lease_free(lease);
        return rc;
    }
    uv_timer_init(loop, &lease->timer);
    lease->timer.data = lease;
    uint64_t pause = options->life_ms / RENEWALS_A_LIFE;
    uv_timer_start(&lease->timer, handle_timer, 0, pause > 0 ? pause : 1);
    *out = lease;
    return EIO_OK;
}

const char *chat_lease_id(const chat_lease *lease)
{
    return lease->id;
}

const char *chat_lease_held(const chat_lease *lease)
{
    return lease->held;
}

bool chat_lease_is_held(const chat_lease *lease)
{
    return lease->complete;
}
