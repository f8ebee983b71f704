/*
 * Clients of a server in the same process, for fuzz targets: connections through a real loop and a kernel that takes
 * less than it is given, or fails, when it is told to; on a clock that stands still unless it is moved. The functions
 * of libc that a loop reaches both by are defined here, and hold for the whole program.
 */
#ifndef TESTS_SUPPORT_MOCK_NET_H
#define TESTS_SUPPORT_MOCK_NET_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { MOCK_NET_PEERS = 8 };

/* What happens to the calls of the server that come next. */
typedef enum mock_net_fault {
    MOCK_NET_SHORT, /* one byte is read or written */
    MOCK_NET_FULL,  /* nothing can be written */
    MOCK_NET_READ_RESET,
    MOCK_NET_WRITE_RESET,
    MOCK_NET_NO_DESCRIPTOR, /* nothing can be accepted */
    MOCK_NET_FAULTS
} mock_net_fault;

/* Start afresh: nobody is connected, nothing fails. A descriptor for eio_listen_options.fd, taken by the caller. */
int mock_net_begin(void);
/* Everybody leaves. */
void mock_net_end(void);

/* The next `count` calls that the fault is about fail so; 0: none. */
void mock_net_fail(mock_net_fault fault, unsigned count);
/* Turn the loop until nothing more happens at this moment. */
void mock_net_settle(uv_loop_t *loop);
/* The same, over some time. */
void mock_net_wait(uv_loop_t *loop, uint64_t ms);

/* Peers are 0 to MOCK_NET_PEERS - 1. What cannot be done is not done. */
void mock_net_connect(unsigned peer);
/* Whether anybody is connected who has not seen the server end it. */
int mock_net_has_peers(void);
/* What does not fit any more is lost. */
void mock_net_send(unsigned peer, const void *bytes, size_t len);
/* Take what has come. Returns whether the server has ended the connection, or there is none. */
int mock_net_receive(unsigned peer);
/* The same, but keep what has come: as much as fits, NUL-terminated. Returns its length. */
size_t mock_net_take(unsigned peer, char *out, size_t size);
/* No more to say. */
void mock_net_finish(unsigned peer);
/* Gone, whatever was under way. */
void mock_net_leave(unsigned peer);

#endif
