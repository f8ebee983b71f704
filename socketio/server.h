/*
 * The server: its namespaces and limits, and the work that has to wait for the loop. No call of the
 * application calls it back: sockets that leave or whose middleware answered late, and acks that
 * ended, are put on a list, which is walked at the end of each message from a client and before the
 * loop sleeps.
 */
#ifndef SOCKETIO_SERVER_H
#define SOCKETIO_SERVER_H

#include "engineio/net/loop.h"
#include "engineio/net/table.h"
#include "socketio/ack.h"
#include "socketio/client_files.h"
#include "socketio/dynamic.h"
#include "socketio/event.h"
#include "socketio/gather.h"
#include "socketio/handlers.h"
#include "socketio/packet.h"
#include "socketio/parser.h"
#include "socketio/room_events.h"
#include "socketio/socketio.h"

struct sio_server {
    eio_server *engine;
    eio_http_server *http;
    eio_loop *loop; /* counted */
    const struct sio_adapter_type *adapter;
    const sio_parser *parser;
    void *adapter_data;         /* borrowed */
    struct sio_sibling *member; /* of the servers on all workers; NULL: it stands alone */
    sio_namespace *main;        /* "/": in the table too */
    eio_table namespaces;
    sio_dynamic dynamic;
    sio_namespace *new_head; /* namespaces that were not announced yet */
    sio_namespace **new_end;
    sio_callbacks new_namespace;
    eio_deadline_queue joining;      /* clients without a namespace yet */
    size_t joining_count;            /* of them */
    eio_deadline_queue recovering;   /* lost sessions */
    eio_deadline_queue log_expiries; /* logs of events, for those sessions */
    sio_recovery_options recovery;   /* max_disconnection_ms 0: none */
    sio_timeouts timeouts;
    sio_ack_list ended_acks; /* in a call of the application: called back from the loop */
    sio_gathers gathers;
    sio_gathers ended_gathers;
    sio_event_list ready_events; /* answered late by a middleware */
    sio_room_notes room_notes;   /* for sio_on_room */
    eio_late late;
    sio_socket *due_head; /* a reference each */
    sio_socket *due_tail;
    const struct sio_client *closing_client; /* whose session's on_close runs */
    const char *close_detail;                /* what the engine said about it */
    uint64_t mark;                           /* number of the last broadcast that marked sockets */
    sio_counters counters;
    sio_client_files files;
    size_t max_joining;
    size_t max_namespaces;
    size_t max_rooms;
    size_t max_pending_acks;
    size_t max_held_events;
    eio_options
        hooks; /* the engine's options, copied: the application's callbacks and their data */
    sio_log_cb *on_log;
    void *data;
    const struct sio_adapter_type *cluster; /* that worker 0 has, and speaks for all with */
    const struct sio_letter
        *speaking_for; /* what its adapter is doing, for the worker that wrote this */
    bool cleanup_children;
    bool has_doomed; /* a namespace is */
    bool is_closing;
    void (*on_closed)(void *data);
    void *closed_data;
    sio_decoder decoder;
};

/* Give the socket its turn (sio_socket_run_due) from the loop. At most once a turn. */
void sio_server_schedule(sio_server *server, sio_socket *socket);
/* See that what is due is run before the loop sleeps. */
void sio_server_wake(sio_server *server);
/* Run what is due. Only from the loop, never under a call of the application. */
void sio_server_run_all_due(sio_server *server);
/* The same. Whatever puts something on a list wakes the server: if it was not woken, all are empty. */
static inline void sio_server_run_due(sio_server *server)
{
    if (eio_late_is_waiting(&server->late))
        sio_server_run_all_due(server);
}

/* A line for the log; costs nothing when nobody listens. */
void sio_server_log(sio_server *server, char level, const char *format, ...) EIO_PRINTF(3, 4);

/* Make a child of a parent, and announce it. From the loop. NULL: it cannot be made. */
sio_namespace *sio_server_add_child(sio_server *server, sio_namespace *parent, eio_slice name);
/* If it is a child that nobody needs any more, it goes at the end of this turn. */
void sio_server_check_empty(sio_namespace *nsp);

/* Borrowed; NULL if there is none of that name. */
sio_namespace *sio_server_find_namespace(const sio_server *server, eio_slice name);

#endif
