/* RESP from a server that means harm, in pieces whose length the first byte gives: bounded, and no crash. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "socketio/redis/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MAX_BYTES = 4096 };

static size_t bytes_of(const sio_redis_reply *reply)
{
    size_t bytes = reply->text.len;

    for (size_t i = 0; i < reply->count; i++)
        bytes += bytes_of(&reply->items[i]);
    return bytes;
}

static int drain(sio_redis_reader *reader)
{
    sio_redis_reply *reply = NULL;
    int rc;

    while ((rc = sio_redis_reader_next(reader, &reply)) == EIO_OK && reply != NULL) {
        assert(bytes_of(reply) <= MAX_BYTES);
        sio_redis_reply_free(reply);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    sio_redis_reader *reader;
    int rc = EIO_OK;

    if (len == 0 || sio_redis_reader_new(&reader, MAX_BYTES) != EIO_OK)
        return 0;
    size_t piece = bytes[0] == 0 ? len : bytes[0];
    for (size_t at = 1; at < len && rc == EIO_OK; at += piece) {
        size_t now = len - at < piece ? len - at : piece;
        rc = sio_redis_reader_feed(reader, (eio_slice){ (const char *)bytes + at, now });
        if (rc == EIO_OK)
            rc = drain(reader);
    }
    sio_redis_reader_free(reader);
    return 0;
}
