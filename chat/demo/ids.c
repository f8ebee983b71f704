#include "chat/demo/ids.h"

uint64_t chat_user_id(eio_slice text)
{
    const uint64_t most = (uint64_t)1 << 53;
    uint64_t id = 0;

    if (text.len == 0 || text.len > 16 || text.base[0] == '0')
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return 0;
        id = id * 10 + (uint64_t)(text.base[i] - '0');
    }
    return id <= most ? id : 0;
}

static bool is_plain(eio_slice text)
{
    if (text.len == 0 || text.len > CHAT_MOST_ROOM_ID)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '_' || c == '-'))
            return false;
    }
    return true;
}

chat_room_id chat_room_id_read(eio_slice text)
{
    chat_room_id room = { CHAT_ROOM_NONE, 0, 0 };
    const char *colon = text.len == 0 ? NULL : memchr(text.base, ':', text.len);

    if (colon == NULL) {
        room.kind = is_plain(text) ? CHAT_ROOM_NAMED : CHAT_ROOM_NONE;
        return room;
    }
    size_t before = (size_t)(colon - text.base);
    room.low = chat_user_id((eio_slice){ text.base, before });
    room.high = chat_user_id((eio_slice){ colon + 1, text.len - before - 1 });
    if (room.low != 0 && room.high > room.low)
        room.kind = CHAT_ROOM_PRIVATE;
    return room;
}

bool chat_room_id_has(const chat_room_id *room, uint64_t user)
{
    return room->kind == CHAT_ROOM_PRIVATE && (room->low == user || room->high == user);
}

/* The characters up to `most`, and whether some of them can be seen. The text is UTF-8. */
static bool is_readable(eio_slice text, size_t most, bool controls)
{
    size_t characters = 0;
    bool seen = false;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];
        if ((c & 0xc0) != 0x80 && ++characters > most)
            return false;
        if (!controls && (c < 0x20 || c == 0x7f))
            return false;
        /* U+0080 to U+009F: controls, too */
        if (!controls && c == 0xc2 && i + 1 < text.len && (unsigned char)text.base[i + 1] < 0xa0)
            return false;
        /* U+00A0 and U+3000 are blanks as well */
        if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.base[i + 1] == 0xa0)
            i++;
        else if (c == 0xe3 && i + 2 < text.len && memcmp(text.base + i, "\xe3\x80\x80", 3) == 0)
            i += 2;
        else
            seen |= c > ' ' && c != 0x7f;
    }
    return seen;
}

bool chat_is_user_name(eio_slice text)
{
    return is_readable(text, CHAT_MOST_NAME, false);
}

bool chat_is_message_text(eio_slice text)
{
    return is_readable(text, CHAT_MOST_TEXT, true);
}
