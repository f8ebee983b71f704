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

#endif
