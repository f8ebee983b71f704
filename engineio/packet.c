#include "engineio/packet.h"

#include "engineio/net/base64.h"

int eio_packet_decode(eio_packet *out, char *text, size_t len)
{
    if (len == 0)
        return EIO_E_PROTOCOL;
    char *data = text + 1;
    if (*text == 'b') {
        size_t decoded = eio_base64_decode_lenient(data, (eio_slice){ data, len - 1 });
        *out = (eio_packet){ EIO_PACKET_MESSAGE, true, { data, decoded } };
        return EIO_OK;
    }
    if (*text < '0' || *text > '6')
        return EIO_E_PROTOCOL;
    *out = (eio_packet){ (eio_packet_type)(*text - '0'), false, { data, len - 1 } };
    return EIO_OK;
}
