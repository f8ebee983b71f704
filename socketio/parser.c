#include "socketio/parser.h"

#include "socketio/packet_msgpack.h"
#include "socketio/protocol4.h"
#include "socketio/reassembly.h"

static sio_decode_result decode_json(sio_packet *out, sio_decoder *decoder,
                                     sio_reassembly **pending, eio_slice message, bool binary)
{
    return binary ? sio_decode_binary(out, decoder, pending, message)
                  : sio_decode_text(out, decoder, pending, message);
}

static sio_decode_result decode_msgpack(sio_packet *out, sio_decoder *decoder,
                                        sio_reassembly **pending, eio_slice message, bool binary)
{
    (void)pending;
    return binary ? sio_msgpack_decode(out, decoder, message)
                  : sio_decode_fail(decoder, "text where msgpack was expected");
}

static const sio_parser json = {
    .decode = decode_json,
    .encode_event = sio_packet_encode_event,
    .encode_ack = sio_packet_encode_ack,
    .encode_connect = sio_packet_encode_connect,
    .encode_connect_error = sio_packet_encode_connect_error,
    .encode_error4 = sio_protocol4_encode_error,
    .encode_disconnect = sio_packet_encode_disconnect,
};

static const sio_parser msgpack = {
    .packet_flags = EIO_SEND_BINARY,
    .decode = decode_msgpack,
    .encode_event = sio_msgpack_encode_event,
    .encode_ack = sio_msgpack_encode_ack,
    .encode_connect = sio_msgpack_encode_connect,
    .encode_connect_error = sio_msgpack_encode_connect_error,
    .encode_error4 = sio_msgpack_encode_error4,
    .encode_disconnect = sio_msgpack_encode_disconnect,
};

const sio_parser *sio_parser_of(sio_parser_kind kind)
{
    switch (kind) {
    case SIO_PARSER_JSON: return &json;
    case SIO_PARSER_MSGPACK: return &msgpack;
    }
    return NULL;
}
