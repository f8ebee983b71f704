/*
 * Compressed messages of one client: a limit, a window, then pieces of the input as messages. No output passes the
 * limit, the window stays in its bounds, and zlib alone, told everything in one go, comes to the same end.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "engineio/websocket/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PREFIX = 4, MOST_OUTPUT = 1 << 17 };

static char reference[MOST_OUTPUT];

/* The first message again, in one call. Its length, or -1 if it is bad or longer than limit. */
static long inflate_at_once(const uint8_t *bytes, size_t len, size_t limit)
{
    z_stream stream = { .next_out = (Bytef *)reference, .avail_out = (uInt)(limit + 1) };
    uint8_t *all = malloc(len + 4);
    long result = -1;

    assert(all != NULL && limit < MOST_OUTPUT);
    memcpy(all, bytes, len);
    memcpy(all + len, "\0\0\xff\xff", 4);
    stream.next_in = all;
    stream.avail_in = (uInt)(len + 4);
    assert(inflateInit2(&stream, -15) == Z_OK);
    int rc = inflate(&stream, Z_SYNC_FLUSH);
    bool is_whole = rc == Z_STREAM_END || (rc == Z_OK && (stream.data_type & 128) != 0);
    if (is_whole && stream.total_out <= limit)
        result = (long)stream.total_out;
    inflateEnd(&stream);
    free(all);
    return result;
}

static void check_first(const uint8_t *bytes, size_t len, size_t limit, int rc, eio_slice out)
{
    if (len == 0)
        return; /* this is what a message of no bytes is, not what zlib says */
    long expected = inflate_at_once(bytes, len, limit);
    assert((rc == EIO_OK) == (expected >= 0));
    if (rc == EIO_OK)
        assert((size_t)expected == out.len && memcmp(reference, out.base, out.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const eio_deflate_options options = { .threshold = 0 };
    eio_inflate_window window = { .bytes = NULL };
    eio_deflate deflate;
    int rc = EIO_OK;

    if (len < PREFIX)
        return 0;
    size_t limit = 1 + (size_t)(bytes[0] | bytes[1] << 8);
    unsigned bits = 8 + bytes[2] % 8;
    window.bits = bits;
    size_t piece = bytes[3] == 0 ? SIZE_MAX : bytes[3];
    eio_deflate_init(&deflate, &options);
    bool is_first = true;
    for (size_t at = PREFIX; rc == EIO_OK && (at < len || is_first); is_first = false) {
        size_t count = piece < len - at ? piece : len - at;
        char *out = NULL;
        size_t out_len = 0;
        rc = eio_inflate(&out, &out_len, &deflate, (eio_slice){ (const char *)bytes + at, count },
                         limit, &window);
        assert(out_len <= limit && window.len <= (size_t)1 << bits);
        assert(window.len <= window.capacity && window.capacity <= (size_t)1 << bits);
        if (is_first)
            check_first(bytes + at, count, limit, rc, (eio_slice){ out, out_len });
        free(out);
        at += count;
    }
    eio_inflate_window_fini(&window);
    eio_deflate_fini(&deflate);
    return 0;
}
