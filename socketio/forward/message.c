#include "socketio/forward/message.h"

#include <arpa/inet.h>

enum {
    VERSION = 1,
    ID_LEN = SIO_FORWARD_NAME_LEN,
    HEAD_BYTES = 3 + sizeof(uint32_t) + ID_LEN + ID_LEN,
};

/* ---- writing ---- */

static char *put_number(char *to, uint32_t value)
{
    const uint32_t wire = htonl(value);

    memcpy(to, &wire, sizeof(wire));
    return to + sizeof(wire);
}

static char *put(char *to, eio_slice bytes)
{
    if (bytes.len > 0)
        memcpy(to, bytes.base, bytes.len);
    return to + bytes.len;
}

int sio_forward_encode(eio_buffer **out, const sio_forward_message *message)
{
    static const char no_exchange[ID_LEN];
    size_t len = HEAD_BYTES + message->bytes.len;

    for (size_t i = 0; i < SIO_FORWARD_N_TEXTS; i++)
        len += sizeof(uint32_t) + message->texts[i].len;
    eio_buffer *buffer = eio_buffer_new(len);
    if (buffer == NULL)
        return EIO_E_NOMEM;
    char *to = eio_buffer_reserve(&buffer, len);
    *to++ = VERSION;
    *to++ = (char)message->kind;
    *to++ = (char)message->flags;
    to = put_number(to, message->number);
    to = put(to, message->from);
    to =
        put(to, message->exchange.len > 0 ? message->exchange : (eio_slice){ no_exchange, ID_LEN });
    for (size_t i = 0; i < SIO_FORWARD_N_TEXTS; i++) {
        to = put_number(to, (uint32_t)message->texts[i].len);
        to = put(to, message->texts[i]);
    }
    (void)put(to, message->bytes);
    eio_buffer_commit(buffer, len);
    *out = buffer;
    return EIO_OK;
}

/* ---- reading ---- */

static uint32_t take_number(eio_slice *rest)
{
    uint32_t wire;

    memcpy(&wire, rest->base, sizeof(wire));
    rest->base += sizeof(wire);
    rest->len -= sizeof(wire);
    return ntohl(wire);
}

static eio_slice take(eio_slice *rest, size_t len)
{
    const eio_slice taken = { rest->base, len };

    rest->base += len;
    rest->len -= len;
    return taken;
}

static bool is_id(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.base[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-' || c == '_'))
            return false;
    }
    return text.len > 0;
}

static bool has_exchange(sio_forward_kind kind)
{
    return kind >= SIO_FORWARD_OPEN;
}

/* What a kind must have; what it has too much harms nobody. */
static bool is_sound(const sio_forward_message *message)
{
    switch (message->kind) {
    case SIO_FORWARD_FIND:
    case SIO_FORWARD_HERE:
        return message->bytes.len <= SIO_FORWARD_MOST_SID_BYTES && message->bytes.len > 0;
    case SIO_FORWARD_OPEN:
        return message->texts[SIO_FORWARD_METHOD].len > 0 &&
               message->texts[SIO_FORWARD_TARGET].len > 0;
    case SIO_FORWARD_ANSWER: return message->number >= 200 && message->number <= 599;
    case SIO_FORWARD_BYTES: return message->bytes.len > 0;
    case SIO_FORWARD_TAKEN: return message->number > 0;
    case SIO_FORWARD_PING:
    case SIO_FORWARD_BODY:
    case SIO_FORWARD_UPGRADE:
    case SIO_FORWARD_END:
    case SIO_FORWARD_N_KINDS: break;
    }
    return true;
}

static int take_texts(sio_forward_message *message, eio_slice rest)
{
    for (size_t i = 0; i < SIO_FORWARD_N_TEXTS; i++) {
        if (rest.len < sizeof(uint32_t))
            return EIO_E_PROTOCOL;
        const uint32_t len = take_number(&rest);
        if (len > rest.len)
            return EIO_E_PROTOCOL;
        message->texts[i] = take(&rest, len);
    }
    message->bytes = rest;
    return EIO_OK;
}

int sio_forward_decode(sio_forward_message *out, eio_slice bytes)
{
    sio_forward_message message;

    if (bytes.len < HEAD_BYTES || bytes.base[0] != VERSION ||
        (unsigned char)bytes.base[1] >= SIO_FORWARD_N_KINDS ||
        (unsigned char)bytes.base[2] > SIO_FORWARD_ALL_FLAGS)
        return EIO_E_PROTOCOL;
    message.kind = (sio_forward_kind)bytes.base[1];
    message.flags = (unsigned)bytes.base[2];
    (void)take(&bytes, 3);
    message.number = take_number(&bytes);
    message.from = take(&bytes, ID_LEN);
    message.exchange = take(&bytes, ID_LEN);
    if (!is_id(message.from) || (has_exchange(message.kind) && !is_id(message.exchange)))
        return EIO_E_PROTOCOL;
    if (!has_exchange(message.kind))
        message.exchange = (eio_slice){ NULL, 0 };
    int rc = take_texts(&message, bytes);
    if (rc != EIO_OK || !is_sound(&message))
        return EIO_E_PROTOCOL;
    *out = message;
    return EIO_OK;
}
