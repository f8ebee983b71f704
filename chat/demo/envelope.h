/* What servers tell each other on `MESSAGES`: `{"serverId":…,"type":…,"data":…}`. Anybody may publish there. Pure. */
#ifndef CHAT_DEMO_ENVELOPE_H
#define CHAT_DEMO_ENVELOPE_H

#include "engineio/buffer.h"

typedef struct chat_envelope {
    char server[64]; /* NUL-terminated */
    char type[32];
    eio_slice data; /* a JSON object inside the text */
} chat_envelope;

/* False for anything else. */
bool chat_envelope_read(chat_envelope *out, eio_slice text);

/* The data of `show.room`, from a private room's id and the names of its users. New; NULL when out of memory. */
char *chat_envelope_room(eio_slice id, eio_slice low, eio_slice high);

#endif
