#include "socketio/json_plain.h"

const char *sio_json_skip_long_plain(const char *at, const char *end)
{
    for (; end - at >= SIO_JSON_BLOCK; at += SIO_JSON_BLOCK) {
        const sio_json_marks marks = sio_json_block_marks(at);
        if (marks != 0)
            return at + sio_json_plain_before(marks);
    }
    while (at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
        at++;
    return at;
}
