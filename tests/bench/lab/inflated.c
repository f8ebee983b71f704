#include "inflated.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MOST = 1 << 20 };

struct inflated {
    z_stream z;
};

inflated *inflated_shared;
static char out[MOST];

static inflated *stream_new(void)
{
    inflated *stream = calloc(1, sizeof(*stream));

    if (stream != NULL && inflateInit2(&stream->z, -15) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

static int feed(z_stream *z, const char *bytes, size_t len)
{
    z->next_in = (Bytef *)(void *)bytes;
    z->avail_in = (uInt)len;
    return inflate(z, Z_SYNC_FLUSH);
}

const char *inflated_message(inflated **stream, const char *bytes, size_t len, size_t *out_len)
{
    static const char tail[] = "\x00\x00\xff\xff"; /* RFC 7692 §7.2.2 */

    if (*stream == NULL && (*stream = stream_new()) == NULL)
        return NULL;
    z_stream *z = &(*stream)->z;
    if (stream == &inflated_shared)
        (void)inflateReset(z);
    z->next_out = (Bytef *)out;
    z->avail_out = sizeof(out);
    if (feed(z, bytes, len) < 0 && z->avail_in > 0)
        return NULL;
    int rc = feed(z, tail, sizeof(tail) - 1);
    if ((rc < 0 && rc != Z_BUF_ERROR) || z->avail_out == 0)
        return NULL;
    *out_len = sizeof(out) - z->avail_out;
    return out;
}
