/* Queries: what is encoded is decoded to the same, and any query can be walked to its end, piece by piece. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/http.h"
#include "engineio/http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_round_trip(const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = malloc(len * 3 + 3);
    char *out = malloc(len * 3 + 3);

    assert(text != NULL && out != NULL);
    memcpy(text, "v=", 2);
    for (size_t i = 0; i < len; i++) {
        text[2 + i * 3] = '%';
        text[3 + i * 3] = digits[bytes[i] >> 4];
        text[4 + i * 3] = digits[bytes[i] & 15];
    }
    eio_slice query = { text, len * 3 + 2 };
    eio_slice value = eio_query_get(query, "v", out, len);
    assert(value.base == out && value.len == len);
    assert(len == 0 || memcmp(out, bytes, len) == 0);
    assert(len == 0 || eio_query_get(query, "v", out, len - 1).base == NULL);
    assert(eio_percent_decode(query, out) == len + 2);
    free(text);
    free(out);
}

static void check_walk(const uint8_t *bytes, size_t len)
{
    eio_slice rest = { (const char *)bytes, len };
    eio_slice name;
    eio_slice value;
    size_t seen = 0;
    char *out = malloc(len + 1);

    assert(out != NULL);
    while (eio_query_next(&rest, &name, &value)) {
        seen += name.len + value.len;
        assert(eio_query_decode(value, out) <= value.len);
        assert(memchr(name.base, '=', name.len) == NULL);
    }
    assert(seen <= len && rest.len == 0);
    (void)eio_query_get((eio_slice){ (const char *)bytes, len }, "sid", out, len);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_round_trip(bytes, len);
    check_walk(bytes, len);
    return 0;
}
