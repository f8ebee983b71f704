/*
 * What malloc keeps. By itself it gives the top of its heap back with each large message that is freed, and takes it
 * again, zeroed page by page, for the next one: half the cost of a 64 KiB echo. And what many clients leave behind in
 * the middle it keeps for ever. So: give nothing back on the way, but look now and then.
 */
#ifndef CHAT_MEMORY_H
#define CHAT_MEMORY_H

#include <uv.h>

/* Set malloc up, and look every ten seconds. timer: the caller's to close; keeps no loop alive. EIO_OK, or libuv's. */
int chat_memory_watch(uv_loop_t *loop, uv_timer_t *timer);

#endif
