#include "engineio/intern.h"

#include <stdlib.h>

#include "engineio/net/table.h"

struct eio_intern_pool {
    eio_table pieces; /* borrowed: each takes itself out */
    size_t refs;      /* the owner's, and one a piece */
};

struct eio_interned {
    eio_intern_pool *pool; /* a reference */
    size_t refs;
    size_t len;
    char bytes[];
};

static eio_slice bytes_of(const void *item)
{
    return eio_interned_bytes(item);
}

eio_slice eio_interned_bytes(const eio_interned *piece)
{
    return (eio_slice){ piece->bytes, piece->len };
}

eio_intern_pool *eio_intern_pool_new(void)
{
    eio_intern_pool *pool = malloc(sizeof(*pool));
    if (pool == NULL)
        return NULL;
    pool->refs = 1;
    eio_table_init(&pool->pieces, bytes_of);
    return pool;
}

void eio_intern_pool_unref(eio_intern_pool *pool)
{
    if (pool == NULL || --pool->refs > 0)
        return;
    eio_table_fini(&pool->pieces);
    free(pool);
}

static eio_interned *piece_new(eio_intern_pool *pool, eio_slice bytes)
{
    eio_interned *piece = malloc(sizeof(*piece) + bytes.len);
    if (piece == NULL)
        return NULL;
    *piece = (eio_interned){ .pool = pool, .refs = 1, .len = bytes.len };
    if (bytes.len > 0)
        memcpy(piece->bytes, bytes.base, bytes.len);
    if (eio_table_add(&pool->pieces, piece) != EIO_OK) {
        free(piece);
        return NULL;
    }
    pool->refs++;
    return piece;
}

eio_interned *eio_intern(eio_intern_pool *pool, eio_slice bytes)
{
    eio_interned *piece = eio_table_find(&pool->pieces, bytes);

    if (piece == NULL)
        return piece_new(pool, bytes);
    piece->refs++;
    return piece;
}

void eio_interned_unref(eio_interned *piece)
{
    if (piece == NULL || --piece->refs > 0)
        return;
    eio_intern_pool *pool = piece->pool;
    (void)eio_table_remove(&pool->pieces, piece);
    free(piece);
    eio_intern_pool_unref(pool);
}
