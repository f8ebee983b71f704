#include "socketio/redis/slot.h"

#include <stdio.h>

#include "socketio/redis/handshake.h"

/* CRC-16/XMODEM, bit by bit: a channel's name is short, and each is asked for once a message. */
static uint16_t crc16(eio_slice bytes)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)bytes.base[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc =
                (uint16_t)((crc & 0x8000) != 0 ? (unsigned)crc << 1 ^ 0x1021 : (unsigned)crc << 1);
    }
    return crc;
}

unsigned sio_redis_slot(eio_slice key)
{
    const char *open = key.len == 0 ? NULL : memchr(key.base, '{', key.len);

    if (open != NULL) {
        eio_slice rest = { open + 1, key.len - (size_t)(open + 1 - key.base) };
        const char *close = rest.len == 0 ? NULL : memchr(rest.base, '}', rest.len);
        if (close != NULL && close > rest.base)
            key = (eio_slice){ rest.base, (size_t)(close - rest.base) };
    }
    return crc16(key) % SIO_REDIS_N_SLOTS;
}

static bool take_place(sio_redis_node_place *out, eio_slice host, int64_t port)
{
    if (host.len == 0 || host.len >= sizeof(out->host) || port < 1 || port > 65535)
        return false;
    memcpy(out->host, host.base, host.len);
    out->host[host.len] = '\0';
    out->port = (int)port;
    return sio_redis_is_host(out->host);
}

bool sio_redis_read_moved(sio_redis_node_place *out, const sio_redis_reply *error)
{
    const char *end = error->text.base + error->text.len;
    int64_t port = 0;

    if (!sio_redis_error_is(error, "MOVED"))
        return false;
    const char *host = memrchr(error->text.base, ' ', error->text.len);
    const char *colon = memrchr(error->text.base, ':', error->text.len);
    if (host == NULL || colon == NULL || colon < host)
        return false;
    for (const char *at = colon + 1; at < end && port <= 65535; at++) {
        if (*at < '0' || *at > '9')
            return false;
        port = port * 10 + (*at - '0');
    }
    return take_place(out, (eio_slice){ host + 1, (size_t)(colon - host - 1) }, port);
}

bool sio_redis_is_redirection(const sio_redis_reply *error)
{
    return sio_redis_error_is(error, "MOVED") || sio_redis_error_is(error, "ASK") ||
           sio_redis_error_is(error, "TRYAGAIN") || sio_redis_error_is(error, "CLUSTERDOWN");
}

bool sio_redis_read_range(sio_redis_slot_range *out, const sio_redis_reply *item)
{
    const sio_redis_reply *parts = item->items;

    if (item->type != SIO_REDIS_ARRAY || item->count < 3 || parts[0].type != SIO_REDIS_INTEGER ||
        parts[1].type != SIO_REDIS_INTEGER || parts[2].type != SIO_REDIS_ARRAY ||
        parts[2].count < 2 || parts[0].integer < 0 || parts[1].integer < parts[0].integer ||
        parts[1].integer >= SIO_REDIS_N_SLOTS)
        return false;
    out->first = (unsigned)parts[0].integer;
    out->last = (unsigned)parts[1].integer;
    return take_place(&out->place, parts[2].items[0].text, parts[2].items[1].integer);
}

bool sio_redis_read_replica(sio_redis_node_place *out, const sio_redis_reply *item, size_t index)
{
    const sio_redis_reply *node = index + 3 < item->count ? &item->items[index + 3] : NULL;

    return node != NULL && node->type == SIO_REDIS_ARRAY && node->count >= 2 &&
           take_place(out, node->items[0].text, node->items[1].integer);
}
