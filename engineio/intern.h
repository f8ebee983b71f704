/*
 * Bytes that many hold alike, kept once: the same content is the same piece of heap, counted, and freed with its last
 * holder. Who holds a piece need not know the pool, which lives as long as its owner or any piece. Loop thread only.
 * Expected load: one look-up a connection; a few hundred pieces, each held by thousands.
 */
#ifndef ENGINEIO_INTERN_H
#define ENGINEIO_INTERN_H

#include "engineio/buffer.h"

typedef struct eio_intern_pool eio_intern_pool;
typedef struct eio_interned eio_interned;

/* New; NULL when out of memory. */
EIO_PRIVATE eio_intern_pool *eio_intern_pool_new(void);
EIO_PRIVATE void eio_intern_pool_unref(eio_intern_pool *pool);

/* A reference to the piece with these bytes (copied if it is new); NULL when out of memory. */
EIO_PRIVATE eio_interned *eio_intern(eio_intern_pool *pool, eio_slice bytes);
EIO_PRIVATE void eio_interned_unref(eio_interned *piece);
/* Borrowed for as long as the reference is held. */
EIO_PRIVATE eio_slice eio_interned_bytes(const eio_interned *piece);

#endif
