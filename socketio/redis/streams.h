/*
 * The streams of one bus: a reader for each, entries handed out by their namespace, and entries
 * that are added, each once. While Redis is away they wait, bounded in bytes and not in time.
 * Expected load: each message between servers.
 */
#ifndef SOCKETIO_REDIS_STREAMS_H
#define SOCKETIO_REDIS_STREAMS_H

#include "socketio/adapter/cluster_message.h"
#include "socketio/redis/settings.h"
#include "socketio/redis/stream_writer.h"

typedef struct sio_streams sio_streams;

/* A namespace that hears entries; embedded in who hears. */
typedef struct sio_stream_listener {
    eio_slice nsp; /* borrowed until it stops, as is */
    eio_slice uid; /* its own: entries with it are not handed out */
    /* All borrowed until it returns. */
    void (*on_entry)(struct sio_stream_listener *listener, eio_slice id,
                     const sio_cluster_fields *fields);
} sio_stream_listener;

typedef struct sio_streams_setup {
    sio_redis_bus *bus;
    sio_redis_settings *settings;                           /* shared */
    const sio_redis_streams_options *options;               /* copied */
    void (*on_change)(sio_redis_bus *bus, const char *why); /* ready or not; NULL: ready */
    void (*on_log)(sio_redis_bus *bus, char level, const char *line);
} sio_streams_setup;

/* As sio_redis_new. */
int sio_streams_new(sio_streams **out, uv_loop_t *loop, const sio_streams_setup *setup,
                    eio_error *why);
/* Taken; NULL: on_closed is called at once. Nobody listens any more. */
void sio_streams_close(sio_streams *streams, void (*on_closed)(void *data), void *data);
/* streams: NULL is ready. */
bool sio_streams_are_ready(const sio_streams *streams);
const sio_redis_streams_options *sio_streams_settings(const sio_streams *streams);

/* EIO_OK, EIO_E_EXISTS or EIO_E_NOMEM. */
int sio_streams_listen(sio_streams *streams, sio_stream_listener *listener);
void sio_streams_stop(sio_streams *streams, sio_stream_listener *listener);

/* fields: copied. Called back in the order of the calls; callback may be NULL. */
void sio_streams_add(sio_streams *streams, const sio_cluster_fields *fields,
                     sio_stream_added_cb *callback, void *data);
/* The entry of a namespace's stream that was read last: later ones are still to come. */
void sio_streams_position(uint64_t out[2], const sio_streams *streams, eio_slice nsp);
/* The stream of a namespace, as Node picks it: "<name>", or "<name>-<i>" of several. */
enum { SIO_STREAM_NAME_MAX = 300 };
size_t sio_stream_name(char out[SIO_STREAM_NAME_MAX], const sio_redis_streams_options *options,
                       eio_slice nsp);

#endif
