/*
 * What the servers of the other workers do for one of this worker: its part of every call that means this process. All
 * do nothing without siblings. As the functions of adapter.h with the same names; a gathering is held for each sibling.
 */
#ifndef SOCKETIO_WORKERS_SIBLINGS_H
#define SOCKETIO_WORKERS_SIBLINGS_H

#include "socketio/workers/letter.h"

bool sio_siblings_are_there(const sio_namespace *nsp);

/* serial: what sio_recovery_serial was when the message had been encoded; 0 without recovery. */
int sio_siblings_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target,
                           uint64_t serial);
int sio_siblings_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
int sio_siblings_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
int sio_siblings_disconnect(sio_namespace *nsp, const sio_target *target, bool close);
int sio_siblings_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather);
int sio_siblings_count(sio_namespace *nsp, const sio_target *target, sio_gather *gather);
int sio_siblings_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                               sio_args args, sio_gather *gather);
/* gather: NULL: no replies are wanted. */
int sio_siblings_server_side(sio_namespace *nsp, eio_slice name, sio_args args, sio_gather *gather);

/* Write to all siblings, or to the one with the cluster's adapter. nsp and family: filled in here. */
int sio_siblings_write(sio_namespace *nsp, sio_letter draft, sio_gather *gather);
int sio_hub_write(sio_namespace *nsp, sio_letter draft, sio_gather *gather);

#endif
