#include "engineio/websocket/handshake.h"

#include <strings.h>

#include "engineio/http/text.h"
#include "engineio/net/base64.h"
#include "engineio/net/crypto.h"

enum { KEY_LEN = 24 }; /* of 16 bytes in base64 */

static bool is_word(eio_slice slice, eio_slice word)
{
    return slice.len == word.len && strncasecmp(slice.base, word.base, word.len) == 0;
}

/* A header that may stand there once. Twice is as Node sees it: one value that is not right. */
static void feed_single(eio_slice *to, eio_slice value)
{
    *to = to->base == NULL ? value : EIO_STR("");
}

static bool is_token_char(char c)
{
    static const char separators[] = "()<>@,;:\\\"/[]?={} \t"; /* RFC 2616 §2.2 */

    return c > ' ' && c < 0x7f && strchr(separators, c) == NULL;
}

/* False for what is no token, was offered before, or is one too many. */
static bool add_protocol(eio_ws_handshake *handshake, eio_slice name)
{
    if (name.len == 0 || handshake->protocol_count == EIO_MAX_SUBPROTOCOLS)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_token_char(name.base[i]))
            return false;
    for (size_t i = 0; i < handshake->protocol_count; i++)
        if (eio_slice_equal(handshake->protocols[i], name))
            return false;
    handshake->protocols[handshake->protocol_count++] = name;
    return true;
}

/* RFC 6455 §4.1: 1#token, over any number of headers. */
static void feed_protocols(eio_ws_handshake *handshake, eio_slice list)
{
    while (!handshake->bad_protocols) {
        const char *comma = list.len == 0 ? NULL : memchr(list.base, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.base);
        if (!add_protocol(handshake, eio_trim((eio_slice){ list.base, len })))
            handshake->bad_protocols = true;
        if (comma == NULL)
            return;
        list.base += len + 1;
        list.len -= len + 1;
    }
}

void eio_ws_handshake_feed(eio_ws_handshake *handshake, eio_slice name, eio_slice value)
{
    if (is_word(name, EIO_STR("upgrade")))
        feed_single(&handshake->upgrade, value);
    else if (is_word(name, EIO_STR("sec-websocket-key")))
        feed_single(&handshake->key, value);
    else if (is_word(name, EIO_STR("sec-websocket-version")))
        feed_single(&handshake->version, value);
    else if (is_word(name, EIO_STR("sec-websocket-protocol")))
        feed_protocols(handshake, value);
}

/* 22 characters of the alphabet and `==`; as with Node's, the bits that say nothing may be any. */
static bool is_key(eio_slice key)
{
    if (key.len != KEY_LEN || key.base[KEY_LEN - 2] != '=' || key.base[KEY_LEN - 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++)
        if (!eio_is_base64(key.base[i]))
            return false;
    return true;
}

eio_ws_fault eio_ws_handshake_check(const eio_ws_handshake *handshake, eio_slice method)
{
    if (!eio_slice_equal(method, EIO_STR("GET")))
        return EIO_HANDSHAKE_METHOD;
    if (!is_word(handshake->upgrade, EIO_STR("websocket")))
        return EIO_HANDSHAKE_UPGRADE;
    if (!is_key(handshake->key))
        return EIO_HANDSHAKE_KEY;
    if (!eio_slice_equal(handshake->version, EIO_STR("13")) &&
        !eio_slice_equal(handshake->version, EIO_STR("8")))
        return EIO_HANDSHAKE_VERSION;
    if (handshake->bad_protocols)
        return EIO_HANDSHAKE_PROTOCOL;
    return EIO_HANDSHAKE_GOOD;
}

eio_slice eio_ws_fault_text(eio_ws_fault fault)
{
    switch (fault) {
    case EIO_HANDSHAKE_GOOD: break;
    case EIO_HANDSHAKE_METHOD: return EIO_STR("Invalid HTTP method");
    case EIO_HANDSHAKE_UPGRADE: return EIO_STR("Invalid Upgrade header");
    case EIO_HANDSHAKE_KEY: return EIO_STR("Missing or invalid Sec-WebSocket-Key header");
    case EIO_HANDSHAKE_VERSION: return EIO_STR("Missing or invalid Sec-WebSocket-Version header");
    case EIO_HANDSHAKE_PROTOCOL: return EIO_STR("Invalid Sec-WebSocket-Protocol header");
    case EIO_HANDSHAKE_EXTENSIONS:
        return EIO_STR("Invalid or unacceptable Sec-WebSocket-Extensions header");
    }
    return EIO_STR("");
}

int eio_ws_handshake_accept(char out[EIO_ACCEPT_KEY_LEN], eio_slice key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 §1.3 */
    char joined[KEY_LEN + sizeof(guid) - 1];
    unsigned char digest[EIO_SHA1_BYTES];

    if (key.len != KEY_LEN)
        return EIO_E_INVALID;
    memcpy(joined, key.base, KEY_LEN);
    memcpy(joined + KEY_LEN, guid, sizeof(guid) - 1);
    int rc = eio_sha1(digest, (eio_slice){ joined, sizeof(joined) });
    if (rc == EIO_OK)
        eio_base64_encode(out, (eio_slice){ (const char *)digest, sizeof(digest) });
    return rc;
}
