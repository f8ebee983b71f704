#include "socketio/json_scan.h"
#include "socketio/json_string.h"
#include "socketio/socketio.h"

int sio_json_append_string(eio_buffer **json, eio_slice text)
{
    size_t len = sio_json_string_encoded_len(text);
    char *to = eio_buffer_reserve(json, len);

    if (to == NULL)
        return EIO_E_NOMEM;
    (void)sio_json_string_encode(to, text);
    eio_buffer_commit(*json, len);
    return EIO_OK;
}

eio_slice sio_json_string(eio_slice json, char *out, size_t size)
{
    if (json.len < 2 || json.base[0] != '"')
        return (eio_slice){ NULL, 0 };
    if (!sio_json_string_has_escapes(json))
        return (eio_slice){ json.base + 1, json.len - 2 };
    if (json.len - 2 > size)
        return (eio_slice){ NULL, 0 };
    return (eio_slice){ out, sio_json_string_decode(out, json) };
}

bool sio_json_is_valid(eio_slice text)
{
    return sio_json_check(text) == EIO_OK;
}
