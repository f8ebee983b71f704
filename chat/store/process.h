/*
 * Which process on which machine: so that a server can tell at once that another one on its machine is dead, where a
 * lease would take its time to say so. What runs elsewhere, or in another container, is never called dead here.
 */
#ifndef CHAT_STORE_PROCESS_H
#define CHAT_STORE_PROCESS_H

#include "engineio/buffer.h"

enum { CHAT_PROCESS_BYTES = 160 };

/* `boot/namespace/process/start` of this process; "?" where the system does not tell. */
void chat_process_identify(char out[CHAT_PROCESS_BYTES]);

/* Whether the process that gave this identity ran beside ours, and has ended. Anything unclear is false. */
bool chat_process_is_dead(const char *own, eio_slice identity);

#endif
