/* The figures behind metrics.h, for the file that knows Redis. */
#ifndef SOCKETIO_METRICS_PRIVATE_H
#define SOCKETIO_METRICS_PRIVATE_H

#include <stdint.h>

struct sio_redis_bus;

/* Nothing but numbers of this one type: they are added up in a loop. */
typedef struct sio_figures {
    uint64_t workers, connections, sessions, queued_bytes;
    uint64_t sessions_total, handshakes_refused, connects_refused;
    uint64_t slow_consumers, heartbeats, parse_errors, limits, time_outs;
    uint64_t connected, disconnected, events, packets, broadcasts, acks_timed_out;
    uint64_t volatile_dropped, mail_dropped_bytes;
    uint64_t redis_published, redis_received, redis_dropped, redis_bad, redis_gaps;
} sio_figures;

/* Of a link; none of it in a build without Redis. */
void sio_figures_add_bus(sio_figures *figures, const struct sio_redis_bus *bus);

#endif
