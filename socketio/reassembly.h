/*
 * A binary packet on its way in: its text, and the attachments that came so far. It owns all it
 * has, in one block beside the attachments. Expected load: one a binary packet, while it takes.
 */
#ifndef SOCKETIO_REASSEMBLY_H
#define SOCKETIO_REASSEMBLY_H

#include "socketio/packet.h"

/* What nsp is when the packet names none. */
extern const eio_slice sio_root_nsp;

/*
 * Keep a packet until its attachments are there. Its placeholders are checked now.
 *
 * out: new. packet, text: copied; it borrows from the text and the decoder. NULL, or what is wrong.
 */
const char *sio_reassembly_new(sio_reassembly **out, const sio_decoder *decoder,
                               const sio_packet *packet, eio_slice text, size_t attachments);

/*
 * Give a packet that came in one piece what it is to hold: packet->held is new.
 *
 * payload: taken; its JSON is packet->payload. bytes: the attachments, copied. NULL, or what is
 * wrong; packet->held is absent then.
 */
const char *sio_reassembly_hold(sio_packet *packet, eio_buffer *payload, const eio_slice *bytes,
                                size_t count);

/*
 * Check a payload, read the name and the arguments in it, and note all that in the packet.
 *
 * packet: in and out; its type says what it may hold. json: borrowed; not empty. NULL, or what is
 * wrong.
 */
const char *sio_packet_read_payload(sio_packet *packet, sio_decoder *decoder, eio_slice json);

/* Note why, and give SIO_DECODE_FAULT. */
static inline sio_decode_result sio_decode_fail(sio_decoder *decoder, const char *fault)
{
    decoder->fault = fault;
    return SIO_DECODE_FAULT;
}

#endif
