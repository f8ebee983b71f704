/*
 * Opening handshakes, as lines `Name: value` behind the method: accepted only with all that is mandatory, and the
 * subprotocol is one that was offered.
 */
#include <assert.h>
#include <stdint.h>
#include <strings.h>

#include "engineio/websocket/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Cut off the next line; false at the end. */
static bool next_line(eio_slice *rest, eio_slice *line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->base, '\n', rest->len);
    line->base = rest->base;
    line->len = end == NULL ? rest->len : (size_t)(end - rest->base);
    size_t used = end == NULL ? line->len : line->len + 1;
    rest->base += used;
    rest->len -= used;
    return true;
}

static bool split(eio_slice line, eio_slice *name, eio_slice *value)
{
    const char *colon = memchr(line.base, ':', line.len);
    if (colon == NULL)
        return false;
    *name = (eio_slice){ line.base, (size_t)(colon - line.base) };
    *value = (eio_slice){ colon + 1, line.len - name->len - 1 };
    if (value->len > 0 && *value->base == ' ')
        *value = (eio_slice){ value->base + 1, value->len - 1 };
    return true;
}

/* How many headers have this name; the last one's value. */
static int count(eio_slice lines, const char *wanted, eio_slice *last)
{
    eio_slice line, name, value;
    int found = 0;

    while (next_line(&lines, &line)) {
        if (!split(line, &name, &value) || name.len != strlen(wanted) ||
            strncasecmp(name.base, wanted, name.len) != 0)
            continue;
        *last = value;
        found++;
    }
    return found;
}

static void check_accepted(const eio_ws_handshake *handshake, eio_slice lines)
{
    eio_slice value;
    char accept[EIO_ACCEPT_KEY_LEN];

    assert(count(lines, "Upgrade", &value) == 1);
    assert(value.len == 9 && strncasecmp(value.base, "websocket", 9) == 0);
    assert(count(lines, "Sec-WebSocket-Version", &value) == 1);
    assert(eio_slice_equal(value, EIO_STR("13")) || eio_slice_equal(value, EIO_STR("8")));
    assert(count(lines, "Sec-WebSocket-Key", &value) == 1 && value.len == 24);
    assert(eio_ws_handshake_accept(accept, handshake->key) == EIO_OK);
    if (count(lines, "Sec-WebSocket-Protocol", &value) == 0)
        assert(handshake->protocol_count == 0);
    else
        assert(handshake->protocol_count > 0 && handshake->protocols[0].len > 0);
    for (size_t i = 0; i < handshake->protocol_count; i++) {
        eio_slice name = handshake->protocols[i];
        assert(memmem(lines.base, lines.len, name.base, name.len) != NULL);
        for (size_t j = 0; j < name.len; j++)
            assert(name.base[j] > ' ' && name.base[j] < 0x7f && name.base[j] != ',');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    eio_ws_handshake handshake = { 0 };
    eio_slice rest = { (const char *)bytes, len };
    eio_slice method, line, name, value;

    if (!next_line(&rest, &method))
        return 0;
    eio_slice lines = rest;
    while (next_line(&rest, &line))
        if (split(line, &name, &value))
            eio_ws_handshake_feed(&handshake, name, value);
    eio_ws_fault fault = eio_ws_handshake_check(&handshake, method);
    assert((fault == EIO_HANDSHAKE_GOOD) == (eio_ws_fault_text(fault).len == 0));
    if (fault == EIO_HANDSHAKE_GOOD)
        check_accepted(&handshake, lines);
    return 0;
}
