/*
 * A text is refused as a whole, or it and its parts are JSON: splitting agrees with the check, and
 * strings survive decoding and encoding.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/websocket/utf8.h"
#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/placeholder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_value(eio_slice value)
{
    size_t len = sio_json_string_encoded_len(value);
    char *json = malloc(len);
    char *back = malloc(len);

    assert(json != NULL && back != NULL);
    assert(sio_json_string_encode(json, value) == json + len);
    assert(sio_json_check((eio_slice){ json, len }) == EIO_OK);
    size_t back_len = sio_json_string_decode(back, (eio_slice){ json, len });
    assert(eio_slice_equal((eio_slice){ back, back_len }, value));
    free(json);
    free(back);
}

static void check_string(eio_slice string)
{
    char *value = malloc(string.len);

    assert(value != NULL);
    size_t len = sio_json_string_decode(value, string);
    assert(len <= string.len - 2);
    assert(eio_utf8_is_valid((eio_slice){ value, len }) || !eio_utf8_is_valid(string));
    check_value((eio_slice){ value, len });
    free(value);
}

static void check_split(eio_slice text, int checked)
{
    static eio_slice elements[1024];
    size_t count = 0;

    int rc = sio_json_split(&count, elements, 1024, text);
    for (size_t i = 0; i < count; i++) {
        assert(sio_json_check(elements[i]) == EIO_OK);
        if (*elements[i].base == '"')
            check_string(elements[i]);
    }
    size_t blanks = 0;
    while (blanks < text.len && memchr(" \t\r\n", text.base[blanks], 4) != NULL)
        blanks++;
    bool array = blanks < text.len && text.base[blanks] == '[';
    assert(rc == (array ? checked : EIO_E_PROTOCOL) || rc == EIO_E_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    sio_placeholders list;

    if (copy == NULL)
        return 0;
    if (len > 0)
        memcpy(copy, bytes, len);
    eio_slice text = { copy, len };
    int rc = sio_json_check(text);
    check_split(text, rc);
    if (rc == EIO_OK) {
        sio_placeholders_init(&list);
        assert(sio_placeholders_find(&list, &text, 1) == EIO_OK);
        for (size_t i = 0; i < list.count; i++)
            assert(list.items[i].num == SIO_PLACEHOLDER_BAD || list.items[i].digits.base > copy);
        sio_placeholders_fini(&list);
    }
    check_value(text);
    free(copy);
    return 0;
}
