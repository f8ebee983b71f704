/*
 * What all adapters say of a broadcast: whom it is for, and the event itself. Read from and written as JSON text (see
 * wire.h). Pure. Expected load: each message to and from other servers.
 */
#ifndef SOCKETIO_ADAPTER_OPTS_H
#define SOCKETIO_ADAPTER_OPTS_H

#include "socketio/adapter/wire.h"

/* ---- names of rooms ---- */

typedef struct sio_names {
    sio_rooms rooms; /* borrows from memory */
    void *memory;    /* own */
} sio_names;

/*
 * An array of names; what is absent or null has none. Numbers are their digits, other values are passed over.
 * EIO_OK; EIO_E_PROTOCOL: something else than an array; EIO_E_NOMEM.
 */
int sio_names_read(sio_names *out, eio_slice json);
void sio_names_fini(sio_names *names);
/* An array of strings. */
void sio_write_rooms(sio_writer *to, sio_rooms rooms);

/* ---- {rooms, except, flags} ---- */

typedef struct sio_opts {
    sio_target target;   /* SIO_VOLATILE and SIO_NO_COMPRESS; borrows from the names */
    uint32_t timeout_ms; /* flags.timeout; 0: none */
    sio_names rooms, except;
} sio_opts;

/* EIO_OK; EIO_E_PROTOCOL: no object, or not of this form; EIO_E_NOMEM. */
int sio_opts_read(sio_opts *out, eio_slice json);
void sio_opts_fini(sio_opts *opts);

/* {"rooms":[…],"except":[…],"flags":{…}}; timeout_ms: 0 for none. */
void sio_write_opts(sio_writer *to, const sio_target *target, uint64_t timeout_ms);
/* The same without flags. */
void sio_write_short_opts(sio_writer *to, const sio_target *target);

/* ---- [event, …args] ---- */

typedef struct sio_wire_event {
    eio_slice name;
    sio_args args; /* borrows from the wire and memory */
    void *memory;  /* own */
} sio_wire_event;

/* json: a part of the wire. EIO_OK; EIO_E_PROTOCOL: no array that begins with a name; EIO_E_NOMEM. */
int sio_wire_event_read(sio_wire_event *out, const sio_wire *wire, eio_slice json);
void sio_wire_event_fini(sio_wire_event *event);
/* Placeholders stay as they are: the attachments are args.attachments. */
void sio_write_event(sio_writer *to, eio_slice name, sio_args args);
/* The same with binary as plain JSON: see sio_write_plain. */
void sio_write_plain_event(sio_writer *to, eio_slice name, sio_args args);

#endif
