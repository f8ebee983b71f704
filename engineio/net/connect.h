/* An outgoing connection in the making. */
#ifndef ENGINEIO_NET_CONNECT_H
#define ENGINEIO_NET_CONNECT_H

struct connect_attempt;

/* The TLS handshake of its stream is complete: frees it, and tells the owner. */
void eio_connect_finish(struct connect_attempt *attempt);

/* Its stream is given up: free both as soon as libuv lets go of them. */
void eio_connect_abandon(struct connect_attempt *attempt);

#endif
