/*
 * The placeholder of an attachment as each client of Socket.IO writes it, and hardly anybody else. Pure. Expected load:
 * each packet with attachments, twice on its way in and once on its way out.
 */
#ifndef SOCKETIO_USUAL_PLACEHOLDER_H
#define SOCKETIO_USUAL_PLACEHOLDER_H

#include "engineio/buffer.h"

/* Where it ends, and the digits of its number; NULL: at `at` stands something else. */
static inline const char *sio_usual_placeholder_end(const char *at, const char *end,
                                                    eio_slice *digits)
{
    static const char usual[] = "{\"_placeholder\":true,\"num\":";
    enum { USUAL_LEN = sizeof(usual) - 1, HALF_LEN = 16 };

    /* Two comparisons that overlap, because compilers make no call for those. */
    if (end - at <= USUAL_LEN || memcmp(at, usual, HALF_LEN) != 0 ||
        memcmp(at + USUAL_LEN - HALF_LEN, usual + USUAL_LEN - HALF_LEN, HALF_LEN) != 0)
        return NULL;
    at += USUAL_LEN;
    digits->base = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    digits->len = (size_t)(at - digits->base);
    if (digits->len == 0 || (digits->len > 1 && *digits->base == '0'))
        return NULL; /* no number */
    return at < end && *at == '}' ? at + 1 : NULL;
}

#endif
