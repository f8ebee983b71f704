/*
 * More than one core: workers, each a thread with its own loop, listener and servers. They share nothing, and are one
 * server to their clients: rooms, broadcasts, acknowledgements and sessions are those of the whole process, and a
 * client needs no sticky balancer. See docs/guide.md, Workers.
 *
 *     static int set_up(sio_worker *worker, uv_loop_t *loop, void *data, eio_error *why)
 *     {
 *         ... eio_http_server_new(&mine->http, loop, NULL);
 *         options.worker = worker;
 *         ... sio_server_new(&mine->io, mine->http, &options, why);
 *         return sio_worker_listen(worker, mine->http, &listen, why);
 *     }
 *
 * What the application keeps in one worker the others do not see: what they must see belongs in a store.
 */
#ifndef SOCKETIO_WORKERS_H
#define SOCKETIO_WORKERS_H

#include "socketio/socketio.h"

/** All workers of a process, seen from the loop that started them. */
typedef struct sio_workers sio_workers;
/** One of them, seen from its own thread. */
typedef struct sio_worker sio_worker;

enum { SIO_WORKERS_MAX = 64 };

/** Numbers that are 0 mean the default. */
typedef struct sio_workers_options {
    size_t size; /**< set by sio_workers_options_init */
    unsigned
        count; /**< 1 to SIO_WORKERS_MAX; 0: one for each processor that this process may use */
    /**
     * Make the servers of one worker, on its thread; called one worker after the other, in their order. What it made
     * it has to close again itself if it fails.
     *
     * @param worker  borrowed until the worker has ended
     * @param loop    the worker's own; it runs when this has returned
     * @param why     says what failed; never NULL
     * @return EIO_OK; else sio_workers_start fails with it
     */
    int (*setup)(sio_worker *worker, uv_loop_t *loop, void *data, eio_error *why);
    /**
     * Close what setup made, on the worker's thread. The worker ends once nothing is left on its loop. Worker 0, which
     * speaks for all with other servers, is torn down when all others have ended.
     */
    void (*teardown)(sio_worker *worker, void *data);
    /**
     * 64 MiB of mail that one worker may leave unread. Above it broadcasts do not reach its clients any more, and
     * return EIO_E_BACKLOG to the other workers, until it has read on; everything else is still delivered.
     */
    size_t max_mail_bytes;
    void *data; /**< handed to setup and teardown; shared by all threads */
} sio_workers_options;

/** Fill with the defaults. @param options overwritten */
EIO_API void sio_workers_options_init(sio_workers_options *options);

/**
 * Start the workers. Blocks until all are set up; if one cannot be, those before it are torn down again. Their threads
 * take no signals.
 *
 * @param out      new; sio_workers_close it
 * @param loop     the owner's, which is told when they have ended; borrowed until closed
 * @param options  copied
 * @param why      may be NULL
 * @return EIO_OK, EIO_E_INVALID, EIO_E_NOMEM, libuv's code, or what setup returned
 */
EIO_API int sio_workers_start(sio_workers **out, uv_loop_t *loop,
                              const sio_workers_options *options, eio_error *why);

/** @return how many there are */
EIO_API unsigned sio_workers_count(const sio_workers *workers);

/**
 * Do something in one worker: from its loop, soon, in the order of the calls.
 *
 * @param index  0 to count - 1
 * @param run    called exactly once, whatever is returned: with the worker; or, on any thread and maybe before this
 *               returns, with NULL: it has ended, and there is but `data` to release
 * @param data   taken
 * @return EIO_OK; EIO_E_CLOSED once that worker has ended; EIO_E_NOMEM
 * @note Any thread, as long as the workers are not closed.
 */
EIO_API int sio_workers_post(sio_workers *workers, unsigned index,
                             void (*run)(sio_worker *worker, void *data), void *data);

/**
 * The same for what may be lost: it counts as mail, see max_mail_bytes.
 *
 * @param bytes  that `data` keeps in memory
 * @return as sio_workers_post; EIO_E_BACKLOG: that worker has left too much unread
 */
EIO_API int sio_workers_post_bytes(sio_workers *workers, unsigned index, size_t bytes,
                                   void (*run)(sio_worker *worker, void *data), void *data);

/**
 * Tear every worker down, worker 0 at last, and wait for their ends.
 *
 * @param workers    taken, may be NULL; a second call does nothing
 * @param on_closed  called once from the owner's loop, the last callback, with all threads joined; may be NULL
 * @note The owner's thread.
 */
EIO_API void sio_workers_close(sio_workers *workers, void (*on_closed)(void *data), void *data);

/* ---- in a worker, on its thread ---- */

EIO_API unsigned sio_worker_index(const sio_worker *worker);  /**< 0 to count - 1 */
EIO_API uv_loop_t *sio_worker_loop(const sio_worker *worker); /**< its own */
EIO_API sio_workers *
sio_worker_group(const sio_worker *worker); /**< all of them; for sio_workers_post */
/** @return bytes of mail from the others that were dropped at the bound, see max_mail_bytes */
EIO_API uint64_t sio_worker_dropped_bytes(const sio_worker *worker);

/**
 * Listen together with the other workers: each calls this in its setup, as often and in the same order as worker 0,
 * with the same options. A TCP port is bound by each (SO_REUSEPORT; worker 0 is refused a port that is taken; with
 * port 0 all get the one that worker 0 got); a unix socket or a descriptor is shared, and worker 0's alone to open.
 *
 * @param http     of this worker
 * @param options  `shared` and `shareable` are set here
 * @return as eio_http_server_listen; EIO_E_STATE if worker 0 has not listened so often
 */
EIO_API int sio_worker_listen(sio_worker *worker, eio_http_server *http,
                              const eio_listen_options *options, eio_error *why);

/**
 * Let an Engine.IO server that is used by itself share its sessions with those on the same path of the other workers.
 * A sio_server with sio_options.worker has done so.
 *
 * @param engine  borrowed until sio_worker_remove_engine; without sessions yet
 * @return EIO_OK, EIO_E_EXISTS or EIO_E_NOMEM
 */
EIO_API int sio_worker_add_engine(sio_worker *worker, eio_server *engine);
/** It is about to be closed. */
EIO_API void sio_worker_remove_engine(sio_worker *worker, const eio_server *engine);

#endif
