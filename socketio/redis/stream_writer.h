/*
 * Adds entries to one Redis stream, in the order of the calls and each once. Those that were on their way when the link
 * broke are looked for in the stream, and what is not there is sent again; the reader helps, since a Redis that comes
 * back empty cannot tell what it had handed out. Expected load: each message between servers.
 */
#ifndef SOCKETIO_REDIS_STREAM_WRITER_H
#define SOCKETIO_REDIS_STREAM_WRITER_H

#include "socketio/adapter/cluster_message.h"
#include "socketio/redis.h"

typedef struct sio_stream_writer sio_stream_writer;

/* The entry's id; {NULL, 0}: it may not be in the stream. Once, from the loop. */
typedef void sio_stream_added_cb(eio_slice id, void *data);

/* name: copied. EIO_OK or EIO_E_NOMEM. */
int sio_stream_writer_new(sio_stream_writer **out, sio_redis_bus *bus, eio_slice name,
                          size_t max_len);
/* Taken, once the bus has given up what waits; its memory goes with its last entry. May be NULL. */
void sio_stream_writer_close(sio_stream_writer *writer);

/* fields: copied. Called back in the order of the calls; callback may be NULL. */
void sio_stream_writer_add(sio_stream_writer *writer, const sio_cluster_fields *fields,
                           sio_stream_added_cb *callback, void *data);
/* An entry of ours is in the stream. */
void sio_stream_writer_note(sio_stream_writer *writer, eio_slice id,
                            const sio_cluster_fields *fields);

/* items: names and values in turn. What is not there is {NULL, 0}. Borrowed from them. */
void sio_stream_read_fields(sio_cluster_fields *out, const sio_redis_reply *items, size_t count);

#endif
