#include "chat/rooms/validation.h"

#include <stdint.h>
#include <stdlib.h>

enum { DEFAULT_LIST_LIMIT = 100, MOST_LIST_LIMIT = 1000 };

static const char no_object[] = "The payload must be an object.";
static const char bad_room[] = "Room id must be a text, not empty, not too long, without control "
                               "characters, '::', or ':' at its end.";
static const char bad_username[] = "Username must be a text, not empty, not too long, without "
                                   "control characters, '::', or ':' at its end.";
static const char bad_message[] = "Message must be a text that is not too long.";
static const char bad_limit[] = "Limit must be a whole number from 1 to 1000.";

/* C0, DEL, and C1 in its two-byte form. */
static bool has_controls(eio_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.base[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool chat_is_name(eio_slice text, size_t max)
{
    return text.len >= 1 && text.len <= max && !has_controls(text) &&
           text.base[text.len - 1] != ':' && memmem(text.base, text.len, "::", 2) == NULL;
}

static bool is_object_or_array(eio_slice json)
{
    return json.len > 0 && (*json.base == '{' || *json.base == '[');
}

/* A text is taken as it is; other values are kept as their JSON. */
static bool read_message(eio_slice *out, eio_slice json, bool plain, size_t max)
{
    if (json.len == 0 || eio_slice_equal(json, EIO_STR("null")))
        return false;
    if (*json.base == '"')
        return chat_json_string(out, json) && out->len <= max;
    if (json.len > max || (is_object_or_array(json) && !plain))
        return false;
    char *copy = malloc(json.len);
    if (copy == NULL)
        return false;
    memcpy(copy, json.base, json.len);
    *out = (eio_slice){ copy, json.len };
    return true;
}

const char *chat_fields_read(chat_fields *out, eio_slice json, bool plain, unsigned wants,
                             const chat_text_limits *limits)
{
    chat_payload payload;

    *out = (chat_fields){ .limit = DEFAULT_LIST_LIMIT };
    if (!chat_payload_read(&payload, json))
        return no_object;
    if (!chat_json_text(&out->room, payload.room_id) ||
        !chat_is_name(out->room, limits->name_bytes))
        return bad_room;
    if ((wants & CHAT_WANTS_USERNAME) != 0 && (!chat_json_text(&out->username, payload.username) ||
                                               !chat_is_name(out->username, limits->name_bytes)))
        return bad_username;
    if ((wants & CHAT_WANTS_MESSAGE) != 0 &&
        !read_message(&out->message, payload.message, plain, limits->message_bytes))
        return bad_message;
    if ((wants & CHAT_WANTS_LIMIT) != 0 && payload.limit.len > 0 &&
        !chat_json_count(&out->limit, payload.limit, MOST_LIST_LIMIT))
        return bad_limit;
    return NULL;
}

static void free_text(eio_slice text)
{
    if (text.base != NULL)
        free((char *)(uintptr_t)text.base);
}

void chat_fields_fini(chat_fields *fields)
{
    free_text(fields->room);
    free_text(fields->username);
    free_text(fields->message);
    *fields = (chat_fields){ 0 };
}
