/*
 * Pieces of heap of one size that come and go: of those given back some are kept for the next ones. That saves calls of
 * malloc; and what lives for long does not settle in the gaps that they would leave, which adds up to a tenth of the
 * memory of many idle clients. Expected load: one for each message or request.
 */
#ifndef ENGINEIO_NET_SPARES_H
#define ENGINEIO_NET_SPARES_H

#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#define EIO_HAS_FEATURE(name) __has_feature(name)
#else
#define EIO_HAS_FEATURE(name) 0
#endif

/* The address sanitizer is to see the end of each piece: nothing is kept with it. */
enum {
#if defined(__SANITIZE_ADDRESS__) || EIO_HAS_FEATURE(address_sanitizer)
    EIO_SPARES_ARE_KEPT = 0,
#else
    EIO_SPARES_ARE_KEPT = 1,
#endif
};

/* What a piece is while nobody has it. */
typedef struct eio_spare {
    struct eio_spare *next;
} eio_spare;

typedef struct eio_spares {
    eio_spare *first;
    size_t count, most;
    size_t size; /* of each */
} eio_spares;

static inline void eio_spares_init(eio_spares *spares, size_t size, size_t most)
{
    *spares = (eio_spares){ .size = size, .most = EIO_SPARES_ARE_KEPT ? most : 0 };
}

/* New: its bytes are anything. NULL when out of memory. */
static inline void *eio_spares_take(eio_spares *spares)
{
    eio_spare *piece = spares->first;

    if (piece == NULL)
        return malloc(spares->size);
    spares->first = piece->next;
    spares->count--;
    return piece;
}

/* piece: taken. */
static inline void eio_spares_give(eio_spares *spares, void *piece)
{
    eio_spare *spare = piece;

    if (spares->count >= spares->most) {
        free(piece);
        return;
    }
    spare->next = spares->first;
    spares->first = spare;
    spares->count++;
}

/* Free those that are kept. */
static inline void eio_spares_fini(eio_spares *spares)
{
    while (spares->first != NULL) {
        eio_spare *piece = spares->first;
        spares->first = piece->next;
        free(piece);
    }
    spares->count = 0;
}

#endif
