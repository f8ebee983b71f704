/* A form's payload is never longer than the form; a script holds what went in, and no more. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/jsonp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_script(eio_slice payload)
{
    static const char head[] = "___eio[12](\"", tail[] = "\");";
    const size_t head_len = sizeof(head) - 1, tail_len = sizeof(tail) - 1;
    eio_buffer *script;

    assert(eio_jsonp_encode(&script, EIO_STR("1](2"), payload) == EIO_OK);
    eio_slice text = eio_buffer_slice(script);
    assert(text.len >= head_len + tail_len + payload.len);
    assert(text.len <= head_len + tail_len + 6 * payload.len);
    assert(memcmp(text.base, head, head_len) == 0);
    assert(memcmp(text.base + text.len - tail_len, tail, tail_len) == 0);
    for (size_t at = head_len; at < text.len - tail_len; at++) {
        assert((unsigned char)text.base[at] >= ' ' && text.base[at] != '"');
        if (text.base[at] == '\\')
            at++; /* what is escaped */
    }
    eio_buffer_unref(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *body = malloc(len + 1);
    size_t payload = len;

    if (body == NULL)
        return 0;
    if (len > 0)
        memcpy(body, bytes, len);
    check_script((eio_slice){ body, len });
    if (eio_jsonp_decode(body, &payload) == EIO_OK) {
        assert(payload < len || len == 1); /* `d` alone is empty, too */
        check_script((eio_slice){ body, payload });
    }
    free(body);
    return 0;
}
