/* A namespace: its sockets and rooms, and what the application registered for them. */
#ifndef SOCKETIO_NAMESPACE_H
#define SOCKETIO_NAMESPACE_H

#include "engineio/net/table.h"
#include "socketio/adapter.h"
#include "socketio/handlers.h"

struct sio_namespace {
    sio_server *server;
    sio_adapter *adapter;
    struct sio_recovery *recovery; /* NULL: none */
    sio_socket *returning;         /* restored by the adapter, with middlewares to come: a list */
    sio_socket **sockets;          /* dense, own heap: connected and leaving ones */
    uint32_t count;
    uint32_t capacity;
    uint32_t leaving; /* of these, how many are on their way out */
    eio_table by_id;  /* the same sockets */
    eio_table rooms;
    eio_table acks;
    uint64_t next_ack_id;
    sio_callbacks middlewares;
    sio_callbacks connection;
    sio_callbacks disconnecting;
    sio_callbacks disconnect;
    sio_callbacks error;
    sio_callbacks any;
    sio_callbacks filters;
    sio_callbacks outgoing;
    sio_callbacks room;
    sio_handlers events;
    sio_handlers server_events;
    sio_namespace *parent;   /* NULL: none */
    sio_matcher_cb *matcher; /* of a parent without a pattern */
    void *matcher_data;
    eio_buffer *pattern;     /* of a parent without a matcher */
    sio_namespace *next_new; /* of the server's list */
    uint32_t linked;         /* sockets of any state that clients have in here */
    bool is_parent;
    bool is_dynamic; /* a client asked for it */
    bool is_doomed;  /* a child that may be empty */
    size_t name_len;
    char name[];
};

/* name: begins with '/'; copied. EIO_OK, EIO_E_NOMEM or what the adapter says. */
int sio_namespace_new(sio_namespace **out, sio_server *server, const sio_adapter_type *type,
                      eio_slice name);
/* Take over what a parent has registered. EIO_OK or EIO_E_NOMEM. */
int sio_namespace_inherit(sio_namespace *child, sio_namespace *parent);
/* No socket may be in it any more. May be NULL. */
void sio_namespace_free(sio_namespace *nsp);

/* Put a connected socket into the tables. EIO_OK or EIO_E_NOMEM. */
int sio_namespace_add(sio_namespace *nsp, sio_socket *socket);
void sio_namespace_remove(sio_namespace *nsp, sio_socket *socket);

eio_slice sio_namespace_key(const void *item);

#endif
