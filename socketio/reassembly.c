#include "socketio/reassembly.h"

#include <stdlib.h>

#include "engineio/net/buffer_private.h"
#include "socketio/placeholder.h"

const eio_slice sio_root_nsp = { "/", 1 };

static const char too_large[] = "binary packet is too large";

struct sio_reassembly {
    sio_packet packet; /* its slices borrow from here */
    size_t wanted;
    size_t bytes_left;   /* of what the decoder allows */
    eio_buffer *payload; /* of a packet that was no text; NULL: it stands below */
    eio_buffer *attachments[SIO_ATTACHMENTS_MAX];
    eio_slice args[]; /* then the text, then the decoded name */
};

static const char *check_placeholders(eio_slice payload, size_t attachments)
{
    sio_placeholders list;
    const char *fault = NULL;

    sio_placeholders_init(&list);
    if (sio_placeholders_find(&list, &payload, payload.len == 0 ? 0 : 1) != EIO_OK)
        fault = eio_strerror(EIO_E_NOMEM);
    for (size_t i = 0; i < list.count && fault == NULL; i++) {
        if (list.items[i].num >= attachments)
            fault = "illegal attachments";
    }
    sio_placeholders_fini(&list);
    return fault;
}

/* The same place in a copy of the text. */
static void rebase(eio_slice *slice, const char *from, const char *to)
{
    slice->base = to + (slice->base - from);
}

static void copy_packet(sio_reassembly *self, const sio_packet *packet, eio_slice text,
                        bool name_apart)
{
    sio_packet *copy = &self->packet;
    char *copied = (char *)(self->args + packet->args.count);

    memcpy(copied, text.base, text.len);
    *copy = *packet;
    copy->args.json = self->args;
    for (size_t i = 0; i < packet->args.count; i++) {
        self->args[i] = packet->args.json[i];
        rebase(&self->args[i], text.base, copied);
    }
    if (packet->nsp.base != sio_root_nsp.base)
        rebase(&copy->nsp, text.base, copied);
    if (packet->payload.base != NULL)
        rebase(&copy->payload, text.base, copied);
    if (name_apart) {
        copy->name.base = copied + text.len;
        memcpy(copied + text.len, packet->name.base, packet->name.len);
    } else if (packet->name.base != NULL) {
        rebase(&copy->name, text.base, copied);
    }
}

const char *sio_reassembly_new(sio_reassembly **out, const sio_decoder *decoder,
                               const sio_packet *packet, eio_slice text, size_t attachments)
{
    bool name_apart = packet->name.base == decoder->name; /* it had escapes */

    if (text.len > decoder->max_packet_bytes)
        return too_large;
    const char *fault = check_placeholders(packet->payload, attachments);
    if (fault != NULL)
        return fault;
    size_t args_bytes = packet->args.count * sizeof(eio_slice);
    size_t text_bytes = text.len + (name_apart ? packet->name.len : 0);
    sio_reassembly *self = malloc(sizeof(*self) + args_bytes + text_bytes);
    if (self == NULL)
        return eio_strerror(EIO_E_NOMEM);
    copy_packet(self, packet, text, name_apart);
    self->packet.type = packet->type == SIO_BINARY_EVENT ? SIO_EVENT : SIO_ACK;
    self->packet.args.attachments = self->attachments;
    self->wanted = attachments;
    self->bytes_left = decoder->max_packet_bytes - text.len;
    self->payload = NULL;
    *out = self;
    return NULL;
}

/* Copy attachments into an empty one. */
static const char *copy_attachments(sio_reassembly *self, const eio_slice *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        self->attachments[i] = eio_buffer_copy_for_now(bytes[i]);
        if (self->attachments[i] == NULL)
            return eio_strerror(EIO_E_NOMEM);
        self->packet.args.attachment_count++;
    }
    return NULL;
}

const char *sio_reassembly_hold(sio_packet *packet, eio_buffer *payload, const eio_slice *bytes,
                                size_t count)
{
    sio_reassembly *self = calloc(1, sizeof(*self));
    const char *fault = eio_strerror(EIO_E_NOMEM);

    if (self == NULL) {
        eio_buffer_unref(payload);
        return fault;
    }
    self->payload = payload;
    fault = count == 0 ? NULL : check_placeholders(packet->payload, count);
    if (fault == NULL)
        fault = copy_attachments(self, bytes, count);
    if (fault != NULL) {
        sio_reassembly_free(self);
        return fault;
    }
    packet->held = self;
    packet->args.attachments = self->attachments;
    packet->args.attachment_count = count;
    return NULL;
}

/* Never inline: text would save registers for it. */
__attribute__((noinline)) sio_decode_result
sio_decode_binary(sio_packet *out, sio_decoder *decoder, sio_reassembly **pending, eio_slice bytes)
{
    sio_reassembly *self = *pending;

    if (self == NULL)
        return sio_decode_fail(decoder, "got binary data when not reconstructing a packet");
    if (bytes.len > self->bytes_left)
        return sio_decode_fail(decoder, too_large);
    eio_buffer *attachment = eio_buffer_copy_for_now(bytes);
    if (attachment == NULL)
        return sio_decode_fail(decoder, eio_strerror(EIO_E_NOMEM));
    self->bytes_left -= bytes.len;
    self->attachments[self->packet.args.attachment_count++] = attachment;
    if (self->packet.args.attachment_count < self->wanted)
        return SIO_DECODE_PENDING;
    *out = self->packet;
    out->held = self;
    *pending = NULL;
    return SIO_DECODE_PACKET;
}

void sio_packet_fini(sio_packet *packet)
{
    sio_reassembly_free(packet->held);
    packet->held = NULL;
}

void sio_reassembly_free(sio_reassembly *pending)
{
    if (pending == NULL)
        return;
    for (size_t i = 0; i < pending->packet.args.attachment_count; i++)
        eio_buffer_unref(pending->attachments[i]);
    eio_buffer_unref(pending->payload);
    free(pending);
}
