#include "socketio/json_plain.h"

const char *sio_json_skip_long_plain(const char *at, const char *end)
{
    for (; end - at >= SIO_JSON_BLOCK; at += SIO_JSON_BLOCK) {
        size_t plain = sio_json_plain_in_block(at);
        if (plain < SIO_JSON_BLOCK)
            return at + plain;
    }
    while (at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return at;
}
