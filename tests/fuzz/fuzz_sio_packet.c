/*
 * Frames, each a length byte (high bit: binary) and bytes. What is decoded is within the limits,
 * and comes back when it is encoded and decoded again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "socketio/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_BYTES = 4096 };

static sio_decoder decoder, second;

static sio_decode_result decode_again(sio_packet *out, const sio_encoded *encoded)
{
    sio_reassembly *pending = NULL;

    sio_decode_result result =
        sio_decode_text(out, &second, &pending, eio_buffer_slice(encoded->text));
    for (size_t i = 0; i < encoded->attachment_count; i++) {
        assert(result == SIO_DECODE_PENDING);
        result =
            sio_decode_binary(out, &second, &pending, eio_buffer_slice(encoded->attachments[i]));
    }
    assert(pending == NULL);
    return result;
}

static void check_round_trip(const sio_packet *packet)
{
    sio_encoded encoded;
    sio_packet again;
    int rc;

    if (packet->type == SIO_EVENT)
        rc = sio_packet_encode_event(&encoded, packet->nsp, packet->has_id, packet->id,
                                     packet->name, packet->args);
    else if (packet->type == SIO_ACK)
        rc = sio_packet_encode_ack(&encoded, packet->nsp, packet->id, packet->args);
    else
        return;
    assert(rc == EIO_OK);
    assert(decode_again(&again, &encoded) == SIO_DECODE_PACKET);
    assert(again.type == packet->type && eio_slice_equal(again.nsp, packet->nsp));
    assert(eio_slice_equal(again.name, packet->name) && again.id == packet->id);
    assert(again.args.count == packet->args.count);
    for (size_t i = 0; i < again.args.count && packet->args.attachment_count == 0; i++)
        assert(eio_slice_equal(again.args.json[i], packet->args.json[i]));
    assert(again.args.attachment_count <= packet->args.attachment_count);
    sio_packet_fini(&again);
    eio_buffer_unref(encoded.text);
}

static void check_packet(const sio_packet *packet)
{
    size_t attached = 0;

    assert(packet->args.count <= SIO_ARGS_MAX && packet->nsp.len <= SIO_NSP_MAX_BYTES);
    assert(packet->name.len <= SIO_EVENT_NAME_MAX_BYTES && packet->id <= SIO_ACK_ID_MAX);
    assert(packet->args.attachment_count <= SIO_ATTACHMENTS_MAX);
    for (size_t i = 0; i < packet->args.attachment_count; i++)
        attached += eio_buffer_slice(packet->args.attachments[i]).len;
    assert(attached <= MOST_BYTES);
    if (packet->payload.base != NULL)
        check_round_trip(packet);
}

static sio_decode_result feed(sio_reassembly **pending, const uint8_t *bytes, size_t len,
                              bool binary)
{
    char *copy = malloc(len == 0 ? 1 : len);
    sio_packet packet;

    if (copy == NULL)
        return SIO_DECODE_FAULT;
    if (len > 0)
        memcpy(copy, bytes, len);
    eio_slice frame = { copy, len };
    sio_decode_result result = binary ? sio_decode_binary(&packet, &decoder, pending, frame)
                                      : sio_decode_text(&packet, &decoder, pending, frame);
    if (result == SIO_DECODE_PACKET) {
        check_packet(&packet);
        sio_packet_fini(&packet);
    }
    assert((result == SIO_DECODE_PENDING) <= (*pending != NULL));
    free(copy);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    sio_reassembly *pending = NULL;
    sio_decode_result result = SIO_DECODE_PACKET;

    sio_decoder_init(&decoder, MOST_BYTES);
    sio_decoder_init(&second, 2 * MOST_BYTES);
    while (len > 0 && result != SIO_DECODE_FAULT) {
        bool binary = (*bytes & 0x80) != 0;
        size_t frame = *bytes & 0x7f;
        bytes++;
        len--;
        if (frame == 0x7f || frame > len)
            frame = len; /* all the rest */
        result = feed(&pending, bytes, frame, binary);
        bytes += frame;
        len -= frame;
    }
    sio_reassembly_free(pending);
    return 0;
}
