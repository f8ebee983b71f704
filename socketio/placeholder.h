/*
 * Where attachments stand in JSON. Pure; allocates its list alone. Expected load: packets with
 * attachments only.
 */
#ifndef SOCKETIO_PLACEHOLDER_H
#define SOCKETIO_PLACEHOLDER_H

#include "engineio/buffer.h"

/* What num is when it is not a plain integer that fits. */
#define SIO_PLACEHOLDER_BAD ((unsigned)-1)

/* One `{"_placeholder":true,"num":N}`, wherever its keys stand and whatever others it has. */
typedef struct sio_placeholder {
    eio_slice whole;  /* the object, borrowed from the text */
    eio_slice digits; /* the N */
    size_t text;      /* in which of the texts it stands */
    unsigned num;     /* its value, or SIO_PLACEHOLDER_BAD */
} sio_placeholder;

enum { SIO_PLACEHOLDERS_FEW = 4 };

/* A list, in place while it is short: it stays where it is. sio_placeholders_init makes it an empty one. */
typedef struct sio_placeholders {
    sio_placeholder *items; /* few, or heap */
    size_t count;
    size_t capacity;
    sio_placeholder few[SIO_PLACEHOLDERS_FEW];
} sio_placeholders;

void sio_placeholders_init(sio_placeholders *list);

/*
 * Append the placeholders of some texts in the order in which they stand. What is inside of one is
 * no placeholder: it goes where its holder goes.
 *
 * texts: each one JSON text that was checked. EIO_OK or EIO_E_NOMEM.
 */
int sio_placeholders_find(sio_placeholders *list, const eio_slice *texts, size_t count);

/* Free what the list holds; use it no more. */
void sio_placeholders_fini(sio_placeholders *list);

#endif
