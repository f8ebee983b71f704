#include "chat/demo/envelope.h"

#include <jansson.h>

#include "chat/json.h"
#include "socketio/socketio.h"

/* A short text without NULs. */
static bool read_text(char *out, size_t size, eio_slice json)
{
    eio_slice text = json.base == NULL ? json : sio_json_string(json, out, size - 1);

    if (text.base == NULL || text.len >= size || (text.len > 0 && memchr(text.base, 0, text.len)))
        return false;
    memmove(out, text.base, text.len);
    out[text.len] = '\0';
    return true;
}

bool chat_envelope_read(chat_envelope *out, eio_slice text)
{
    eio_slice server, type;
    const chat_json_field fields[] = { { "serverId", &server },
                                       { "type", &type },
                                       { "data", &out->data } };

    return chat_json_is_utf8(text) && sio_json_is_valid(text) &&
           chat_json_fields(text, fields, 3) && out->data.base != NULL && out->data.len > 0 &&
           out->data.base[0] == '{' && read_text(out->server, sizeof(out->server), server) &&
           read_text(out->type, sizeof(out->type), type);
}

char *chat_envelope_room(eio_slice id, eio_slice low, eio_slice high)
{
    json_t *shown = json_pack("{s:s%, s:[[s%], [s%]]}", "id", id.base, id.len, "names", low.base,
                              low.len, high.base, high.len);
    char *json = shown == NULL ? NULL : json_dumps(shown, JSON_COMPACT);

    json_decref(shown);
    return json;
}
