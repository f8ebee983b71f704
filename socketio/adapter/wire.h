/*
 * Messages between servers as JSON text, whatever they travel as. Read: msgpack becomes text, with placeholders for
 * binary; JSON is checked, and what is no UTF-8 repaired. Written: text is put together in order, and becomes msgpack
 * as a whole with sio_msgpack_put_json. So there is one form to look at and one to build. Pure. Expected load: each
 * message to and from other servers.
 */
#ifndef SOCKETIO_ADAPTER_WIRE_H
#define SOCKETIO_ADAPTER_WIRE_H

#include <stdint.h>

#include "socketio/adapter.h"

/* ---- reading ---- */

/* One value that came. */
typedef struct sio_wire {
    eio_buffer *json;         /* own: its text */
    eio_buffer **attachments; /* own: what placeholders in it stand for */
    size_t attachment_count;
} sio_wire;

/*
 * All of the bytes are one value. EIO_OK; EIO_E_PROTOCOL: they are not; EIO_E_TOO_BIG: nested too deeply; EIO_E_LIMIT:
 * too many binaries; EIO_E_NOMEM. Nothing to free unless EIO_OK.
 */
int sio_wire_read_msgpack(sio_wire *out, eio_slice bytes);
int sio_wire_read_json(sio_wire *out, eio_slice bytes);
/* JSON if it begins with a brace, else msgpack. */
int sio_wire_read(sio_wire *out, eio_slice bytes);
void sio_wire_fini(sio_wire *wire);

static inline eio_slice sio_wire_text(const sio_wire *wire)
{
    return eio_buffer_slice(wire->json);
}

/* A member as a string: its value in `memory` (own heap, may be NULL), {NULL, 0} if it is none. For uids and such. */
typedef struct sio_wire_string {
    eio_slice value;
    char *memory;
} sio_wire_string;

/* EIO_OK (also for what is no string) or EIO_E_NOMEM. A number is its digits. */
int sio_wire_string_read(sio_wire_string *out, eio_slice json);
void sio_wire_string_fini(sio_wire_string *string);

/* A whole number from 0 on that is written plainly; false: it is none, or beyond UINT32_MAX. */
bool sio_wire_read_number(uint32_t *out, eio_slice json);

/* ---- writing ---- */

/* Text that is put together. All zeros is an empty one; the first failure stays. */
typedef struct sio_writer {
    eio_buffer *json; /* own */
    int rc;
} sio_writer;

void sio_write(sio_writer *to, eio_slice text);
/* As JSON.stringify prints it. What is no UTF-8 is repaired: peers die of it. */
void sio_write_string(sio_writer *to, eio_slice value);
void sio_write_number(sio_writer *to, uint64_t value);
/* A JSON text in which binary becomes {"type":"Buffer","data":[…]}: for what is never msgpack. */
void sio_write_plain(sio_writer *to, eio_slice json, eio_buffer *const *attachments, size_t count);
void sio_writer_fini(sio_writer *writer);

/* What was written as msgpack, new in *out: writer->rc, or as sio_msgpack_put_json. */
int sio_writer_to_msgpack(eio_buffer **out, const sio_writer *writer,
                          eio_buffer *const *attachments, size_t count);

#endif
