/* Payloads of chat events: whatever jansson takes for an object is read, with the same room id. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "chat/rooms/validation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_room(const json_t *room, const chat_payload *payload)
{
    eio_slice text;

    assert((room == NULL) == (payload->room_id.len == 0));
    if (!json_is_string(room))
        return;
    assert(chat_json_string(&text, payload->room_id));
    assert(text.len == json_string_length(room));
    assert(memcmp(text.base, json_string_value(room), text.len) == 0);
    free((char *)(uintptr_t)text.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const chat_text_limits limits = { 256, 65536 };
    const eio_slice json = { (const char *)bytes, len };
    chat_fields fields;
    chat_payload payload;

    json_t *tree = len == 0 ? NULL : json_loadb(json.base, json.len, JSON_ALLOW_NUL, NULL);
    bool read = chat_payload_read(&payload, json);
    if (json_is_object(tree)) {
        assert(read);
        check_room(json_object_get(tree, "roomId"), &payload);
    }
    json_decref(tree);
    (void)chat_fields_read(&fields, json, true,
                           CHAT_WANTS_USERNAME | CHAT_WANTS_MESSAGE | CHAT_WANTS_LIMIT, &limits);
    chat_fields_fini(&fields);
    return 0;
}
