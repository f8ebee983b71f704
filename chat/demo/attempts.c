#include "chat/demo/attempts.h"

#include <mbedtls/md.h>

int chat_attempts_init(chat_attempts *attempts, uint32_t most)
{
    memset(attempts, 0, sizeof(*attempts));
    attempts->most = most;
    if (uv_random(NULL, NULL, attempts->key, sizeof(attempts->key), 0, NULL) != 0)
        return EIO_E_RANDOM;
    return uv_mutex_init(&attempts->lock);
}

void chat_attempts_fini(chat_attempts *attempts)
{
    uv_mutex_destroy(&attempts->lock);
}

static uint64_t hash(const chat_attempts *attempts, eio_slice name, eio_slice address)
{
    unsigned char text[512], out[32];
    size_t name_len = name.len < 400 ? name.len : 400;
    size_t address_len = address.len < 100 ? address.len : 100;
    uint64_t who;

    memcpy(text, address.base, address_len);
    text[address_len] = '\0';
    if (name_len > 0)
        memcpy(text + address_len + 1, name.base, name_len);
    if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), attempts->key,
                        sizeof(attempts->key), text, address_len + 1 + name_len, out) != 0)
        return 1;
    memcpy(&who, out, sizeof(who));
    return who == 0 ? 1 : who;
}

static chat_attempt *find(chat_attempts *attempts, uint64_t who)
{
    chat_attempt *row = attempts->table[who % CHAT_ATTEMPT_ROWS];

    for (size_t i = 0; i < CHAT_ATTEMPT_WAYS; i++)
        if (row[i].who == who)
            return &row[i];
    return NULL;
}

static chat_attempt *make(chat_attempts *attempts, uint64_t who, uint64_t now_ms)
{
    chat_attempt *row = attempts->table[who % CHAT_ATTEMPT_ROWS], *oldest = row;

    for (size_t i = 1; i < CHAT_ATTEMPT_WAYS; i++)
        if (row[i].since_ms < oldest->since_ms)
            oldest = &row[i];
    *oldest = (chat_attempt){ who, now_ms, 0 };
    return oldest;
}

/* Whether one more would be too many; counts it otherwise. */
static bool count(chat_attempts *attempts, uint64_t who, uint32_t most, uint64_t now_ms)
{
    chat_attempt *attempt = find(attempts, who);

    if (attempt == NULL)
        attempt = make(attempts, who, now_ms);
    /* Each loop has its own now: one may be a moment behind. */
    if (now_ms > attempt->since_ms && now_ms - attempt->since_ms >= CHAT_ATTEMPT_WINDOW_MS)
        *attempt = (chat_attempt){ who, now_ms, 0 };
    if (attempt->failures >= most)
        return false;
    attempt->failures++;
    return true;
}

bool chat_attempts_begin(chat_attempts *attempts, eio_slice name, eio_slice address,
                         uint64_t now_ms)
{
    uint64_t own = hash(attempts, name, address);
    uint64_t all = hash(attempts, (eio_slice){ NULL, 0 }, address);

    uv_mutex_lock(&attempts->lock);
    bool may = count(attempts, own, attempts->most, now_ms) &&
               count(attempts, all, attempts->most * CHAT_ATTEMPTS_PER_ADDRESS, now_ms);
    uv_mutex_unlock(&attempts->lock);
    return may;
}

void chat_attempts_succeed(chat_attempts *attempts, eio_slice name, eio_slice address)
{
    uint64_t own_hash = hash(attempts, name, address);
    uint64_t all_hash = hash(attempts, (eio_slice){ NULL, 0 }, address);

    uv_mutex_lock(&attempts->lock);
    chat_attempt *own = find(attempts, own_hash);
    chat_attempt *all = find(attempts, all_hash);
    if (own != NULL)
        own->failures = 0;
    if (all != NULL && all->failures > 0)
        all->failures--;
    uv_mutex_unlock(&attempts->lock);
}
