/*
 * What servers with the sharded and the streams adapter tell each other: {type, data, uid, nsp}. As
 * JSON text, as msgpack, or as the fields of a stream's entry whose data is JSON text or the base64
 * of msgpack. Pure. Expected load: each message to and from other servers.
 */
#ifndef SOCKETIO_ADAPTER_CLUSTER_MESSAGE_H
#define SOCKETIO_ADAPTER_CLUSTER_MESSAGE_H

#include "socketio/adapter/opts.h"

/* The numbers of the wire; 1, 2 and 13 are heartbeats and farewells of old servers. */
typedef enum sio_cluster_type {
    SIO_CLUSTER_BROADCAST = 3,
    SIO_CLUSTER_JOIN = 4,
    SIO_CLUSTER_LEAVE = 5,
    SIO_CLUSTER_DISCONNECT = 6,
    SIO_CLUSTER_FETCH = 7,
    SIO_CLUSTER_FOUND = 8,
    SIO_CLUSTER_SERVER_SIDE = 9,
    SIO_CLUSTER_REPLY = 10,
    SIO_CLUSTER_CLIENT_COUNT = 11,
    SIO_CLUSTER_ACK = 12,
} sio_cluster_type;

/* ---- reading ---- */

/* One that came; all slices borrow from what it owns. */
typedef struct sio_cluster_message {
    uint32_t type; /* a sio_cluster_type, or none that is known */
    sio_wire wire;
    eio_slice data; /* a part of the wire: a JSON object */
    sio_wire_string uid, nsp, request_id;
    eio_slice
        offset; /* borrowed: what clients are told of an event; {NULL, 0}: nothing. The caller's */
} sio_cluster_message;

/*
 * JSON if it begins with a brace, else msgpack. EIO_OK; EIO_E_PROTOCOL: not of this form; or as
 * sio_wire_read. Nothing to free unless EIO_OK.
 */
int sio_cluster_read(sio_cluster_message *out, eio_slice bytes);
int sio_cluster_read_msgpack(sio_cluster_message *out, eio_slice bytes);

/* The fields of an entry; absent is {NULL, 0}. */
typedef struct sio_cluster_fields {
    eio_slice uid, nsp, type, data;
} sio_cluster_fields;

/* As sio_cluster_read; uid and nsp borrow from the fields. */
int sio_cluster_read_entry(sio_cluster_message *out, const sio_cluster_fields *fields);
void sio_cluster_message_fini(sio_cluster_message *message);

/* The base64 of msgpack, in either alphabet, padded or not. As sio_wire_read_msgpack. */
int sio_wire_read_base64(sio_wire *out, eio_slice text);

/* ---- writing: the data of each type ---- */

/* Whose request it is, and how long it waits; request_id {NULL, 0}: no answer is wanted. */
typedef struct sio_cluster_question {
    eio_slice request_id;
    uint64_t timeout_ms;
} sio_cluster_question;

void sio_cluster_write_broadcast(sio_writer *to, const sio_target *target, eio_slice name,
                                 sio_args args, const sio_cluster_question *question);
/* Join or leave. */
void sio_cluster_write_rooms(sio_writer *to, const sio_target *target, sio_rooms rooms);
void sio_cluster_write_disconnect(sio_writer *to, const sio_target *target, bool close);
/* only_count: see sio_write_count_wish. */
void sio_cluster_write_fetch(sio_writer *to, const sio_target *target, eio_slice request_id,
                             bool only_count);
/* request_id {NULL, 0}: no reply is wanted. */
void sio_cluster_write_server_side(sio_writer *to, eio_slice name, sio_args args,
                                   eio_slice request_id);
void sio_cluster_write_count(sio_writer *to, eio_slice request_id, size_t count);
/* An acknowledgement or reply: the first argument, if there is one. */
void sio_cluster_write_answer(sio_writer *to, eio_slice request_id, sio_args args);

/* ---- writing: the whole ---- */

typedef struct sio_cluster_outgoing {
    sio_cluster_type type;
    eio_slice to;             /* the uid of who asked; {NULL, 0}: everybody */
    const sio_target *target; /* of a broadcast without acknowledgement, else NULL */
    const sio_writer *data;
    eio_buffer *const *attachments; /* what placeholders in the data stand for */
    size_t attachment_count;
} sio_cluster_outgoing;

/* JSON text without, msgpack with attachments; new. EIO_OK, the writer's rc, EIO_E_INVALID … */
int sio_cluster_encode(eio_buffer **out, const sio_cluster_outgoing *message, eio_slice uid,
                       eio_slice nsp);
int sio_cluster_encode_msgpack(eio_buffer **out, const sio_cluster_outgoing *message, eio_slice uid,
                               eio_slice nsp);
/* The field `data` of an entry. only_plain: binary as plain JSON, never base64. As above. */
int sio_cluster_encode_entry(eio_buffer **out, const sio_cluster_outgoing *message,
                             bool only_plain);

/* The base64 of bytes, new; NULL: no memory. */
eio_buffer *sio_base64_of(eio_slice bytes);

#endif
