#include "engineio/websocket/deflate.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "engineio/limits.h"
#include "engineio/net/buffer_private.h"
#include "engineio/websocket/extension.h"
#include "engineio/websocket/seal.h"

enum {
    MEMORY_LEVEL = 8,
    TAIL_BYTES = 4,                  /* 00 00 ff ff, which no message carries (RFC 7692 §7.2.1) */
    FIRST_OUTPUT_BYTES = 512,        /* at least so much to begin with */
    MOST_INPUT_BYTES = 1 << 30,      /* of one call: zlib counts in unsigned int */
    AT_A_BLOCKS_END = 128,           /* in a decompressor's data_type */
    FORM_DEFLATED = 0x40,            /* of a companion, next to the compressor's window bits */
    SMALLEST_WINDOW_ALLOCATED = 256, /* and then in powers of two */
};

/* ---- options ---- */

eio_deflate_options eio_deflate_complete(const eio_deflate_options *options)
{
    eio_deflate_options all = *options;

    if (all.threshold == 0)
        all.threshold = EIO_DEFLATE_THRESHOLD_BYTES;
    if (all.level == 0)
        all.level = Z_DEFAULT_COMPRESSION;
    if (all.memory_level == 0)
        all.memory_level = MEMORY_LEVEL;
    return all;
}

static bool are_bits(int bits)
{
    return bits == 0 || bits == EIO_DEFLATE_NEVER ||
           (bits >= EIO_WINDOW_BITS_MIN && bits <= EIO_WINDOW_BITS_MAX);
}

const char *eio_deflate_fault(const eio_deflate_options *options)
{
    if (!are_bits(options->server_max_window_bits))
        return "server_max_window_bits is not 8 to 15";
    if (!are_bits(options->client_max_window_bits))
        return "client_max_window_bits is not 8 to 15";
    if (options->level < -1 || options->level > 9)
        return "level is not 1 to 9";
    if (options->memory_level < 0 || options->memory_level > MAX_MEM_LEVEL)
        return "memory_level is not 1 to 9";
    return NULL;
}

void eio_deflate_init(eio_deflate *deflate, const eio_deflate_options *options)
{
    assert(options == NULL || eio_deflate_fault(options) == NULL); /* the application's mistake */
    *deflate = (eio_deflate){ .is_on = options != NULL };
    if (options != NULL)
        deflate->options = eio_deflate_complete(options);
}

void eio_deflate_fini(eio_deflate *deflate)
{
    for (size_t i = 0; i < EIO_COMPRESSORS; i++) {
        if (deflate->compressors[i] != NULL)
            (void)deflateEnd(deflate->compressors[i]);
        free(deflate->compressors[i]);
        deflate->compressors[i] = NULL;
    }
    if (deflate->inflater != NULL)
        (void)inflateEnd(deflate->inflater);
    free(deflate->inflater);
    deflate->inflater = NULL;
}

/* ---- compressing ---- */

/* At its start; NULL when out of memory. */
static z_stream *compressor_of(eio_deflate *deflate, unsigned bits)
{
    z_stream **place = &deflate->compressors[bits - EIO_COMPRESSOR_BITS_MIN];
    z_stream *stream = *place;

    if (stream != NULL)
        return deflateReset(stream) == Z_OK ? stream : NULL;
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    if (deflateInit2(stream, deflate->options.level, Z_DEFLATED, -(int)bits,
                     deflate->options.memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    *place = stream;
    return stream;
}

/* Into out, which has the message's own size; the compressed length, or 0: it is no shorter. */
static size_t compress_into(z_stream *stream, char *out, eio_slice message)
{
    if (message.len > MOST_INPUT_BYTES)
        return 0;
    stream->next_in = (Bytef *)(uintptr_t)message.base;
    stream->avail_in = (uInt)message.len;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)message.len;
    int rc = deflate(stream, Z_SYNC_FLUSH);
    /* With no room left, its end may be still to come. */
    if (rc != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
        return 0;
    return message.len - stream->avail_out - TAIL_BYTES;
}

/* New; without a seal if the message is better sent as it is. NULL when out of memory. */
static eio_buffer *compressed_of(eio_deflate *deflate, const eio_buffer *buffer, unsigned bits)
{
    eio_slice message = eio_frame_payload(buffer);
    z_stream *stream = compressor_of(deflate, bits);
    char *scratch = stream == NULL ? NULL : malloc(message.len + 1);

    if (scratch == NULL)
        return NULL;
    size_t len = compress_into(stream, scratch, message);
    eio_buffer *companion = eio_buffer_copy((eio_slice){ scratch, len });
    free(scratch);
    if (companion != NULL && len > 0)
        eio_frame_seal_compressed(companion, eio_frame_opcode(buffer));
    return companion;
}

eio_buffer *eio_deflate_frame(eio_deflate *deflate, eio_buffer *buffer, unsigned bits)
{
    unsigned window = bits < EIO_COMPRESSOR_BITS_MIN ? EIO_COMPRESSOR_BITS_MIN : bits;
    uint8_t form = (uint8_t)(FORM_DEFLATED | window);
    eio_buffer *companion = eio_buffer_companion(buffer, form);

    assert(bits <= EIO_WINDOW_BITS_MAX);
    if (companion == NULL) {
        companion = compressed_of(deflate, buffer, window);
        if (companion == NULL)
            return buffer;
        companion->form = form;
        companion = eio_buffer_add_companion(buffer, companion);
    }
    return companion->seal == 0 ? buffer : companion;
}

/* ---- what a client's next message may refer to ---- */

void eio_inflate_window_fini(eio_inflate_window *window)
{
    free(window->bytes);
    *window = (eio_inflate_window){ .bits = window->bits };
}

static bool grow_window(eio_inflate_window *window, size_t needed)
{
    size_t capacity = SMALLEST_WINDOW_ALLOCATED;

    if (needed <= window->capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(window->bytes, capacity);
    if (bytes == NULL)
        return false;
    window->bytes = bytes;
    window->capacity = capacity;
    return true;
}

/* Keep the last bytes of what it holds and of the message. False when out of memory. */
static bool slide_window(eio_inflate_window *window, const char *message, size_t len)
{
    size_t most = (size_t)1 << window->bits;
    size_t news = len < most ? len : most;
    size_t kept = window->len < most - news ? window->len : most - news;

    if (news == 0)
        return true;
    if (!grow_window(window, kept + news))
        return false;
    if (kept > 0)
        memmove(window->bytes, window->bytes + window->len - kept, kept);
    memcpy(window->bytes + kept, message + len - news, news);
    window->len = kept + news;
    return true;
}

/* ---- inflating ---- */

typedef struct output {
    char *bytes; /* own heap */
    size_t len, capacity;
    size_t limit;
    bool is_over; /* a block called itself the last */
} output;

/* At its start, whatever went wrong with it before; NULL when out of memory. */
static z_stream *inflater_of(eio_deflate *deflate, const eio_inflate_window *window)
{
    z_stream *stream = deflate->inflater;

    if (stream == NULL) {
        stream = calloc(1, sizeof(*stream));
        if (stream == NULL)
            return NULL;
        if (inflateInit2(stream, -EIO_WINDOW_BITS_MAX) != Z_OK) {
            free(stream);
            return NULL;
        }
        deflate->inflater = stream;
    }
    if (inflateReset(stream) != Z_OK)
        return NULL;
    if (window != NULL && window->len > 0 &&
        inflateSetDictionary(stream, (const Bytef *)window->bytes, (uInt)window->len) != Z_OK)
        return NULL;
    return stream;
}

/* Room for more, up to one byte above the limit: that it was needed is how we know. */
static int grow_output(output *out, size_t input_len)
{
    size_t most = out->limit < SIZE_MAX ? out->limit + 1 : out->limit;
    size_t wanted = out->capacity == 0 ? input_len * 4 : out->capacity * 2;

    if (wanted < FIRST_OUTPUT_BYTES)
        wanted = FIRST_OUTPUT_BYTES;
    if (wanted > most)
        wanted = most;
    char *bytes = realloc(out->bytes, wanted);
    if (bytes == NULL)
        return EIO_E_NOMEM;
    out->bytes = bytes;
    out->capacity = wanted;
    return EIO_OK;
}

/* One call of zlib. 1: there is more to do; 0: the input is used up, or over; or negative. */
static int inflate_step(z_stream *stream, output *out)
{
    size_t room = out->capacity - out->len;
    uInt given = room > MOST_INPUT_BYTES ? MOST_INPUT_BYTES : (uInt)room;

    stream->next_out = (Bytef *)out->bytes + out->len;
    stream->avail_out = given;
    int rc = inflate(stream, Z_SYNC_FLUSH);
    out->len += given - stream->avail_out;
    if (out->len > out->limit)
        return EIO_E_TOO_BIG;
    switch (rc) {
    case Z_OK: return stream->avail_in > 0 || stream->avail_out == 0;
    case Z_BUF_ERROR: return stream->avail_in > 0; /* nothing more can come of what there was */
    case Z_STREAM_END: out->is_over = true; return 0;
    case Z_MEM_ERROR: return EIO_E_NOMEM;
    default: return EIO_E_PROTOCOL;
    }
}

static int inflate_bytes(z_stream *stream, output *out, eio_slice bytes)
{
    int rc = 1;

    if (bytes.len > MOST_INPUT_BYTES)
        return EIO_E_TOO_BIG;
    stream->next_in = (Bytef *)(uintptr_t)bytes.base;
    stream->avail_in = (uInt)bytes.len;
    while (rc > 0) {
        if (out->len == out->capacity) {
            rc = grow_output(out, bytes.len);
            if (rc != EIO_OK)
                return rc;
        }
        rc = inflate_step(stream, out);
    }
    return rc;
}

/* The message, then the tail that its sender took off; it must end where a block ends. */
static int inflate_message(z_stream *stream, output *out, eio_slice message)
{
    static const char tail[TAIL_BYTES] = { 0, 0, (char)0xff, (char)0xff };

    if (message.len == 0)
        return grow_output(out, 0); /* an empty message, as Node sees it; it should have one byte */
    int rc = inflate_bytes(stream, out, message);
    if (rc == EIO_OK && !out->is_over)
        rc = inflate_bytes(stream, out, (eio_slice){ tail, sizeof(tail) });
    if (rc == EIO_OK && !out->is_over && (stream->data_type & AT_A_BLOCKS_END) == 0)
        rc = EIO_E_PROTOCOL;
    return rc;
}

int eio_inflate(char **out, size_t *len, eio_deflate *deflate, eio_slice message, size_t limit,
                eio_inflate_window *window)
{
    output all = { .limit = limit };
    z_stream *stream = inflater_of(deflate, window);

    if (stream == NULL)
        return EIO_E_NOMEM;
    int rc = inflate_message(stream, &all, message);
    if (rc == EIO_OK && window != NULL && !slide_window(window, all.bytes, all.len))
        rc = EIO_E_NOMEM;
    if (rc != EIO_OK) {
        free(all.bytes);
        return rc;
    }
    *out = all.bytes;
    *len = all.len;
    return EIO_OK;
}
