/*
 * Figures for a monitor: what servers count, summed over all workers, in the text format of Prometheus.
 */
#ifndef SOCKETIO_METRICS_H
#define SOCKETIO_METRICS_H

#include "socketio/workers.h"

/** The figures of one loop. */
typedef struct sio_metrics sio_metrics;

/** Where they come from; each may be NULL. Borrowed until sio_metrics_free. */
typedef struct sio_metrics_sources {
    sio_worker *worker; /**< NULL: there is but this loop */
    eio_http_server *http;
    eio_server *engine; /**< one without Socket.IO */
    sio_server *server;
    struct sio_redis_bus *bus;
} sio_metrics_sources;

/**
 * Make them; with workers, once in the setup of each.
 *
 * @param out      new; sio_metrics_free it before any of the sources is closed
 * @param sources  copied
 * @return EIO_OK, EIO_E_EXISTS (this worker has some) or EIO_E_NOMEM
 * @note Loop thread, as all of these.
 */
EIO_API int sio_metrics_new(sio_metrics **out, const sio_metrics_sources *sources);
/** The sources are about to go. @param metrics taken; may be NULL */
EIO_API void sio_metrics_free(sio_metrics *metrics);

/**
 * Answer a request with all figures, once every worker has told its own: one that is busy makes it wait.
 *
 * @param request  as in its handler: nothing was done with it yet
 */
EIO_API void sio_metrics_respond(const sio_metrics *metrics, eio_http_request *request);

#endif
