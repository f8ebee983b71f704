/*
 * One Engine.IO session and its sockets, one a namespace. Everything a client sends comes through
 * here: packets are decoded, what breaks the protocol closes the session, the rest goes to the
 * socket that it is for. Expected load: a hundred thousand idle ones; with its first socket some
 * 250 bytes.
 */
#ifndef SOCKETIO_CLIENT_H
#define SOCKETIO_CLIENT_H

#include "engineio/net/deadline.h"
#include "socketio/ack.h"
#include "socketio/packet.h"
#include "socketio/socketio.h"

typedef enum sio_client_state {
    CLIENT_OPEN,
    CLIENT_CLOSING, /* we asked the session to close; what still comes is ignored */
    CLIENT_CLOSED,
    CLIENT_N_STATES,
} sio_client_state;

typedef struct sio_client {
    eio_session *session; /* counted, as long as the client's memory: for the handshake */
    sio_server *server;
    sio_client_state state;
    uint32_t refs;           /* one a socket, and one while the session is open */
    sio_socket *sockets;     /* in the order of their CONNECTs */
    sio_reassembly *pending; /* a binary packet that waits for attachments */
    sio_pending_acks acks;   /* of all its sockets, oldest first */
    eio_deadline joining;    /* waits until the first namespace is joined */
    uint64_t issued_ms;      /* when it came, since 1970 */
    uint32_t matches;        /* namespaces that it waits for, as long as they are not there */
} sio_client;

/* It came over Engine.IO v3. */
static inline bool sio_client_has_protocol4(const sio_client *client)
{
    return eio_session_protocol(client->session) == 3;
}

/* The engine has a new session: its handler is set, and an old client connected to `/`. */
void sio_client_open(sio_server *server, eio_session *session);
void sio_client_ref(sio_client *client);
void sio_client_unref(sio_client *client);

/* Close the session when all that is queued has left. on_close follows from the loop. */
void sio_client_close(sio_client *client);
/*
 * sio_disconnect with close: every socket leaves in order, and the client is told; then as
 * sio_client_close.
 */
void sio_client_disconnect(sio_client *client);
/* CONNECT for a namespace: its middlewares decide, or whether it is to be made. auth: borrowed. */
void sio_client_join(sio_client *client, eio_slice name, eio_slice auth);
/* There is no such namespace. */
void sio_client_refuse_namespace(sio_client *client, eio_slice name);
/* It joined no namespace in time. */
/* It has joined one, or will not any more. */
void sio_client_stop_joining(sio_client *client);
void sio_client_handle_timeout(eio_deadline *deadline);

/*
 * Queue a packet and the attachments behind it (all shared). EIO_OK, or what eio_session_send says.
 */
int sio_client_send(sio_client *client, eio_buffer *packet, eio_buffer *const *attachments,
                    size_t attachment_count, unsigned flags);
/* The same for one that has none; packet: taken, NULL counts as EIO_E_NOMEM. */
int sio_client_send_packet(sio_client *client, eio_buffer *packet);

#endif
