/*
 * Frames of a client. The first bytes say where to cut; the events must be those of the input as a whole, and the heap
 * within the limit.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/net/siphash.h"
#include "engineio/websocket/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LIMIT = 2000, MAX_FRAGMENTS = 8, OVERHEAD = 512 };

static const eio_frame_limits limits = { LIMIT, MAX_FRAGMENTS };

/* Every event that there was, in a few bytes. */
typedef struct record {
    size_t events;
    uint64_t hash;
} record;

static void note(record *out, eio_frame_result result, const eio_frame_event *event)
{
    uint64_t key[2] = { out->hash, (uint64_t)result << 32 | (uint64_t)event->opcode };

    if (result == EIO_FRAME_MESSAGE)
        assert(event->payload.len <= LIMIT);
    else
        assert(event->payload.len <= 125);
    if (event->opcode == EIO_OPCODE_CLOSE || result == EIO_FRAME_FAILED)
        key[1] ^= (uint64_t)event->code << 8;
    out->hash = eio_siphash_with(key, event->payload.base, event->payload.len);
    out->events++;
}

static void feed(eio_frame_decoder *decoder, const uint8_t *bytes, size_t len, record *out)
{
    char *copy = malloc(len == 0 ? 1 : len);
    char *at = copy;
    eio_frame_event event;
    eio_frame_result result;

    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    while ((result = eio_frame_next(decoder, &limits, &at, copy + len, &event)) != EIO_FRAME_MORE)
        note(out, result, &event);
    assert(at == copy + len);
    assert(eio_frame_heap_bytes(decoder) <= LIMIT + OVERHEAD);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_frame_decoder decoder = { 0 };
    record whole = { 0 };
    record cut = { 0 };

    if (len == 0 || len < 1u + bytes[0] % 16)
        return 0;
    const uint8_t *pieces = bytes + 1;
    size_t piece_count = bytes[0] % 16;
    bytes += 1 + piece_count;
    len -= 1 + piece_count;

    feed(&decoder, bytes, len, &whole);
    eio_frame_fini(&decoder);
    decoder = (eio_frame_decoder){ 0 };
    size_t at = 0;
    for (size_t i = 0; at < len; i++) {
        size_t piece = piece_count == 0 ? 1 : pieces[i % piece_count];
        piece = piece > len - at ? len - at : piece == 0 ? 1 : piece;
        feed(&decoder, bytes + at, piece, &cut);
        at += piece;
    }
    eio_frame_fini(&decoder);
    assert(whole.events == cut.events && whole.hash == cut.hash);
    return 0;
}
