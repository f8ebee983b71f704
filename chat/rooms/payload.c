#include "chat/rooms/payload.h"

bool chat_payload_read(chat_payload *out, eio_slice json)
{
    const chat_json_field fields[] = {
        { "roomId", &out->room_id },
        { "username", &out->username },
        { "message", &out->message },
        { "limit", &out->limit },
    };

    return chat_json_fields(json, fields, sizeof(fields) / sizeof(fields[0]));
}
