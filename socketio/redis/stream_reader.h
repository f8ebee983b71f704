/*
 * Reads one Redis stream from now on, entry after entry, on a link of its own, because XREAD blocks.
 * It goes on where it was after each interruption, and past every entry, good or bad. Expected
 * load: one a process, tens of thousands of entries a second.
 */
#ifndef SOCKETIO_REDIS_STREAM_READER_H
#define SOCKETIO_REDIS_STREAM_READER_H

#include "socketio/redis/settings.h"

enum { SIO_STREAM_ID_MAX = 41 }; /* two numbers of 64 bits, a dash, NUL */

typedef struct sio_stream_reader sio_stream_reader;

/* Static table, borrowed for ever. */
typedef struct sio_stream_handler {
    /* One entry: fields are names and values in turn. Borrowed until it returns. */
    void (*on_entry)(eio_slice id, const sio_redis_reply *fields, size_t count, void *data);
    /* It stands at the stream's end, and nothing that is added from now on is missed; or not so. */
    void (*on_ready)(bool is_ready, const char *why, void *data);
    void (*on_log)(char level, const char *line, void *data);
} sio_stream_handler;

typedef struct sio_stream_options {
    eio_slice name; /* copied */
    uint64_t block_ms;
    size_t read_count;
} sio_stream_options;

/* settings: shared. In a cluster it goes to the node of its stream. EIO_OK or EIO_E_NOMEM. */
int sio_stream_reader_new(sio_stream_reader **out, uv_loop_t *loop, sio_redis_settings *settings,
                          const sio_stream_options *options, const sio_stream_handler *handler,
                          void *data);

/* Taken; no more callbacks but on_closed. */
void sio_stream_reader_close(sio_stream_reader *reader, void (*on_closed)(void *data), void *data);

/* The entry that was read last, or after which it began; zeros: it has not begun. */
void sio_stream_reader_position(uint64_t out[2], const sio_stream_reader *reader);

/* Whether it is an entry's id: <digits>-<digits>, in `out` as two numbers. */
bool sio_stream_id_read(uint64_t out[2], eio_slice text);
bool sio_stream_id_is_before(const uint64_t a[2], const uint64_t b[2]);

#endif
