#include "socketio/metrics_private.h"
#include "socketio/redis.h"

void sio_figures_add_bus(sio_figures *figures, const sio_redis_bus *bus)
{
    const sio_redis_bus_counters counters = sio_redis_bus_count(bus);

    figures->redis_published += counters.published;
    figures->redis_received += counters.received;
    figures->redis_dropped += counters.dropped;
    figures->redis_bad += counters.bad;
    figures->redis_gaps += counters.lost;
}
