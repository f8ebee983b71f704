/*
 * The adapter of all workers but the first, where the process is one server of a cluster: what must
 * leave the process is mailed to worker 0, whose adapter does it for all.
 */
#ifndef SOCKETIO_ADAPTER_WORKERS_H
#define SOCKETIO_ADAPTER_WORKERS_H

#include "socketio/adapter.h"

extern const sio_adapter_type sio_adapter_by_mail;

#endif
