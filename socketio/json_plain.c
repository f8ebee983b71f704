#include "socketio/json_plain.h"

#include <stdbool.h>

enum { STEP_BYTES = 4 * SIO_JSON_BLOCK };

static bool is_plain_step(const char *at)
{
    sio_json_marks marks = 0;

    for (size_t i = 0; i < STEP_BYTES; i += SIO_JSON_BLOCK)
        marks |= sio_json_block_marks(at + i);
    return marks == 0;
}

/* One test for four blocks, which in long strings takes a third off. */
const char *sio_json_skip_long_plain(const char *at, const char *end)
{
    while (end - at >= STEP_BYTES && is_plain_step(at))
        at += STEP_BYTES;
    return sio_json_skip_short_plain(at, end);
}
