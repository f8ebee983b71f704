/*
 * Bodies in gzip or deflate (RFC 9110 §8.4.1), on zlib. A compressor is some 270 KB, made when it is first needed and
 * then used again; so what replies often has one of its own.
 */
#ifndef ENGINEIO_HTTP_COMPRESS_H
#define ENGINEIO_HTTP_COMPRESS_H

#include "engineio/http/encoding.h"

struct z_stream_s;

/* Zeroed before its first use. One thread at a time. */
typedef struct eio_compressor {
    struct z_stream_s *streams[EIO_ENCODINGS];
} eio_compressor;

EIO_PRIVATE void eio_compressor_fini(eio_compressor *compressor);

/* The body in that encoding, new; NULL when out of memory, or for a body of a GiB. encoding: not the identity. */
EIO_PRIVATE eio_buffer *eio_compress(eio_compressor *compressor, eio_encoding encoding,
                                     eio_slice body);

#endif
