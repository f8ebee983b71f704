#include "engineio/websocket/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define KEY_LINE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

/* Feed lines `Name: value`, and judge them with a method. */
static eio_ws_fault judge(eio_ws_handshake *handshake, const char *method, const char *const *lines)
{
    *handshake = (eio_ws_handshake){ 0 };
    for (; *lines != NULL; lines++) {
        const char *colon = strchr(*lines, ':');
        assert_non_null(colon);
        eio_ws_handshake_feed(handshake, (eio_slice){ *lines, (size_t)(colon - *lines) },
                              eio_slice_of(colon + 2));
    }
    return eio_ws_handshake_check(handshake, eio_slice_of(method));
}

static void handshake_accepts_what_the_rfc_shows(void **state)
{
    const char *const lines[] = {
        "Host: server.example.com",   "Upgrade: websocket",
        "Connection: Upgrade",        KEY_LINE,
        "Origin: http://example.com", "Sec-WebSocket-Protocol: chat, superchat",
        "Sec-WebSocket-Version: 13",  NULL
    };
    eio_ws_handshake handshake;
    char accept[EIO_ACCEPT_KEY_LEN];
    (void)state;

    assert_int_equal(judge(&handshake, "GET", lines), EIO_HANDSHAKE_GOOD);
    assert_int_equal(handshake.protocol_count, 2);
    assert_true(eio_slice_equal(handshake.protocols[0], EIO_STR("chat")));
    assert_int_equal(eio_ws_handshake_accept(accept, handshake.key), EIO_OK);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(accept));
}

static void handshake_does_not_mind_case_nor_version_8(void **state)
{
    const char *const lines[] = { "UPGRADE: WebSocket",
                                  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
                                  "SEC-WebSocket-VERSION: 8", NULL };
    eio_ws_handshake handshake;
    (void)state;

    assert_int_equal(judge(&handshake, "GET", lines), EIO_HANDSHAKE_GOOD);
    assert_int_equal(handshake.protocol_count, 0);
}

static void handshake_refuses_with_node_s_words(void **state)
{
    static const struct {
        const char *method, *upgrade, *key, *version, *protocol;
        const char *text;
    } cases[] = {
        { "POST", "websocket", KEY, "13", "a", "Invalid HTTP method" },
        { "GET", "h2c", KEY, "13", "a", "Invalid Upgrade header" },
        { "GET", "", KEY, "13", "a", "Invalid Upgrade header" },
        { "GET", "websockets", KEY, "13", "a", "Invalid Upgrade header" },
        { "GET", "websocket", "", "13", "a", "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", "dGhlIHNhbXBsZSBub25jZQ=", "13", "a",
          "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", "dGhlIHNhbXBsZSBub25jZQ==x", "13", "a",
          "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", "dGhlIHNhbXBsZSBub25jZQQ=", "13", "a",
          "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", "dGhlIHNhbXBs-SBub25jZQ==", "13", "a",
          "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", "dGhlIHNhbXBs=SBub25jZQ==", "13", "a",
          "Missing or invalid Sec-WebSocket-Key header" },
        { "GET", "websocket", KEY, "", "a", "Missing or invalid Sec-WebSocket-Version header" },
        { "GET", "websocket", KEY, "12", "a", "Missing or invalid Sec-WebSocket-Version header" },
        { "GET", "websocket", KEY, "130", "a", "Missing or invalid Sec-WebSocket-Version header" },
        { "GET", "websocket", KEY, "13", "", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "a,", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", ",a", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "a,,b", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "a b", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "a/b", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "b\xc3\xa9", "Invalid Sec-WebSocket-Protocol header" },
        { "GET", "websocket", KEY, "13", "a, b, a", "Invalid Sec-WebSocket-Protocol header" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        eio_ws_handshake handshake = { 0 };
        eio_ws_handshake_feed(&handshake, EIO_STR("Upgrade"), eio_slice_of(cases[i].upgrade));
        eio_ws_handshake_feed(&handshake, EIO_STR("Sec-WebSocket-Key"), eio_slice_of(cases[i].key));
        eio_ws_handshake_feed(&handshake, EIO_STR("Sec-WebSocket-Version"),
                              eio_slice_of(cases[i].version));
        eio_ws_handshake_feed(&handshake, EIO_STR("Sec-WebSocket-Protocol"),
                              eio_slice_of(cases[i].protocol));
        eio_slice text =
            eio_ws_fault_text(eio_ws_handshake_check(&handshake, eio_slice_of(cases[i].method)));
        assert_true(eio_slice_equal(text, eio_slice_of(cases[i].text)));
    }
}

static void handshake_refuses_what_is_missing_or_repeated(void **state)
{
    static const char *const good[] = { "Upgrade: websocket", KEY_LINE,
                                        "Sec-WebSocket-Version: 13" };
    static const eio_ws_fault faults[] = { EIO_HANDSHAKE_UPGRADE, EIO_HANDSHAKE_KEY,
                                           EIO_HANDSHAKE_VERSION };
    eio_ws_handshake handshake;
    (void)state;

    for (size_t i = 0; i < COUNT(good); i++) {
        const char *const without[] = { good[i == 0], good[i == 2 ? 1 : 2], NULL };
        const char *const twice[] = { good[0], good[1], good[2], good[i], NULL };
        const char *const thrice[] = { good[0], good[1], good[2], good[i], good[i], NULL };
        assert_int_equal(judge(&handshake, "GET", without), faults[i]);
        assert_int_equal(judge(&handshake, "GET", twice), faults[i]);
        assert_int_equal(judge(&handshake, "GET", thrice), faults[i]);
    }
}

static void subprotocols_may_come_in_several_headers(void **state)
{
    const char *const lines[] = { "Upgrade: websocket",
                                  KEY_LINE,
                                  "Sec-WebSocket-Version: 13",
                                  "Sec-WebSocket-Protocol:  v2.chat\t",
                                  "Sec-WebSocket-Protocol: v1.chat , mqtt",
                                  NULL };
    eio_ws_handshake handshake;
    (void)state;

    assert_int_equal(judge(&handshake, "GET", lines), EIO_HANDSHAKE_GOOD);
    assert_int_equal(handshake.protocol_count, 3);
    assert_true(eio_slice_equal(handshake.protocols[0], EIO_STR("v2.chat")));
    assert_true(eio_slice_equal(handshake.protocols[2], EIO_STR("mqtt")));
}

static void subprotocols_are_bounded_in_number(void **state)
{
    char list[EIO_MAX_SUBPROTOCOLS * 5 + 5];
    size_t len = 0;
    (void)state;

    for (int count = 1; count <= EIO_MAX_SUBPROTOCOLS + 1; count++) {
        eio_ws_handshake handshake = { 0 };
        len +=
            (size_t)snprintf(list + len, sizeof(list) - len, "%sp%d", count == 1 ? "" : ",", count);
        eio_ws_handshake_feed(&handshake, EIO_STR("Sec-WebSocket-Protocol"),
                              (eio_slice){ list, len });
        assert_int_equal(handshake.bad_protocols, count > EIO_MAX_SUBPROTOCOLS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_accepts_what_the_rfc_shows),
        cmocka_unit_test(handshake_does_not_mind_case_nor_version_8),
        cmocka_unit_test(handshake_refuses_with_node_s_words),
        cmocka_unit_test(handshake_refuses_what_is_missing_or_repeated),
        cmocka_unit_test(subprotocols_may_come_in_several_headers),
        cmocka_unit_test(subprotocols_are_bounded_in_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
