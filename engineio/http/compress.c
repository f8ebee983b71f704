#include "engineio/http/compress.h"

#include <stdlib.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15,
    GZIP =
        16, /* added to the bits: with gzip's frame instead of zlib's, which HTTP calls deflate */
    MEMORY_LEVEL = 8,
    MOST_BYTES = 1 << 30, /* zlib counts in unsigned int */
};

void eio_compressor_fini(eio_compressor *compressor)
{
    for (size_t i = 0; i < EIO_ENCODINGS; i++) {
        if (compressor->streams[i] != NULL)
            (void)deflateEnd(compressor->streams[i]);
        free(compressor->streams[i]);
        compressor->streams[i] = NULL;
    }
}

/* At its start; NULL when out of memory. */
static z_stream *stream_of(eio_compressor *compressor, eio_encoding encoding)
{
    z_stream *stream = compressor->streams[encoding];

    if (stream != NULL)
        return deflateReset(stream) == Z_OK ? stream : NULL;
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    int bits = encoding == EIO_ENCODING_GZIP ? WINDOW_BITS + GZIP : WINDOW_BITS;
    if (deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    compressor->streams[encoding] = stream;
    return stream;
}

eio_buffer *eio_compress(eio_compressor *compressor, eio_encoding encoding, eio_slice body)
{
    z_stream *stream = body.len > MOST_BYTES ? NULL : stream_of(compressor, encoding);
    size_t most = stream == NULL ? 0 : deflateBound(stream, body.len);
    char *scratch = stream == NULL ? NULL : malloc(most);
    eio_buffer *compressed = NULL;

    if (scratch == NULL)
        return NULL;
    stream->next_in = (Bytef *)(uintptr_t)body.base;
    stream->avail_in = (uInt)body.len;
    stream->next_out = (Bytef *)scratch;
    stream->avail_out = (uInt)most;
    if (deflate(stream, Z_FINISH) == Z_STREAM_END)
        compressed = eio_buffer_copy((eio_slice){ scratch, most - stream->avail_out });
    free(scratch);
    return compressed;
}
