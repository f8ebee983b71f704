/*
 * This loop's part of what adapter.h's functions of the same names do in this process.
 */
#ifndef SOCKETIO_HERE_H
#define SOCKETIO_HERE_H

#include "socketio/adapter.h"

int sio_here_broadcast(sio_namespace *nsp, const sio_message *message, const sio_target *target);
int sio_here_join(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
int sio_here_leave(sio_namespace *nsp, const sio_target *target, sio_rooms rooms);
int sio_here_disconnect(sio_namespace *nsp, const sio_target *target, bool close);
int sio_here_fetch(sio_namespace *nsp, const sio_target *target, sio_gather *gather);
size_t sio_here_count(sio_namespace *nsp, const sio_target *target);
int sio_here_emit_with_ack(sio_namespace *nsp, const sio_target *target, eio_slice name,
                           sio_args args, sio_gather *gather);
void sio_here_server_side(sio_namespace *nsp, eio_slice name, sio_args args,
                          sio_server_reply *reply);

#endif
