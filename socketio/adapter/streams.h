/*
 * Redis streams: one cluster with @socket.io/redis-streams-adapter 0.3 and its emitter. Events and operations are
 * entries of a stream, which nobody misses who was away for a while; questions and answers are published. With
 * connection state recovery the id of its entry goes to the clients with each event, and Redis keeps the sessions of
 * those who lost their connection. Expected load: each event; once a lost connection.
 */
#ifndef SOCKETIO_ADAPTER_STREAMS_H
#define SOCKETIO_ADAPTER_STREAMS_H

#include <sys/queue.h>

#include "socketio/adapter/cluster.h"
#include "socketio/redis/streams.h"

typedef struct sio_late_event sio_late_event;
typedef struct sio_returning sio_returning;

typedef struct sio_streams_adapter {
    sio_cluster cluster; /* first */
    sio_streams *streams;
    sio_stream_listener listener;
    bool keeps_sessions;
    TAILQ_HEAD(, sio_late_event) late;  /* own events, until their ids are known */
    LIST_HEAD(, sio_returning) waiting; /* for an entry to come by the reader */
    uint64_t passed[2];                 /* the latest entry that was delivered here */
} sio_streams_adapter;

/* EIO_OK, or what the application's call is to return; then nothing is called back. As sio_streams_add. */
int sio_streams_adapter_add(sio_streams_adapter *adapter, const sio_cluster_outgoing *message,
                            sio_stream_added_cb *callback, void *data);
/* An entry has been delivered here. */
void sio_streams_adapter_pass(sio_streams_adapter *adapter, eio_slice id);

/* As sio_adapter_type.broadcast: to the stream, and to the clients here when its id is known. */
int sio_streams_broadcast_late(sio_streams_adapter *adapter, const sio_message *message,
                               const sio_target *target);
/* The adapter goes: what waits is not delivered. */
void sio_streams_drop_late(sio_streams_adapter *adapter);

/* As those of sio_adapter_type. */
void sio_streams_save_session(sio_adapter *adapter, const sio_session *session, uint64_t keep_ms);
int sio_streams_restore_session(sio_adapter *adapter, eio_slice pid, eio_slice offset,
                                sio_restore *restore);
/* An entry has passed: some may wait for it. */
void sio_streams_settle_sessions(sio_streams_adapter *adapter);
/* The adapter goes: nobody waits any more. */
void sio_streams_drop_sessions(sio_streams_adapter *adapter);

#endif
