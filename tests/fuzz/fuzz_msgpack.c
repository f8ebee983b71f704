/*
 * A value becomes JSON of bounded size, and that the same JSON again by way of what we write. A
 * packet becomes the same packet again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "engineio/websocket/utf8.h"
#include "socketio/json_scan.h"
#include "socketio/msgpack.h"
#include "socketio/packet_msgpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_BINARIES = 16, GROWTH = 20 };

static sio_decoder decoder, second;

static int to_json(eio_buffer **json, eio_buffer **attachments, size_t *count, eio_slice *in)
{
    eio_slice items[MOST_BINARIES];
    sio_msgpack_binaries binaries = { items, MOST_BINARIES, 0 };

    *json = eio_buffer_new(0);
    int rc = sio_msgpack_to_json(json, &binaries, in);
    *count = 0;
    for (size_t i = 0; rc == EIO_OK && i < binaries.count; i++)
        attachments[(*count)++] = eio_buffer_copy(items[i]);
    return rc;
}

static void free_all(eio_buffer **attachments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        eio_buffer_unref(attachments[i]);
}

/* Numbers that JSON does not have, and half pairs, change on the way; then no more. */
static void check_again(eio_slice json, eio_buffer *const *attachments, size_t count)
{
    eio_buffer *copies[MOST_BINARIES];
    eio_buffer *bytes = eio_buffer_new(0);
    eio_buffer *again;
    size_t found;

    int rc = sio_msgpack_put_json(&bytes, json, attachments, count);
    assert(rc == EIO_OK || (rc == EIO_E_INVALID && count > 0)); /* data like a placeholder */
    if (rc == EIO_OK) {
        eio_slice in = eio_buffer_slice(bytes);
        assert(in.len <= 3 * json.len + 9 || count > 0);
        rc = to_json(&again, copies, &found, &in);
        assert(rc == EIO_OK || (rc == EIO_E_LIMIT && count > 0));
        if (rc == EIO_OK && count == 0 && memmem(json.base, json.len, "\\ud", 3) == NULL)
            assert(eio_slice_equal(json, eio_buffer_slice(again)));
        free_all(copies, found);
        eio_buffer_unref(again);
    }
    eio_buffer_unref(bytes);
}

static void check_value(eio_slice bytes)
{
    eio_buffer *attachments[MOST_BINARIES];
    eio_buffer *json;
    eio_slice in = bytes, skipped = bytes;
    size_t count;

    int rc = to_json(&json, attachments, &count, &in);
    if (rc == EIO_OK) {
        eio_slice text = eio_buffer_slice(json);
        assert(sio_msgpack_skip(&skipped) == EIO_OK && skipped.len == in.len);
        assert(text.len <= GROWTH * (bytes.len - in.len));
        assert(eio_utf8_is_valid(text) && sio_json_check(text) == EIO_OK);
        check_again(text, attachments, count);
        free_all(attachments, count);
    }
    eio_buffer_unref(json);
}

static int encode(sio_encoded *out, const sio_packet *packet)
{
    if (packet->type == SIO_EVENT)
        return sio_msgpack_encode_event(out, packet->nsp, packet->has_id, packet->id, packet->name,
                                        packet->args);
    return sio_msgpack_encode_ack(out, packet->nsp, packet->id, packet->args);
}

static void check_packet(eio_slice bytes)
{
    sio_packet packet, again;
    sio_encoded out;

    if (sio_msgpack_decode(&packet, &decoder, bytes) != SIO_DECODE_PACKET)
        return;
    assert(packet.nsp.len <= SIO_NSP_MAX_BYTES && packet.id <= SIO_ACK_ID_MAX);
    assert(packet.args.count <= SIO_ARGS_MAX && packet.name.len <= SIO_EVENT_NAME_MAX_BYTES);
    assert(packet.args.attachment_count <= SIO_ATTACHMENTS_MAX);
    if (packet.type == SIO_EVENT || packet.type == SIO_ACK) {
        assert(encode(&out, &packet) == EIO_OK);
        sio_decode_result result = sio_msgpack_decode(&again, &second, eio_buffer_slice(out.text));
        assert(result == SIO_DECODE_PACKET || packet.args.attachment_count > 0);
        if (packet.args.attachment_count == 0) {
            assert(again.type == packet.type && again.id == packet.id);
            assert(eio_slice_equal(again.nsp, packet.nsp));
            assert(eio_slice_equal(again.name, packet.name));
            assert(again.args.count == packet.args.count);
        }
        if (result == SIO_DECODE_PACKET)
            sio_packet_fini(&again);
        eio_buffer_unref(out.text);
    }
    sio_packet_fini(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);

    if (copy == NULL)
        return 0;
    if (len > 0)
        memcpy(copy, bytes, len);
    sio_decoder_init(&decoder, 1 << 20);
    sio_decoder_init(&second, 1 << 20);
    check_value((eio_slice){ copy, len });
    check_packet((eio_slice){ copy, len });
    free(copy);
    return 0;
}
