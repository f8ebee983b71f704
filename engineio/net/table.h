/*
 * A hash table of pointers whose keys stand in what they point to: session ids, socket ids, room names. Keys
 * may be chosen by peers, so the hash is keyed (SipHash). Open addressing, 12 bytes a slot, at most 3/4 full: some 20
 * bytes an entry, a sixth of what a node-based table takes. Iteration order is of no meaning.
 */
#ifndef ENGINEIO_NET_TABLE_H
#define ENGINEIO_NET_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "engineio/buffer.h"

typedef struct eio_table {
    void **
        slots; /* own heap, NULL while empty; behind all slots stand the hashes. An item, or NULL: free */
    size_t capacity; /* 0, or a power of two */
    size_t count;
    eio_slice (*key_of)(const void *item);
} eio_table;

/* key_of gives the key of an item; it must not change while the item is in the table. */
EIO_PRIVATE void eio_table_init(eio_table *table, eio_slice (*key_of)(const void *item));
/* The items are the caller's. */
EIO_PRIVATE void eio_table_fini(eio_table *table);
/* Borrowed; NULL if absent. */
EIO_PRIVATE void *eio_table_find(const eio_table *table, eio_slice key);
/* EIO_OK, EIO_E_EXISTS (nothing changed), EIO_E_NOMEM. */
EIO_PRIVATE int eio_table_add(eio_table *table, void *item);
/* Take out exactly this item; false if it was not there. */
EIO_PRIVATE bool eio_table_remove(eio_table *table, const void *item);
/* Walk: start with *at = 0; NULL at the end. The table must not change meanwhile. */
EIO_PRIVATE void *eio_table_next(const eio_table *table, size_t *at);

#endif
