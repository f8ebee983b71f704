/*
 * SipHash-1-3 for every table whose keys a peer may choose: the key is drawn once a process, so that nobody can make
 * names collide on purpose. Expected load: a look-up per packet, with keys of 5 to 30 bytes.
 */
#ifndef ENGINEIO_NET_SIPHASH_H
#define ENGINEIO_NET_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#include "engineio/error.h"

/* The hash under the process's own key. bytes may be NULL when len is 0. Any thread; cannot fail. */
EIO_PRIVATE uint64_t eio_siphash(const void *bytes, size_t len);

/* The hash under a given key, whose two halves are read as little endian. Any thread. */
EIO_PRIVATE uint64_t eio_siphash_with(const uint64_t key[2], const void *bytes, size_t len);

#endif
