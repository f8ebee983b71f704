/* What adapters do in this process: on this loop, and by mail on those of the other workers. */
#include "socketio/broadcast.h"
#include "socketio/here.h"
#include "socketio/namespace.h"
#include "socketio/recovery.h"
#include "socketio/workers/siblings.h"

static const sio_target *or_everybody(const sio_target *target)
{
    return target == NULL ? &sio_everybody : target;
}

int sio_local_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target)
{
    const bool is_logged = nsp->recovery != NULL && (target->flags & SIO_VOLATILE) == 0;
    const uint64_t serial = is_logged ? sio_recovery_serial(nsp->recovery) : 0;
    int rc = sio_here_broadcast(nsp, message, target);

    return rc != EIO_OK ? rc : sio_siblings_broadcast(nsp, message, target, serial);
}

int sio_local_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    int rc = sio_here_join(nsp, target, rooms);

    return rc != EIO_OK ? rc : sio_siblings_join(nsp, or_everybody(target), rooms);
}

int sio_local_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms)
{
    int rc = sio_here_leave(nsp, target, rooms);

    return rc != EIO_OK ? rc : sio_siblings_leave(nsp, or_everybody(target), rooms);
}

int sio_local_disconnect(sio_namespace *nsp, const sio_target *target, bool close)
{
    int rc = sio_here_disconnect(nsp, target, close);

    return rc != EIO_OK ? rc : sio_siblings_disconnect(nsp, or_everybody(target), close);
}

int sio_local_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather)
{
    int rc = sio_here_fetch(nsp, target, gather);

    return rc != EIO_OK ? rc : sio_siblings_fetch(nsp, or_everybody(target), gather);
}

int sio_local_count(sio_namespace *nsp, const sio_target *target, sio_gather *gather)
{
    target = or_everybody(target);
    sio_gather_add_count(gather, sio_here_count(nsp, target));
    return sio_siblings_count(nsp, target, gather);
}

int sio_local_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                            sio_args args, sio_gather *gather)
{
    target = or_everybody(target);
    int rc = sio_here_emit_with_ack(nsp, target, name, args, gather);
    return rc != EIO_OK ? rc : sio_siblings_emit_with_ack(nsp, target, name, args, gather);
}

/* One process is one server of the cluster: worker 0, whose adapter has heard of it, replies for all. */
void sio_local_server_side(sio_namespace *nsp, eio_slice name, sio_args args,
                           sio_server_reply *reply)
{
    sio_here_server_side(nsp, name, args, reply);
    (void)sio_siblings_server_side(nsp, name, args, NULL);
}
